/*
 *   stream --bytes--> intake --batches--> apply --> the local database
 *      ^                                    |
 *      '--------- acknowledged -------------'
 *
 * Stream and intake live while apply is ready: from on_ready to on_reset.
 */
#include "replicator/run_inner.h"

#include <assert.h>
#include <malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/timer.h"
#include "replicator/control.h"

#define DRAIN_MS 900

static void on_ready(void *ctx, const struct catalog *catalog,
		     uint64_t progress);
static struct stream_last on_ask(void *ctx);
static bool on_peer(void *ctx, const struct stream_peer *peer,
		    struct stream_begin *begin);
static void on_rejoined(void *ctx, const struct stream_peer *peer,
			uint64_t from, const char *why);
static void on_state(void *ctx, enum stream_state to, const struct err *why);
static bool on_message(void *ctx, struct span bytes);
static void on_keepalive(void *ctx, uint64_t end_lsn);
static bool on_pause(void *ctx);
static void on_applied(void *ctx, const struct batch *b);
static void on_durable(void *ctx);
static void on_reset(void *ctx, const struct err *why);
static void on_sync(void *ctx);
static void on_drain_end(void *ctx);

static void
begin(struct run *r)
{
	r->apply = apply_new(&(struct apply_conf){
	    .conninfo = r->conf.local,
	    .peer_conninfo = r->conf.peer,
	    .application = "gsb-replicator apply",
	    .origin = r->peer_name,
	    .tables = r->conf.tables,
	    .on_ready = on_ready,
	    .on_applied = on_applied,
	    .on_durable = on_durable,
	    .on_reset = on_reset,
	    .ctx = r,
	});
	run_large_new(r);
	r->sync = sync_new(&(struct sync_conf){
	    .conninfo = r->conf.local,
	    .application = "gsb-replicator sync",
	    .standby = r->peer_name,
	    .mode = r->conf.sync,
	    .timeout_ms = r->conf.sync_timeout_ms,
	    .on_change = on_sync,
	    .ctx = r,
	});
	r->heal = heal_new(&(struct heal_conf){
	    .local = r->conf.local,
	    .peer = r->conf.peer,
	    .site = r->conf.site,
	    .peer_site = run_peer_site(r->conf.site),
	    .tables = r->conf.tables,
	    .interval_ms = r->conf.verify_ms,
	    .is_behind = run_is_behind,
	    .on_change = on_sync,
	    .ctx = r,
	});
}

struct run *
run_new(const struct run_conf *conf, struct err *e)
{
	struct run *r = mem_new(struct run);

	r->conf = *conf;
	r->own_name = mem_printf("gsb_%s", conf->site);
	r->peer_name = mem_printf("gsb_%s", run_peer_site(conf->site));
	r->meeting = meeting_new(
	    &(struct meeting_conf){ .local = conf->local,
				    .peer = conf->peer,
				    .state_dir = conf->state_dir,
				    .slot = r->own_name,
				    .on_rejoined = on_rejoined,
				    .ctx = r },
	    e);
	if (r->meeting == NULL || run_spool_new(r, e) != 0)
		goto fail;
	begin(r);
	r->report = report_new(
	    &(struct report_conf){ .listen = conf->listen,
				   .sync = r->sync,
				   .fill = run_status,
				   .ctx = r,
				   .more = conf->more_metrics,
				   .conflicts_age_ms = conf->conflicts_age_ms,
				   .conflicts_kept = conf->conflicts_kept },
	    e);
	if (r->report != NULL)
		r->control = control_open(
		    &(struct control_conf){ .state_dir = conf->state_dir,
					    .local = conf->local,
					    .tables = conf->tables,
					    .heal = r->heal,
					    .sync = r->sync,
					    .fill = run_status,
					    .ctx = r },
		    e);
	if (r->control != NULL)
		return r;
fail:
	run_free(&r);
	return NULL;
}

static void
stop_stream(struct run *r, const struct err *why)
{
	timer_cancel(&r->linger);
	run_leap_stop(r, why);
	meeting_cut(r->meeting);
	run_spool_stop(r);
	if (r->large != NULL)
		large_forget(r->large);
	stream_free(&r->stream);
	intake_free(&r->intake);
	r->hold = false;
	r->seen = 0;
	r->behind_since_us = 0;
}

void
run_free(struct run **rp)
{
	struct run *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	timer_cancel(&r->drain);
	run_parked_stop(r);
	control_close(&r->control);
	report_free(&r->report);
	heal_free(&r->heal);
	stop_stream(r, NULL);
	large_free(&r->large);
	apply_free(&r->apply);
	run_spool_free(r);
	sync_free(&r->sync);
	meeting_free(&r->meeting);
	mem_free(r->own_name);
	mem_free(r->peer_name);
	mem_free(r->large_origin);
	mem_free(r);
}

