/* When a backlog is leapt over, and what becomes of it. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "replicator/run_inner.h"

/* One that failed is tried again at once, for rows that were thought new may
 * be known; then the log is followed, and leaps rest for a while. */
#define ATTEMPTS 2
#define REST_MS (10 * 60 * 1000)

static void on_piece(void *ctx, struct batch **b);
static void on_end(void *ctx, const struct err *err);

/* All that came is merged, nothing that came early waits for its turn. */
static bool
is_settled(const struct run *r, uint64_t from)
{
	uint64_t merged = apply_progress(r->apply);

	return run_is_idle(r) && from >= merged &&
	       apply_seen(r->apply) <= from && spool_end(r->spool) <= from;
}

bool
run_leap_begins(struct run *r, const struct stream_peer *peer, uint64_t from)
{
	struct stream_last last = meeting_last(r->meeting);
	char lsn[DECODER_LSN_SIZE];
	int64_t backlog;

	if (r->leap != NULL)
		return true;
	/* what is between held nothing for us */
	if (from < peer->confirmed_lsn)
		from = peer->confirmed_lsn;
	backlog = (int64_t)(peer->current_lsn - from);
	if (r->conf.leap_above == 0 || backlog < r->conf.leap_above ||
	    r->drain != NULL || !is_settled(r, from) ||
	    clock_mono_ms() < r->leap_rests_ms)
		return false;
	log_state("run", "leap=begins from=%s backlog=%" PRId64,
		  decoder_lsn(from, lsn), backlog);
	stream_rest(r->stream, true);
	r->leap_begun_ms = clock_mono_ms();
	r->leap = leap_start(&(struct leap_conf){
	    .peer = r->conf.peer,
	    .slot = r->own_name,
	    .catalog = r->catalog,
	    .from = from,
	    .backlog = backlog,
	    .beyond = { .us = last.time_us,
			.peer = run_site_number(run_peer_site(r->conf.site)) },
	    .on_piece = on_piece,
	    .on_end = on_end,
	    .ctx = r,
	});
	if (r->behind_since_us == 0)
		r->behind_since_us = last.time_us + CLOCK_PG_EPOCH_US;
	return true;
}

static void
on_piece(void *ctx, struct batch **b)
{
	struct run *r = ctx;
	struct apply_stats st;

	apply_submit(r->apply, b);
	apply_stats(r->apply, &st);
	if (st.queued_bytes > RUN_QUEUE_LOW)
		r->swollen = true;
	if (st.queued_bytes > RUN_QUEUE_HIGH)
		leap_hold(r->leap, true);
}

void
run_leap_applied(struct run *r, const struct batch *b)
{
	struct apply_stats st;

	if (r->leap == NULL)
		return;
	if (b->ends) {
		leap_applied(r->leap);
		return;
	}
	apply_stats(r->apply, &st);
	if (st.queued_bytes < RUN_QUEUE_LOW)
		leap_hold(r->leap, false);
}

/* Before its end. */
static void
note_failure(struct run *r, const char *why)
{
	char quoted[512];
	bool rests = ++r->leap_attempts >= ATTEMPTS;

	r->leap_stats.failed++;
	if (rests) {
		r->leap_attempts = 0;
		r->leap_rests_ms = clock_mono_ms() + REST_MS;
	}
	log_warn("run", "leap=failed why=%s effect=\"%s\"",
		 log_quote(quoted, sizeof(quoted), why),
		 rests ? "the log is followed" : "it is tried once more");
}

void
run_leap_stop(struct run *r, const struct err *why)
{
	if (r->leap != NULL && why != NULL)
		note_failure(r, err_text(why));
	leap_cancel(&r->leap);
}

static void
on_end(void *ctx, const struct err *err)
{
	struct run *r = ctx;
	bool begun = leap_has_begun(r->leap);
	uint64_t rows = leap_rows(r->leap);

	leap_cancel(&r->leap);
	if (err == NULL) {
		r->leap_stats.done++;
		r->leap_stats.rows += rows;
		r->leap_attempts = 0;
		log_state("run", "leap=done rows=%" PRIu64 " took_ms=%" PRId64,
			  rows, clock_mono_ms() - r->leap_begun_ms);
		spool_forget(r->spool, apply_progress(r->apply));
		stream_rest(r->stream, false);
		run_drain_goes_on(r); /* last */
		return;
	}
	/* it would fail in the same way once more */
	r->leap_attempts = begun ? r->leap_attempts : ATTEMPTS;
	note_failure(r, err_text(err));
	if (begun)
		apply_abandon(r->apply); /* last: ends the stream */
	else
		stream_rest(r->stream, false);
}

void
run_leap_status(const struct run *r, struct leap_stats *out)
{
	*out = r->leap_stats;
	out->active = r->leap != NULL;
	if (r->leap != NULL)
		out->rows += leap_rows(r->leap);
}
