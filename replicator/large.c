/*
 *  bytes --> streamed --whole--> queue --on_next--> file --> intake --> apply
 *                                  ^                                      |
 *                                  '------------- on_applied -------------'
 *
 * Intake and apply live while something is in the queue. When apply is reset
 * the first of the queue is read from its beginning again.
 *
 * While the queue is empty, the first whose block comes is applied early; when
 * it has committed it is the first of the queue, and read only if that failed.
 */
#include "replicator/large.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "replicator/large_inner.h"

/* of pieces that are on their way to the database */
#define QUEUE_BYTES (2 << 20)
/* after a file that failed, as long no stream of large ones is asked for */
#define UNABLE_MS 60000

static void on_relation(void *ctx, struct span message);
static void on_ready(void *ctx, const struct catalog *catalog,
		     uint64_t progress);
static void on_applied(void *ctx, const struct batch *b);
static void on_next(void *ctx);
static void on_reset(void *ctx, const struct err *why);

struct large *
large_new(const struct large_conf *conf)
{
	struct large *l = mem_new(struct large);

	l->conf = *conf;
	STAILQ_INIT(&l->queue);
	l->streamed = streamed_new(
	    &(struct streamed_conf){ .dir = conf->dir,
				     .own_origin = conf->own_origin,
				     .on_relation = on_relation,
				     .on_void = large_early_void,
				     .ctx = l });
	return l;
}

void
large_ready(struct large *l, const struct catalog *catalog)
{
	l->known = catalog;
}

static void
pop(struct large *l)
{
	struct item *i = STAILQ_FIRST(&l->queue);

	STAILQ_REMOVE_HEAD(&l->queue, entry);
	streamfile_free(&i->whole.file);
	mem_free(i->token);
	mem_free(i);
}

/* Its counts outlive it. */
static void
end_session(struct large *l)
{
	struct apply_stats st;

	if (l->apply != NULL) {
		apply_stats(l->apply, &st);
		l->stats.retries += st.retries;
		l->stats.parked += st.parked;
	}
	intake_free(&l->intake);
	apply_free(&l->apply);
	l->catalog = NULL;
}

void
large_cut(struct large *l)
{
	streamed_cut(l->streamed);
}

void
large_forget(struct large *l)
{
	loop_defer_cancel(&l->next);
	early_free(&l->early);
	l->known = NULL;
	end_session(l);
	while (!STAILQ_EMPTY(&l->queue))
		pop(l);
	streamed_cut(l->streamed);
}

void
large_free(struct large **lp)
{
	struct large *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	large_forget(l);
	streamed_free(&l->streamed);
	mem_free(l);
}

void
large_go_on_soon(struct large *l)
{
	if (l->next == NULL)
		l->next = loop_defer(on_next, l);
}

static void
enqueue(struct large *l, struct item *i)
{
	bool alone = STAILQ_EMPTY(&l->queue);

	STAILQ_INSERT_TAIL(&l->queue, i, entry);
	if (alone)
		large_go_on_soon(l);
}

void
large_add_barrier(struct large *l, struct span token)
{
	struct item *i = mem_new(struct item);

	i->token = mem_strndup(token.at, token.len);
	i->len = token.len;
	enqueue(l, i);
}

/* After a cut it may come again while it waits here. */
static bool
is_known(const struct large *l, const struct streamed_whole *whole)
{
	const struct item *i;

	STAILQ_FOREACH(i, &l->queue, entry)
	{
		if (i->token == NULL && i->whole.end_lsn == whole->end_lsn)
			return true;
	}
	return false;
}

static void
on_relation(void *ctx, struct span message)
{
	struct large *l = ctx;

	l->conf.on_relation(l->conf.ctx, message);
}

int
large_message(struct large *l, struct span bytes, int64_t sent_us,
	      uint64_t *end_lsn, struct err *e)
{
	struct streamed_whole whole = { 0 };
	struct item *i;
	bool known;

	switch (streamed_message(l->streamed, bytes, &whole, e)) {
	case STREAMED_OTHER:
		return LARGE_OTHER;
	case STREAMED_TAKEN:
		large_early_follow(l);
		return LARGE_TAKEN;
	case STREAMED_WHOLE:
		break;
	default:
		if (e->code == ERR_IO)
			l->unable_ms = clock_mono_ms();
		return -1;
	}
	*end_lsn = whole.end_lsn;
	known = whole.file == NULL || is_known(l, &whole);
	if (l->early != NULL)
		large_early_make_way(l, &whole, known);
	if (known) {
		streamfile_free(&whole.file);
		return LARGE_WHOLE;
	}
	log_info("large", "xid=%u bytes=%llu committed=yes", whole.xid,
		 (unsigned long long)streamfile_bytes(whole.file));
	i = mem_new(struct item);
	i->whole = whole;
	i->sent_us = sent_us;
	i->received_us = clock_pg_us();
	enqueue(l, i);
	return LARGE_WHOLE;
}

/* --- the first of the queue ------------------------------------------------
 */