static void
on_ready(void *ctx, const struct catalog *catalog, uint64_t progress)
{
	struct run *r = ctx;
	char lsn[DECODER_LSN_SIZE];

	log_state("run", "database=ready tables=%zu progress=%s", catalog->n,
		  decoder_lsn(progress, lsn));
	r->catalog = catalog;
	r->intake = intake_new(&(struct intake_conf){
	    .catalog = catalog, .own_origin = r->own_name });
	r->stream = stream_new(&(struct stream_conf){
	    .conninfo = r->conf.peer,
	    .application = r->own_name,
	    .slot = r->own_name,
	    .stream_above = r->conf.stream_above,
	    .publication = "gsb",
	    .on_ask = on_ask,
	    .on_peer = on_peer,
	    .on_message = on_message,
	    .on_keepalive = on_keepalive,
	    .on_pause = on_pause,
	    .on_state = on_state,
	    .ctx = r,
	});
	run_spool_ready(r, progress);
	run_parked_retry(r);
	large_ready(r->large, catalog);
	report_touch(r->report);
}

static void
on_reset(void *ctx, const struct err *why)
{
	struct run *r = ctx;

	stop_stream(r, why);
	heal_go(r->heal, false);
	report_touch(r->report);
}

static struct stream_last
on_ask(void *ctx)
{
	struct run *r = ctx;

	return meeting_last(r->meeting);
}

/* What was streamed before came of another log. */
static void
on_rejoined(void *ctx, const struct stream_peer *peer, uint64_t from,
	    const char *why)
{
	struct run *r = ctx;

	report_peer(r->report, peer, from);
	heal_want(r->heal, why);
	spool_forget(r->spool, from);
	r->suspect = false;
	r->has_met = true;
	/* last: ends the stream */
	apply_rewind(r->apply, apply_progress(r->apply) > from ? from : 0);
}

static bool
on_peer(void *ctx, const struct stream_peer *peer,
	struct stream_begin *begin_at)
{
	struct run *r = ctx;
	uint64_t applied = apply_progress(r->apply);
	uint64_t come = intake_end_lsn(r->intake);
	struct meeting_stand stand = {
		.applied = applied,
		.spooled = spool_reach(r->spool, applied),
		.may_rejoin = !r->behind && run_is_idle(r) &&
			      apply_is_settled(r->apply),
	};
	bool is_other = false;

	report_touch(r->report);
	if (!meeting_judge(r->meeting, peer, &stand, &begin_at->start_lsn,
			   &is_other))
		return false;
	r->suspect = false;
	r->has_met = true;
	spool_name(r->spool, peer->system_id, peer->timeline);
	begin_at->applied_lsn = apply_durable(r->apply);
	begin_at->durable_lsn = begin_at->start_lsn != 0
				    ? run_spool_reach(r, begin_at->applied_lsn)
				    : 0;
	if (r->behind && spool_end(r->spool) > come)
		come = spool_end(r->spool);
	/* what is on its way to the database need not come again */
	begin_at->streaming = !large_is_unable(r->large);
	if (begin_at->start_lsn != 0 && come > begin_at->start_lsn)
		begin_at->start_lsn = come;
	if (is_other)
		report_peer(r->report, peer, applied);
	return !run_leap_begins(r, peer, begin_at->start_lsn);
}

static void
on_state(void *ctx, enum stream_state to, const struct err *why)
{
	struct run *r = ctx;

	report_touch(r->report);
	heal_go(r->heal, to == STREAM_RUNNING);
	if (to == STREAM_WAITING)
		large_cut(r->large);
	if (to != STREAM_WAITING || r->intake == NULL)
		return;
	if (!r->behind && !intake_cut(r->intake))
		apply_abandon(r->apply); /* last: ends the stream */
	else
		run_spool_cut(r);
}

/* --- from the stream to apply ----------------------------------------------
 */

static bool
on_message(void *ctx, struct span bytes)
{
	struct run *r = ctx;
	struct err e;
	int what = run_large_message(r, bytes);

	if (what != LARGE_OTHER) {
		if (what == LARGE_WHOLE)
			run_submit_what_is_due(r);
		return what > 0;
	}
	what = run_spool_message(r, bytes);
	if (what <= 0)
		return what == 0;
	/* what stands before a new transaction need not wait for its end */
	if (bytes.len > 0 && bytes.at[0] == DECODER_BEGIN)
		run_submit_what_is_due(r);
	if (intake_message(r->intake, bytes, &e) != 0) {
		log_error("run", "why=\"%s\"", err_text(&e));
		return false;
	}
	if (bytes.at[0] == DECODER_COMMIT) {
		r->sent_us = stream_sent_us(r->stream);
		r->received_us = clock_pg_us();
		lag_heard(&r->lag, r->sent_us, r->received_us);
	}
	/* at once, before the keepalive that follows is answered */
	if (intake_ready(r->intake) == INTAKE_FULL ||
	    bytes.at[0] == DECODER_COMMIT)
		run_submit_what_is_due(r);
	/* what comes again and what is new are batches of their own */
	if (intake_end_lsn(r->intake) == apply_seen(r->apply) &&
	    intake_ready(r->intake) != INTAKE_EMPTY)
		run_submit(r);
	return true;
}

