/*
 *  messages --> open --C--> frame, frame, frame --job--> files, chain
 *                            (not yet durable)           (durable)
 *
 * `edge` is where the chain of frames ends; a transaction that is not taken
 * moves it on, and so the next frame begins behind a gap.
 */
#include "replicator/spool.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/work.h"
#include "replicator/spool_inner.h"
#include "replicator/spool_job.h"

#define SWOLLEN_BYTES (16 << 20)
#define RETRY_MS 5000
/* Of a disk that was quick so many times in a row, small frames are not handed
 * to a thread: that and its answer would take longer. */
#define QUICK_US 1000
#define QUICK_TIMES 32
#define SMALL_BYTES (16 << 10)

static void on_start(void *ctx);
static void on_written(void *ctx, void *job);
static void drop_waiting(struct spool *s);

struct spool *
spool_open(const struct spool_conf *conf, struct err *e)
{
	struct spool *s = mem_new(struct spool);

	if (spool_files_open(&s->files, conf->dir, conf->slot, &s->chain,
			     &s->damaged, e) != 0) {
		spool_chain_fini(&s->chain);
		mem_free(s);
		return NULL;
	}
	s->conf = *conf;
	s->conf.own_origin = mem_strdup(conf->own_origin);
	if (s->conf.retry_ms == 0)
		s->conf.retry_ms = RETRY_MS;
	snprintf(s->head.slot, sizeof(s->head.slot), "%s", conf->slot);
	s->scratch = arena_new();
	s->fresh = s->rotate = true;
	s->numbers = s->files.frames;
	TAILQ_INIT(&s->waiting);
	return s;
}

void
spool_close(struct spool **sp)
{
	struct spool *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	loop_defer_cancel(&s->starting);
	work_stop(&s->job);
	drop_waiting(s);
	for (size_t i = 0; i < s->nknown; i++)
		strbuf_fini(&s->known[i].message);
	mem_free(s->known);
	mem_free((void *)s->conf.own_origin);
	arena_free(&s->scratch);
	strbuf_fini(&s->open);
	strbuf_fini(&s->relations);
	strbuf_fini(&s->buffer);
	spool_chain_fini(&s->chain);
	spool_files_close(&s->files);
	mem_free(s);
}

/* --- frames ------------------------------------------------------------------
 */

static struct spool_waiting *
newest(struct spool *s)
{
	return TAILQ_LAST(&s->waiting, spool_queue);
}

void
spool_drop_frame(struct spool *s, struct spool_waiting *w)
{
	TAILQ_REMOVE(&s->waiting, w, entry);
	s->waiting_bytes -= w->bytes.len;
	strbuf_fini(&w->bytes);
	mem_free(w);
}

/* Who begins to read a segment knows nothing of what stood before. */
static void
add_known(struct spool *s, struct spool_waiting *w)
{
	w->rotates = true;
	s->rotate = false;
	s->assigned = SPOOL_HEAD_BYTES;
	for (size_t i = 0; i < s->nknown; i++)
		spool_chunk_add(&w->bytes, 0,
				strbuf_span(&s->known[i].message));
}

static struct spool_waiting *
new_frame(struct spool *s)
{
	struct spool_waiting *w = newest(s);

	if (w != NULL && w->end == 0)
		spool_drop_frame(s,
				 w); /* what follows tells all that is known */
	w = mem_new(struct spool_waiting);
	w->number = s->numbers++;
	w->from = s->edge;
	w->lost = spool_has_failed(s);
	spool_frame_begin(&w->bytes);
	TAILQ_INSERT_TAIL(&s->waiting, w, entry);
	if (!w->lost && (s->rotate || s->assigned >= SPOOL_SEGMENT_BYTES))
		add_known(s, w);
	s->waiting_bytes += w->bytes.len;
	s->fresh = false;
	return w;
}

void
spool_add_chunk(struct spool *s, uint64_t end_lsn, struct span messages)
{
	struct spool_waiting *w = newest(s);
	size_t before;

	if (w != NULL && !w->sealed && w->end == 0 && !s->rotate) {
		w->from = s->edge;
		s->fresh = false;
	}
	if (w == NULL || w->sealed || s->fresh ||
	    w->lost != spool_has_failed(s))
		w = new_frame(s);
	before = w->bytes.len;
	spool_chunk_add(&w->bytes, end_lsn, messages);
	s->waiting_bytes += w->bytes.len - before;
	if (end_lsn != 0)
		w->end = s->edge = end_lsn;
}

