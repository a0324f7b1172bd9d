/*
 *  follow --start--> early --commits--> the first of the queue, done
 *                      |
 *                      '--given up, rolled back, passed--> its file, later
 */
#include "base/mem.h"
#include "replicator/large_inner.h"

static void on_early_end(void *ctx, enum early_end end);

static void
end_early(struct large *l, enum early_end end)
{
	l->stats.early[end]++;
	early_free(&l->early);
}

void
large_early_void(void *ctx, const struct streamfile *file, uint32_t part)
{
	struct large *l = ctx;

	if (l->early == NULL || !early_is_of(l->early, file))
		return;
	if (part == 0)
		early_free(&l->early); /* it was right to wait with COMMIT */
	else if (early_has_part(l->early, part))
		end_early(l, EARLY_PART);
}

/* The origin is for one session at a time. */
void
large_early_follow(struct large *l)
{
	struct streamfile *file;

	if (l->early != NULL) {
		early_more(l->early);
		return;
	}
	file = streamed_file(l->streamed);
	if (file == NULL || l->known == NULL || l->apply != NULL ||
	    l->next != NULL || !STAILQ_EMPTY(&l->queue) ||
	    streamfile_written(file) == 0 || streamfile_was_read(file))
		return;
	l->early = early_start(
	    &(struct early_conf){ .conninfo = l->conf.conninfo,
				  .application = LARGE_APPLICATION,
				  .origin = l->conf.origin,
				  .catalog = l->known,
				  .file = file,
				  .on_end = on_early_end,
				  .ctx = l });
}

void
large_early_make_way(struct large *l, const struct streamed_whole *whole,
		     bool known)
{
	bool its = early_is_of(l->early, whole->file);

	if (known && its)
		early_free(&l->early);
	else if (!known && !its && STAILQ_EMPTY(&l->queue))
		end_early(l, EARLY_PASSED);
}

static void
on_early_end(void *ctx, enum early_end end)
{
	struct large *l = ctx;
	const struct item *i = STAILQ_FIRST(&l->queue);
	struct batch *b;

	if (end != EARLY_DONE) {
		end_early(l, end);
		if (i != NULL)
			large_go_on_soon(l);
		return;
	}
	b = batch_new();
	b->transactions = 1;
	b->rows = early_rows(l->early);
	b->xid = i->whole.xid;
	b->end_lsn = i->whole.end_lsn;
	b->time_us = i->whole.time_us;
	b->sent_us = i->sent_us;
	b->received_us = i->received_us;
	l->stats.rows += b->rows;
	end_early(l, end);
	large_finish(l, b);
	batch_free(&b);
}