bool
run_is_idle(const struct run *r)
{
	return apply_is_idle(r->apply) && !intake_is_busy(r->intake) &&
	       !r->behind && !large_is_busy(r->large);
}

/* Not where nothing waits, nor where it waits for the spool. */
bool
run_is_awaited(const struct run *r)
{
	return r->conf.sync != SYNC_OFF &&
	       (!run_spool_promises(r) || spool_has_failed(r->spool));
}

/*
 * What is flushed here is durable, and so is what the spool has. When
 * nothing else is under way, so is all that came and held nothing for us.
 */
void
run_acknowledge(struct run *r)
{
	uint64_t durable = apply_durable(r->apply);
	uint64_t base = run_spool_reach(r, durable), acked = base;
	uint64_t merged = apply_stands(r->apply);
	bool idle = run_is_idle(r), merged_all = idle && durable >= merged;

	meeting_durable(r->meeting, durable);
	if (intake_end_lsn(r->intake) > r->seen)
		r->seen = intake_end_lsn(r->intake);
	if (r->seen > base &&
	    (merged_all ||
	     (!large_is_busy(r->large) && run_spool_promises(r) &&
	      !spool_is_inside(r->spool) && base >= spool_end(r->spool))))
		acked = r->seen;
	if (idle)
		r->behind_since_us = 0;
	if (idle && r->swollen) {
		r->swollen = false;
		malloc_trim(0);
	}
	if (acked > base)
		meeting_save(r->meeting, base, acked);
	if (idle && r->seen > merged)
		merged = r->seen;
	stream_ack(r->stream, acked, merged < acked ? merged : acked,
		   run_is_awaited(r));
	run_spool_settled(r, durable, merged_all);
}

static void
on_keepalive(void *ctx, uint64_t end_lsn)
{
	struct run *r = ctx;

	lag_heard(&r->lag, stream_sent_us(r->stream), clock_pg_us());
	if (end_lsn > r->seen)
		r->seen = end_lsn;
	run_acknowledge(r);
}

static bool
on_pause(void *ctx)
{
	struct run *r = ctx;
	struct apply_stats st;

	run_submit_what_is_due(r);
	run_acknowledge(r);
	apply_stats(r->apply, &st);
	return st.queued > 0 && !run_spool_is_urgent(r);
}

/* Its last transaction was applied. */
void
run_count(struct run *r, const struct batch *b)
{
	if (b->transactions == 0)
		return;
	lag_applied(&r->lag, b, clock_pg_us());
	meeting_applied(r->meeting, b);
	r->apply_ms = (clock_pg_us() - b->time_us) / 1000;
	r->behind_since_us = b->time_us + CLOCK_PG_EPOCH_US;
}

static void
on_applied(void *ctx, const struct batch *b)
{
	struct run *r = ctx;

	if (b->ends)
		run_count(r, b);
	run_leap_applied(r, b);
	apply_catch_up(r->apply, 0);
	run_submit_what_is_due(r);
	run_acknowledge(r);
	run_spool_feed(r);
	run_drain_goes_on(r); /* last */
}

static void
on_durable(void *ctx)
{
	struct run *r = ctx;

	run_acknowledge(r);
	run_drain_goes_on(r); /* last */
}

/* --- the rest ---------------------------------------------------------------
 */

static void
on_sync(void *ctx)
{
	struct run *r = ctx;

	if (r->report != NULL)
		report_touch(r->report);
}

void
run_reload(struct run *r, const struct run_conf *conf)
{
	sync_change(r->sync, conf->sync, conf->sync_timeout_ms);
	heal_set_interval(r->heal, conf->verify_ms);
	report_set_history(r->report, conf->conflicts_age_ms,
			   conf->conflicts_kept);
	r->conf.sync = conf->sync;
	run_spool_mode(r);
	apply_reread(r->apply); /* last: ends the stream */
}

void
run_drain(struct run *r, void (*fn)(void *ctx), void *ctx)
{
	bool idle = r->intake == NULL;

	r->on_drained = fn;
	r->drain_ctx = ctx;
	if (!idle) {
		r->hold = true;
		stream_hold(r->stream, true);
		if (intake_ready(r->intake) != INTAKE_EMPTY)
			run_submit(r);
		idle = apply_is_settled(r->apply) && r->leap == NULL;
	}
	r->drain = timer_start(idle ? 0 : DRAIN_MS, on_drain_end, r);
}

void
run_drain_goes_on(struct run *r)
{
	if (r->drain == NULL || !apply_is_settled(r->apply) || r->leap != NULL)
		return;
	timer_cancel(&r->drain);
	on_drain_end(r);
}

static void
on_drain_end(void *ctx)
{
	struct run *r = ctx;
	uint64_t durable = apply_durable(r->apply);

	r->drain = NULL;
	/* with the last transaction that is merged: what leaps begin at */
	if (durable > meeting_known(r->meeting)->acked)
		meeting_save(r->meeting, durable, durable);
	r->on_drained(r->drain_ctx);
}