static void
submit(struct large *l)
{
	const struct item *i = STAILQ_FIRST(&l->queue);
	struct batch *b = intake_take(l->intake);

	b->sent_us = i->sent_us;
	b->received_us = i->received_us;
	apply_submit(l->apply, &b);
}

/* Nothing is lost: it is read again, for ever tried. */
static void
give_up(struct large *l, const struct err *why)
{
	log_error("large", "why=\"%s\"", err_text(why));
	apply_abandon(l->apply);
}

void
large_finish(struct large *l, const struct batch *b)
{
	l->stats.transactions++;
	pop(l);
	large_go_on_soon(l);
	l->conf.on_done(l->conf.ctx, b); /* last */
}

/* Reads on while not too much is under way. */
static void
feed(struct large *l)
{
	struct item *i = STAILQ_FIRST(&l->queue);
	struct apply_stats st;
	struct span message;
	struct err e;
	int rc = 1;

	apply_stats(l->apply, &st);
	while (l->intake != NULL && st.queued_bytes < QUEUE_BYTES && rc > 0) {
		rc = streamfile_next(i->whole.file, &message, &e);
		if (rc > 0 && intake_message(l->intake, message, &e) != 0)
			rc = -1;
		if (rc == 0)
			intake_commit(l->intake, i->whole.end_lsn,
				      i->whole.time_us);
		if (rc >= 0 && intake_ready(l->intake) != INTAKE_EMPTY)
			submit(l);
		apply_stats(l->apply, &st);
	}
	if (rc < 0) {
		give_up(l, &e);
		return;
	}
	if (rc > 0)
		return;
	intake_free(&l->intake);
	if (apply_is_idle(l->apply))
		large_finish(l, NULL);
}

static void
begin(struct large *l)
{
	const struct item *i = STAILQ_FIRST(&l->queue);
	struct err e;
	int rc;

	l->intake = intake_new(&(struct intake_conf){
	    .catalog = l->catalog, .own_origin = l->conf.own_origin });
	rc = intake_begin(l->intake, i->whole.xid, &e);
	assert(rc == 0);
	streamfile_rewind(i->whole.file);
	feed(l); /* last */
}

static void
on_ready(void *ctx, const struct catalog *catalog, uint64_t progress)
{
	struct large *l = ctx;

	l->catalog = catalog;
	if (l->next == NULL)
		begin(l); /* last */
}

static void
on_applied(void *ctx, const struct batch *b)
{
	struct large *l = ctx;

	l->stats.rows += b->rows;
	if (b->ends)
		large_finish(l, b); /* last */
	else
		feed(l);
}

static void
on_next(void *ctx)
{
	struct large *l = ctx;
	struct item *i;

	l->next = NULL;
	while ((i = STAILQ_FIRST(&l->queue)) != NULL && i->token != NULL) {
		l->conf.on_barrier(l->conf.ctx, span_make(i->token, i->len));
		pop(l);
	}
	if (i == NULL) {
		end_session(l);
		return;
	}
	if (l->early != NULL) {
		early_commit(l->early, &i->whole);
		return;
	}
	if (l->catalog != NULL) {
		begin(l);
		return;
	}
	if (l->apply != NULL)
		return; /* it is being set up again */
	l->apply = apply_new(&(struct apply_conf){
	    .conninfo = l->conf.conninfo,
	    .peer_conninfo = l->conf.peer_conninfo,
	    .application = LARGE_APPLICATION,
	    .origin = l->conf.origin,
	    .makes_origin = true,
	    .tables = l->conf.tables,
	    .on_ready = on_ready,
	    .on_applied = on_applied,
	    .on_reset = on_reset,
	    .ctx = l,
	});
}

static void
on_reset(void *ctx, const struct err *why)
{
	struct large *l = ctx;

	l->catalog = NULL;
	intake_free(&l->intake);
}

/* --- what the owner asks ---------------------------------------------------
 */

bool
large_is_unable(const struct large *l)
{
	return l->unable_ms != 0 && clock_mono_ms() - l->unable_ms < UNABLE_MS;
}

bool
large_is_busy(const struct large *l)
{
	return !STAILQ_EMPTY(&l->queue);
}

uint64_t
large_from(const struct large *l)
{
	const struct item *i;

	STAILQ_FOREACH(i, &l->queue, entry)
	{
		if (i->token == NULL)
			return i->whole.lsn;
	}
	return 0;
}

void
large_stats(const struct large *l, struct large_stats *out)
{
	const struct item *i;
	struct apply_stats st = { 0 };

	*out = l->stats;
	if (l->apply != NULL)
		apply_stats(l->apply, &st);
	out->retries += st.retries;
	out->parked += st.parked;
	out->kept_bytes = streamed_bytes(l->streamed);
	STAILQ_FOREACH(i, &l->queue, entry)
	{
		if (i->token != NULL)
			continue;
		out->pending++;
		out->kept_bytes += streamfile_bytes(i->whole.file);
	}
}
