/*
 *  DOWN --on_up--> SETUP --on_set_up--> READY <-----------------.
 *    ^                                  |  |  a group fails     |
 *    |                       a row lacks|  '--> SETTLING        |
 *    |                       its TOAST  |        | all ended    |
 *    |                                  v        v              |
 *    |                               FETCHING  BACKING_OFF      |
 *    |                                  |        |       REPAIRING
 *    |                                  |      ASKING -----'    |
 *    '---- reset(): connection lost, ---'--------'--------------'
 *          catalog to be read again
 *
 * Groups are applied in order on one session, two under way; the guard in
 * each keeps one from committing after one that failed.
 */
#include "replicator/apply.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "replicator/apply_inner.h"
#include "replicator/envelope.h"
#include "replicator/remedy.h"

#define IN_FLIGHT 2
#define REPLAN_ROWS 1000
#define HUGE_ROWS 5000
#define CALM_ROWS 64 /* more of them are not to be merged in vain */

/*
 * A large transaction is being applied by another session. Whoever waits for
 * it gives way before the server looks for deadlocks (1 s), which would break
 * off the one that has done more.
 */
static const char give_way_sql[] =
    "SELECT set_config('lock_timeout', '500ms', true)";

static void on_group(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_fetched(void *ctx, size_t rows, const struct err *err);
static void on_repaired(void *ctx, size_t parked, const struct err *err);

struct apply *
apply_new(const struct apply_conf *conf)
{
	struct apply *a = mem_new(struct apply);

	a->conf = *conf;
	a->conf.conninfo = mem_strdup(conf->conninfo);
	a->conf.peer_conninfo = mem_strdup(conf->peer_conninfo);
	a->conf.application = mem_strdup(conf->application);
	a->conf.origin = mem_strdup(conf->origin);
	TAILQ_INIT(&a->groups);
	apply_session_start(a);
	return a;
}

void
apply_free(struct apply **ap)
{
	struct apply *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	apply_session_end(a);
	statements_free(&a->statements);
	catalog_free(&a->catalog);
	tables_free(&a->tables);
	tables_free(&a->reading);
	mem_free((void *)a->conf.conninfo);
	mem_free((void *)a->conf.peer_conninfo);
	mem_free((void *)a->conf.application);
	mem_free((void *)a->conf.origin);
	mem_free(a);
}

void
apply_drop_group(struct apply *a, struct apply_group *g)
{
	TAILQ_REMOVE(&a->groups, g, entry);
	if (g->batch != NULL)
		a->stats.queued_bytes -= g->batch->bytes;
	if (g->call != NULL)
		a->stats.in_flight--;
	else
		a->stats.queued--;
	batch_free(&g->batch);
	mem_free(g);
}

void
apply_submit(struct apply *a, struct batch **b)
{
	struct apply_group *g = mem_new(struct apply_group);

	assert(a->state != APPLY_DOWN && a->state != APPLY_SETUP);
	g->apply = a;
	g->batch = *b;
	*b = NULL;
	g->whole = !fetch_is_needed(g->batch);
	if (g->batch->ends)
		a->submitted = g->batch->end_lsn;
	TAILQ_INSERT_TAIL(&a->groups, g, entry);
	a->stats.queued++;
	a->stats.queued_bytes += g->batch->bytes;
	if (a->state == APPLY_READY)
		apply_pump(a);
}

/* Where the origin stands before it, and where it leads. */
static void
place(const struct apply *a, struct apply_group *g)
{
	const struct apply_group *before = TAILQ_PREV(g, apply_groups, entry);
	uint64_t end = g->batch->end_lsn;

	g->from = before != NULL ? before->to : a->stands;
	g->to = a->hold != 0 && end > a->hold ? a->hold : end;
	if (g->to < g->from)
		g->to = g->from;
}

/*
 * Plans are kept, and one that was made for a small table is the wrong one
 * for a large table: make them anew each time when as much has come again.
 * A huge group is worth plans of its own.
 */
static void
mind_plans(struct apply *a, struct pgbatch *out, const struct batch *b)
{
	size_t n = b->rows + b->ntombstones;

	a->since += n;
	if (a->since > a->planned + REPLAN_ROWS) {
		pgbatch_add_sql(out, "DISCARD PLANS");
		a->planned += a->since;
		a->since = 0;
	}
	if (n > HUGE_ROWS)
		pgbatch_add_sql(out, "SELECT set_config('plan_cache_mode', "
				     "'force_custom_plan', true)");
}

/*
 * What nobody waits for, or has more behind it, does not wait for the disk:
 * it is acknowledged when the flusher has been there.
 */
static bool
may_be_lazy(const struct apply *a, const struct apply_group *g)
{
	return (!g->batch->awaited || TAILQ_NEXT(g, entry) != NULL) &&
	       flusher_is_up(a->flusher);
}

/* Where keys are to be looked at again since the last tidying, all is. */
static bool
is_calm(struct apply *a, const struct batch *b)
{
	if (b->ntombstones > 0)
		a->calm = false;
	return a->calm && b->begins && b->ends && b->rows <= CALM_ROWS;
}

static void
send_group(struct apply *a, struct apply_group *g)
{
	struct pgbatch *out = pgbatch_new();
	struct batch *b = g->batch;

	place(a, g);
	mind_plans(a, out, b);
	if (a->hold != 0)
		pgbatch_add_sql(out, give_way_sql);
	g->lazy = b->begins && b->ends && may_be_lazy(a, g);
	if (b->begins && b->ends)
		envelope_whole(out, b, g->from, g->to, g->lazy);
	else if (b->begins)
		envelope_begin(out, g->from);
	b->trust = a->distrust == 0;
	g->calm = is_calm(a, b);
	if (a->distrust > 0)
		a->distrust--;
	statements_add_all(a->statements, out, b, g->calm);
	if (g->calm)
		envelope_calm(out);
	for (size_t i = 0; i < b->nrejects; i++)
		envelope_park(out, &b->rejects[i], b->end_lsn, "");
	envelope_barriers(out, b);
	if (b->ends && !b->begins)
		envelope_commit(out, b, g->to);
	a->stats.queued--;
	a->stats.in_flight++;
	g->call = pgconn_run(a->conn, &out, clock_mono_ms() + APPLY_CALL_MS,
			     on_group, g);
}

static void
fetch_rows(struct apply *a, struct apply_group *g)
{
	a->state = APPLY_FETCHING;
	a->fetch = fetch_start(
	    &(struct fetch_conf){
		.local = a->conn,
		.peer = a->conf.peer_conninfo,
		.application = "gsb-replicator fetch",
		.statements = a->statements,
		.batch = g->batch,
	    },
	    on_fetched, a);
}

static void
repair(struct apply *a, struct apply_group *g)
{
	a->state = APPLY_REPAIRING;
	g->lazy = false;
	place(a, g);
	a->repair = repair_start(
	    &(struct repair_conf){
		.conn = a->conn,
		.statements = a->statements,
		.batch = g->batch,
		.from = g->from,
		.to = g->to,
		.is_transient = remedy_is_transient,
	    },
	    on_repaired, a);
}

/*
 * Behind one that leaves the origin where it is, the guard of the next could
 * not tell whether that one has committed.
 */
static bool
may_follow(struct apply_group *g)
{
	const struct apply_group *before = TAILQ_PREV(g, apply_groups, entry);

	return before == NULL || !before->batch->ends ||
	       before->to != before->from;
}

void
apply_pump(struct apply *a)
{
	struct apply_group *g;

	if (a->tidy_due) {
		if (a->stats.in_flight == 0)
			apply_tidy(a);
		return;
	}
	TAILQ_FOREACH(g, &a->groups, entry)
	{
		bool alone = !g->whole || a->careful_at == a->progress;

		if (g->call != NULL)
			continue;
		if (a->stats.in_flight >= IN_FLIGHT ||
		    (a->stats.in_flight > 0 && (alone || !may_follow(g))))
			return;
		if (!g->whole) {
			fetch_rows(a, g);
			return;
		}
		if (alone) {
			repair(a, g);
			return;
		}
		send_group(a, g);
	}
}

static void
on_fetched(void *ctx, size_t rows, const struct err *err)
{
	struct apply *a = ctx;
	struct apply_group *g = TAILQ_FIRST(&a->groups);
	struct err e = { 0 };

	if (err != NULL)
		e = *err;
	a->fetch = NULL;
	a->stats.fetched += rows;
	if (err != NULL) {
		err_prefix(&e, "rows without their long values are wanted "
			       "whole from the peer");
		if (pgconn_is_up(a->conn))
			apply_retry(a, &e);
		return;
	}
	while (g->whole)
		g = TAILQ_NEXT(g, entry);
	g->whole = true;
	a->state = APPLY_READY;
	apply_pump(a);
}

void
apply_on_flushed(void *ctx, uint64_t lsn)
{
	struct apply *a = ctx;

	if (lsn > a->stands)
		lsn = a->stands; /* whose commit we have not heard of yet */
	if (lsn > a->durable)
		a->durable = lsn;
	if (a->durable < a->stands)
		flusher_ask(a->flusher, false);
	a->conf.on_durable(a->conf.ctx); /* last */
}

/* It is committed, or a piece of what will be. */
static void
finish_group(struct apply *a, struct apply_group *g)
{
	struct batch *b = g->batch;

	a->stats.groups++;
	a->stats.transactions += b->transactions;
	a->stats.rows += b->rows;
	a->stats.changes += b->changes;
	a->failures = 0;
	a->stats.stuck = false;
	a->was_applied = true;
	if (b->ends) {
		if (!b->begins && a->distrust > DISTRUST)
			a->distrust = DISTRUST;
		a->stands = g->to;
		if (b->end_lsn > a->progress)
			a->progress = b->end_lsn;
		if (g->lazy)
			flusher_ask(a->flusher, b->awaited);
		else
			a->durable = g->to;
		a->progress_us = b->time_us;
		a->reloaded_at = a->careful_at = UINT64_MAX;
	}
	g->batch = NULL;
	a->stats.queued_bytes -= b->bytes;
	apply_drop_group(a, g);
	a->state = APPLY_READY;
	apply_pump(a);
	a->conf.on_applied(a->conf.ctx, b);
	batch_free(&b);
}

static void
on_group(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct apply_group *g = ctx;
	struct apply *a = g->apply;

	g->call = NULL;
	a->stats.in_flight--;
	a->stats.queued++;
	if (err == NULL) {
		finish_group(a, g);
		return;
	}
	a->state = APPLY_SETTLING;
	if (a->failure.code == ERR_NONE)
		a->failure = *err;
	/* when the connection is gone, on_down says so */
	if (a->stats.in_flight == 0 && pgconn_is_up(a->conn))
		apply_settle(a);
}

static void
on_repaired(void *ctx, size_t parked, const struct err *err)
{
	struct apply *a = ctx;

	a->repair = NULL;
	if (err != NULL) {
		if (pgconn_is_up(a->conn))
			apply_retry(a, err);
		return;
	}
	a->stats.parked += parked;
	finish_group(a, TAILQ_FIRST(&a->groups));
}

/* --- what the owner asks -------------------------------------------------- */

bool
apply_is_idle(const struct apply *a)
{
	return TAILQ_EMPTY(&a->groups);
}

bool
apply_is_settled(const struct apply *a)
{
	return apply_is_idle(a) && a->durable >= a->stands;
}

uint64_t
apply_progress(const struct apply *a)
{
	return a->progress;
}

uint64_t
apply_seen(const struct apply *a)
{
	return a->seen;
}

uint64_t
apply_durable(const struct apply *a)
{
	return a->durable;
}

void
apply_hold(struct apply *a, uint64_t lsn)
{
	a->hold = lsn;
}

void
apply_catch_up(struct apply *a, uint64_t to)
{
	struct batch *b;

	if (to < a->progress)
		to = a->progress;
	if (a->hold != 0 || a->stands >= to || !apply_is_idle(a))
		return;
	b = batch_new();
	b->end_lsn = to;
	b->time_us = a->progress_us;
	apply_submit(a, &b);
}

uint64_t
apply_submitted(const struct apply *a)
{
	return a->submitted;
}

void
apply_stats(const struct apply *a, struct apply_stats *out)
{
	*out = a->stats;
}