void
spool_learn(struct spool *s, struct span message)
{
	uint32_t oid;
	size_t i = 0;

	memcpy(&oid, message.at + 1, sizeof(oid));
	while (i < s->nknown && s->known[i].oid != oid)
		i++;
	if (i == s->cap_known) {
		size_t more = i > 0 ? 2 * i : 16;

		s->known = mem_resize(s->known, i * sizeof(*s->known),
				      more * sizeof(*s->known));
		s->cap_known = more;
	}
	if (i == s->nknown)
		s->nknown++;
	s->known[i].oid = oid;
	strbuf_reset(&s->known[i].message);
	spool_message_add(&s->known[i].message, message);
}

/* --- to the disk ------------------------------------------------------------
 */

static struct spool_waiting *
first_to_write(struct spool *s)
{
	struct spool_waiting *w;

	TAILQ_FOREACH(w, &s->waiting, entry)
	{
		if (!w->lost)
			return w->end != 0 ? w : NULL;
	}
	return NULL;
}

static void
free_job(void *job)
{
	struct spool_job *j = job;

	if (j->path != NULL && j->fd >= 0)
		close(j->fd); /* nobody heard of its end */
	mem_free((void *)j->path);
	mem_free((void *)j->spare);
}

static void
seal(struct spool *s, struct spool_waiting *w, uint64_t segment)
{
	size_t before = w->bytes.len;

	w->len = before;
	w->sealed = true;
	spool_frame_seal(&w->bytes, &(struct spool_frame){ .segment = segment,
							   .number = w->number,
							   .from = w->from,
							   .end = w->end });
	s->waiting_bytes += w->bytes.len - before;
	s->assigned += w->bytes.len;
}

/* All that lies ready to be read goes along. */
void
spool_start(struct spool *s)
{
	if (s->job == NULL && s->starting == NULL && first_to_write(s) != NULL)
		s->starting = loop_defer(on_start, s);
}

static void
on_start(void *ctx)
{
	struct spool *s = ctx;
	struct spool_segment *last = TAILQ_LAST(&s->files.segments,
						spool_segments);
	struct spool_waiting *w = first_to_write(s);
	struct spool_job j = { .dir = s->files.dir, .fd = -1 };

	s->starting = NULL;
	if (s->job != NULL || w == NULL)
		return;
	if (w->rotates) {
		s->head.number = s->files.number++;
		s->head.first = w->number;
		s->head.limit = s->files.frames;
		j.head = s->head;
		j.path = spool_files_path(&s->files, s->head.number);
		j.spare = s->files.spare;
		s->files.spare = NULL;
		j.offset = SPOOL_HEAD_BYTES;
		seal(s, w, s->head.number);
	} else {
		j.fd = last->fd;
		j.offset = last->bytes;
		seal(s, w, last->head.number);
	}
	j.frame = strbuf_span(&w->bytes);
	if (!w->rotates && j.frame.len <= SMALL_BYTES &&
	    s->quick >= QUICK_TIMES) {
		spool_job_run(&j);
		on_written(s, &j); /* last */
		return;
	}
	s->job = work_start(spool_job_run, &j, sizeof(j), free_job, on_written,
			    s);
}

static void
drop_waiting(struct spool *s)
{
	struct spool_waiting *w;

	while ((w = TAILQ_FIRST(&s->waiting)) != NULL)
		spool_drop_frame(s, w);
}

/* Nothing of what waits was acknowledged. */
static void
fail(struct spool *s, struct spool_job *j)
{
	struct spool_waiting *w;

	if (s->failed == 0)
		log_error("spool",
			  "dir=%s why=\"it cannot be written: %s\" effect="
			  "\"commits of the peer wait until they are merged\"",
			  s->files.dir, strerror(j->why));
	s->failed = j->why;
	s->quick = 0;
	s->failed_ms = clock_mono_ms();
	if (j->path != NULL)
		unlink(j->path);
	s->fresh = s->rotate = true;
	TAILQ_FOREACH(w, &s->waiting, entry)
	{
		w->lost = w->sealed = true;
		if (w->len == 0)
			w->len = w->bytes.len;
	}
	if (!s->patient)
		drop_waiting(s);
}

