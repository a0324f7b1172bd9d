/*
 * What is durable here before it is merged.
 *
 *   at hand:  stream --> spool --durable--> acknowledged
 *                  '---> intake --> apply
 *   behind:   stream --> spool --> intake --> apply
 *
 * Behind are those who have something in the spool that intake has not had:
 * after a start, a reset, a cut, and when apply has more than enough to do.
 * They are at hand when they have read it to its end.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "replicator/run_inner.h"

/* what is merged for so long is told to the database as merged */
#define CALM_MS 200
/* what was committed there so long ago, nobody there waits for */
#define OLD_US 500000

static void on_durable(void *ctx);
static void on_mark(void *ctx);
static void on_own(void *ctx, uint64_t xid);
static void on_feed(void *ctx);
static void on_calm(void *ctx);

int
run_spool_new(struct run *r, struct err *e)
{
	const struct progress_record *known;
	struct spool_stats st;

	r->spool = spool_open(&(struct spool_conf){ .dir = r->conf.state_dir,
						    .slot = r->own_name,
						    .own_origin = r->own_name,
						    .on_durable = on_durable,
						    .ctx = r },
			      e);
	if (r->spool == NULL)
		return -1;
	known = meeting_known(r->meeting);
	spool_stats(r->spool, &st);
	r->suspect = st.damaged;
	if (known->system_id != 0 &&
	    !spool_is_of(r->spool, known->system_id, known->timeline)) {
		log_error("run", "spool=dropped why=\"it is of another peer\"");
		spool_forget(r->spool, 0);
	}
	r->mark = spool_mark_new(
	    &(struct spool_mark_conf){ .conninfo = r->conf.local,
				       .application = "gsb-replicator spool",
				       .on_change = on_mark,
				       .on_own = on_own,
				       .ctx = r });
	return 0;
}

void
run_spool_free(struct run *r)
{
	spool_mark_free(&r->mark);
	spool_close(&r->spool);
}

static bool
is_on(const struct run *r)
{
	return r->conf.sync == SYNC_ON && r->conf.spool_max > 0;
}

bool
run_spool_promises(const struct run *r)
{
	return is_on(r) && spool_mark_is_set(r->mark);
}

uint64_t
run_spool_reach(const struct run *r, uint64_t lsn)
{
	return run_spool_promises(r) ? spool_reach(r->spool, lsn) : lsn;
}

static void
feed_soon(struct run *r)
{
	if (r->feeding == NULL)
		r->feeding = loop_defer(on_feed, r);
}

static void
fall_behind(struct run *r, uint64_t lsn)
{
	r->behind = true;
	spool_take(r->spool, is_on(r), true);
	spool_seek(r->spool, lsn);
	feed_soon(r);
}

void
run_spool_ready(struct run *r, uint64_t progress)
{
	char from[DECODER_LSN_SIZE], to[DECODER_LSN_SIZE];
	uint64_t end;

	/* what could not be written comes again: first it goes from here */
	spool_take(r->spool, is_on(r), false);
	end = spool_begin(r->spool, progress);
	if (end <= progress)
		return;
	log_state("run", "spool=replay from=%s to=%s",
		  decoder_lsn(progress, from), decoder_lsn(end, to));
	fall_behind(r, progress);
}

void
run_spool_stop(struct run *r)
{
	loop_defer_cancel(&r->feeding);
	timer_cancel(&r->calm);
	r->behind = false;
	if (r->spool != NULL)
		spool_cut(r->spool);
}

/* What the peer takes as acknowledged does not come again. */
void
run_spool_cut(struct run *r)
{
	uint64_t has = apply_submitted(r->apply), end;

	if (intake_end_lsn(r->intake) > has)
		has = intake_end_lsn(r->intake);
	end = spool_begin(r->spool, has);
	if (!r->behind && end > has)
		fall_behind(r, has);
	else if (r->behind)
		feed_soon(r);
}

void
run_spool_mode(struct run *r)
{
	spool_take(r->spool, is_on(r), r->behind);
}

/* --- what comes ------------------------------------------------------------
 */

static bool
has_more_than_enough(const struct run *r)
{
	struct apply_stats st;

	apply_stats(r->apply, &st);
	return st.queued_bytes > RUN_QUEUE_HIGH;
}

int
run_spool_message(struct run *r, struct span bytes)
{
	bool begins = bytes.len > 0 && bytes.at[0] == DECODER_BEGIN;
	bool ends = bytes.len > 0 && bytes.at[0] == DECODER_COMMIT;
	struct err e;

	if (begins && !r->behind && run_spool_promises(r) &&
	    !spool_has_failed(r->spool) && has_more_than_enough(r))
		fall_behind(r, spool_end(r->spool));
	if (spool_message(r->spool, bytes, &e) != 0) {
		log_error("run",
			  "why=\"%s\" effect=\"the stream begins anew, "
			  "commits of the peer wait\"",
			  err_text(&e));
		return -1;
	}
	if (ends && is_on(r) && spool_end(r->spool) > apply_durable(r->apply)) {
		timer_cancel(&r->calm);
		spool_mark_set(r->mark, true);
	}
	if (r->behind && ends) {
		run_spool_hold(r);
		feed_soon(r); /* it may end the stream */
	}
	return r->behind ? 0 : 1;
}

/* A peer that waits for us is not to wait for its bytes to be many. */
bool
run_spool_is_urgent(const struct run *r)
{
	return run_spool_promises(r) &&
	       clock_pg_us() - spool_time_us(r->spool) < OLD_US;
}