static void
succeed(struct spool *s, struct spool_job *j)
{
	struct spool_waiting *w = first_to_write(s);
	struct spool_segment *last;

	if (s->failed != 0)
		log_info("spool", "dir=%s written=again", s->files.dir);
	s->failed = 0;
	if (j->path != NULL) {
		spool_files_add(&s->files, &j->head, mem_strdup(j->path),
				j->fd);
		j->fd = -1;
	}
	last = TAILQ_LAST(&s->files.segments, spool_segments);
	last->bytes += w->bytes.len;
	last->end = w->end;
	s->files.frames = w->number + 1;
	s->syncs++;
	s->sync_us = j->us;
	s->quick = j->us > QUICK_US ? 0 : s->quick + 1;
	spool_chain_add(&s->chain, w->from, w->end);
	spool_drop_frame(s, w);
}

static void
on_written(void *ctx, void *job)
{
	struct spool *s = ctx;
	struct spool_job *j = job;

	s->job = NULL;
	if (j->why != 0)
		fail(s, j);
	else
		succeed(s, j);
	spool_start(s);
	s->conf.on_durable(s->conf.ctx); /* last */
}

/* --- what is there ---------------------------------------------------------
 */

uint64_t
spool_reach(const struct spool *s, uint64_t lsn)
{
	return spool_chain_reach(&s->chain, lsn);
}

bool
spool_is_of(const struct spool *s, uint64_t system_id, uint32_t timeline)
{
	const struct spool_segment *f;

	TAILQ_FOREACH(f, &s->files.segments, entry)
	{
		if (f->head.system_id != system_id ||
		    f->head.timeline != timeline)
			return false;
	}
	return true;
}

uint64_t
spool_end(const struct spool *s)
{
	return s->edge;
}

bool
spool_has_failed(const struct spool *s)
{
	return s->failed != 0 &&
	       clock_mono_ms() - s->failed_ms < s->conf.retry_ms;
}

bool
spool_is_swollen(const struct spool *s)
{
	return s->waiting_bytes > SWOLLEN_BYTES;
}

void
spool_release(struct spool *s, uint64_t lsn)
{
	spool_chain_release(&s->chain, lsn);
	spool_files_release(&s->files, lsn);
}

static void
drop_all_waiting(struct spool *s)
{
	work_stop(&s->job);
	drop_waiting(s);
	s->fresh = s->rotate = true;
}

uint64_t
spool_begin(struct spool *s, uint64_t lsn)
{
	uint64_t end = spool_chain_reach(&s->chain, lsn);
	struct spool_waiting *w;
	bool gap = s->chain.n > 0 && end < s->chain.at[s->chain.n - 1].end &&
		   spool_files_cut(&s->files, lsn);

	spool_cut(s);
	spool_chain_cut(&s->chain, end);
	TAILQ_FOREACH(w, &s->waiting, entry)
	{
		gap = gap || (w->end != 0 && w->from > end);
		if (!gap && w->end > end)
			end = w->end;
	}
	if (gap) {
		drop_all_waiting(s);
		end = spool_chain_reach(&s->chain, lsn);
	}
	s->edge = end;
	s->fresh = true;
	return end;
}

void
spool_forget(struct spool *s, uint64_t lsn)
{
	spool_cut(s);
	drop_all_waiting(s);
	spool_chain_fini(&s->chain);
	spool_files_clear(&s->files);
	s->edge = lsn;
}

void
spool_stats(const struct spool *s, struct spool_stats *out)
{
	bool empty = s->chain.n == 0;

	*out = (struct spool_stats){
		.bytes = empty ? 0 : spool_files_bytes(&s->files),
		.has_files = !TAILQ_EMPTY(&s->files.segments),
		.syncs = s->syncs,
		.sync_us = s->sync_us,
		.failed = s->failed,
		.damaged = s->damaged
	};
}