static void
on_durable(void *ctx)
{
	struct run *r = ctx;
	struct spool_stats st;

	spool_stats(r->spool, &st);
	if (st.failed == 0)
		lag_spooled(&r->lag, st.sync_us, clock_pg_us());
	if (r->intake == NULL)
		return;
	run_acknowledge(r);
	run_spool_hold(r);
	run_spool_feed(r);
}

static void
on_mark(void *ctx)
{
	struct run *r = ctx;
	struct spool_stats st;

	spool_stats(r->spool, &st);
	/* something was promised, and what keeps the promise is not there */
	if (spool_mark_is_known(r->mark) && spool_mark_was_set(r->mark) &&
	    !r->has_met && !st.has_files)
		r->suspect = true;
	if (r->intake != NULL)
		run_acknowledge(r);
}

static void
on_own(void *ctx, uint64_t xid)
{
	struct run *r = ctx;

	sync_own(r->sync, xid);
}

/* --- what is read again ----------------------------------------------------
 */

/* False: it makes no sense. */
static bool
give(struct run *r, const struct spool_chunk *c, bool is_known)
{
	struct span rest = c->messages, message;
	struct err e;

	while (spool_message_next(&rest, &message)) {
		if (is_known && message.len > 0 &&
		    message.at[0] != DECODER_RELATION)
			continue;
		if (intake_message(r->intake, message, &e) != 0) {
			log_error("run",
				  "spool=yes why=\"%s\" effect=\"the stream "
				  "begins anew, commits of the peer wait\"",
				  err_text(&e));
			return false;
		}
		if (intake_ready(r->intake) == INTAKE_FULL)
			run_submit(r);
	}
	if (c->end_lsn != 0 && !is_known)
		r->received_us = clock_pg_us();
	/* what comes again and what is new are batches of their own */
	if (intake_end_lsn(r->intake) == apply_seen(r->apply) &&
	    intake_ready(r->intake) != INTAKE_EMPTY)
		run_submit(r);
	return true;
}

static void
catch_up(struct run *r)
{
	r->behind = false;
	spool_take(r->spool, is_on(r), false);
	log_info("run", "spool=read");
}

void
run_spool_feed(struct run *r)
{
	struct spool_chunk chunk;
	struct apply_stats st;
	bool is_known;
	struct err e;
	int rc = 1;

	while (r->behind && r->drain == NULL && rc > 0) {
		apply_stats(r->apply, &st);
		if (st.queued_bytes > RUN_QUEUE_LOW)
			return;
		rc = spool_next(r->spool, &chunk, &is_known, &e);
		if (rc < 0)
			log_error("run",
				  "spool=unreadable why=\"%s\" effect=\"the "
				  "stream begins anew, commits of the peer "
				  "wait\"",
				  err_text(&e));
		if (rc > 0 && !give(r, &chunk, is_known))
			rc = -1;
		if (rc == 0 && !spool_is_inside(r->spool))
			catch_up(r);
	}
	if (rc < 0) {
		apply_abandon(r->apply); /* last: ends the stream */
		return;
	}
	run_submit_what_is_due(r);
	run_spool_hold(r);
}

static void
on_feed(void *ctx)
{
	struct run *r = ctx;

	r->feeding = NULL;
	run_spool_feed(r);
}

/* --- how much ---------------------------------------------------------------
 */

static void
look_at_size(struct run *r)
{
	struct spool_stats st;
	uint64_t max = (uint64_t)r->conf.spool_max;

	spool_stats(r->spool, &st);
	if (!r->full && st.bytes > max)
		log_warn("run",
			 "spool=full bytes=%llu effect=\"commits of the peer "
			 "wait until others are merged\"",
			 (unsigned long long)st.bytes);
	else if (r->full && st.bytes < max / 4 * 3)
		log_info("run", "spool=has-room");
	r->full = st.bytes > (r->full ? max / 4 * 3 : max);
}

/* At hand it is the queue of apply that is bounded, behind it is the spool. */
void
run_spool_hold(struct run *r)
{
	bool spools = run_spool_promises(r) && !spool_has_failed(r->spool);
	struct apply_stats st;
	bool hold;

	if (r->drain != NULL)
		return;
	apply_stats(r->apply, &st);
	look_at_size(r);
	if (r->behind) /* whoever reads waits for the end of what is open */
		hold = spool_is_swollen(r->spool) ||
		       (!spool_is_inside(r->spool) &&
			(r->full || spool_has_failed(r->spool)));
	else if (spools && !spool_is_inside(r->spool))
		hold = spool_is_swollen(r->spool);
	else
		hold = st.queued_bytes >
		       (r->hold ? RUN_QUEUE_LOW : RUN_QUEUE_HIGH);
	if (hold == r->hold)
		return;
	r->hold = hold;
	stream_hold(r->stream, hold);
}

/* --- what the database knows ------------------------------------------------
 */

void
run_spool_settled(struct run *r, uint64_t durable, bool all)
{
	spool_release(r->spool, durable);
	if (!all || r->suspect || !spool_mark_is_set(r->mark))
		timer_cancel(&r->calm);
	else if (r->calm == NULL)
		r->calm = timer_start(CALM_MS, on_calm, r);
}

static void
on_calm(void *ctx)
{
	struct run *r = ctx;

	r->calm = NULL;
	spool_mark_set(r->mark, false);
}

const char *
run_spool_state(const struct run *r)
{
	struct spool_stats st;

	spool_stats(r->spool, &st);
	if (!is_on(r))
		return "off";
	if (st.failed != 0)
		return "failed";
	return r->full ? "full" : "on";
}
