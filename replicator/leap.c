/*
 *  CONNECTING --> MARKING --> WAITING --> OPENING --> READING (table by table)
 *                             for those that may     |
 *                             have just committed    v
 *       on_end <-- MOVING <-- MERGING <-- last piece FLUSHING
 *                  the slot   the owner's            what was read is on
 *                             part                   the peer's disk
 */
#include "replicator/leap_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/digest_sql.h"
#include "replicator/envelope.h"

#define POLL_MS 10
/* what had a number when the end was noted is waited for so long */
#define WAIT_MS 2000
#define FLUSH_MS 10000
/* a scan reads so many bytes in the time that the log takes for one */
#define SCAN_FACTOR 16

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_marked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_noted(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_look(void *ctx);
static void on_looked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_opened(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_flush(void *ctx);
static void on_flushed(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_moved(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);

struct leap *
leap_start(const struct leap_conf *conf)
{
	struct leap *l = mem_new(struct leap);

	l->conf = *conf;
	l->conf.peer = mem_strdup(conf->peer);
	l->conf.slot = mem_strdup(conf->slot);
	l->arena = arena_new();
	l->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = conf->peer,
	    .application = "gsb-replicator leap",
	    .setup = digest_session_sql,
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = l,
	});
	return l;
}

void
leap_cancel(struct leap **lp)
{
	struct leap *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	timer_cancel(&l->timer);
	pgconn_free(&l->conn);
	arena_free(&l->arena);
	batch_free(&l->last);
	mem_free(l->newest);
	mem_free((void *)l->conf.peer);
	mem_free((void *)l->conf.slot);
	mem_free(l);
}

uint64_t
leap_rows(const struct leap *l)
{
	return l->rows;
}

bool
leap_has_begun(const struct leap *l)
{
	return l->begun;
}

void
leap_end(struct leap *l, const struct err *err)
{
	struct err copy = { 0 };

	if (err != NULL)
		copy = *err;
	l->conf.on_end(l->conf.ctx, err != NULL ? &copy : NULL);
}

static void
on_down(void *ctx, const struct err *why)
{
	leap_end(ctx, why);
}

void
leap_run(struct leap *l, struct pgbatch *b, pgcall_fn *fn)
{
	l->call = pgconn_run(l->conn, &b, clock_mono_ms() + LEAP_CALL_MS, fn,
			     l);
}

bool
leap_went_well(struct leap *l, const struct err *err)
{
	l->call = NULL;
	if (err == NULL)
		return true;
	if (pgconn_is_up(l->conn))
		leap_end(l, err);
	return false;
}

/* --- the end, and what is behind it ----------------------------------------
 */

/*
 * A transaction of ours that wrote nothing: what the replicator keeps of the
 * peer's last one, to know its history by.
 */
static void
on_up(void *ctx)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, "SELECT pg_current_xact_id()::xid::text");
	leap_run(ctx, b, on_marked);
}

/* First the end, then a number: what has committed before the end has a lower
 * one. (The xmax of a snapshot would not do: it is what has completed.) */
static void
on_marked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct leap *l = ctx;
	struct pgbatch *b;
	STRBUF_AUTO sql = { 0 };

	if (!leap_went_well(l, err))
		return;
	l->xid = (uint32_t)strtoul(pgresult_text(&results[0], 0, 0), NULL, 10);
	strbuf_addf(&sql,
		    "SELECT (extract(epoch FROM CASE WHEN current_setting("
		    "'track_commit_timestamp') = 'on' THEN "
		    "pg_xact_commit_timestamp('%" PRIu32 "'::xid) ELSE "
		    "clock_timestamp() END - '2000-01-01 00:00:00+00') * "
		    "1000000)::int8",
		    l->xid);
	b = pgbatch_new();
	pgbatch_add_sql(b, strbuf_text(&sql));
	pgbatch_add_sql(b, "SELECT pg_current_wal_insert_lsn()");
	pgbatch_add_sql(b, "SELECT pg_current_xact_id()");
	leap_run(l, b, on_noted);
}

static void
on_noted(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct leap *l = ctx;

	if (!leap_went_well(l, err))
		return;
	l->time_us = pgresult_int(&results[0], 0, 0);
	l->end = envelope_lsn(&results[1], 0);
	l->newest = mem_strdup(pgresult_text(&results[2], 0, 0));
	l->deadline_ms = clock_mono_ms() + WAIT_MS;
	on_look(l);
}

/* Who waits for its client has not begun to commit. */
static void
on_look(void *ctx)
{
	struct leap *l = ctx;
	struct pgbatch *b = pgbatch_new();
	STRBUF_AUTO sql = { 0 };

	l->timer = NULL;
	strbuf_addf(&sql,
		    "SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot()"
		    ") AS x(id) WHERE x.id < '%s' AND NOT EXISTS (SELECT FROM "
		    "pg_stat_activity a WHERE a.backend_xid = x.id::xid AND "
		    "a.state LIKE 'idle in transaction%%')",
		    l->newest);
	pgbatch_add_sql(b, strbuf_text(&sql));
	leap_run(l, b, on_looked);
}

static void
open_snapshot(struct leap *l)
{
	struct pgbatch *b = pgbatch_new();
	STRBUF_AUTO sql = { 0 };
	char from[DECODER_LSN_SIZE], to[DECODER_LSN_SIZE];

	pgbatch_add_sql(b, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	strbuf_addf(&sql,
		    "SELECT age(catalog_xmin), pg_current_wal_insert_lsn() "
		    "FROM pg_replication_slots WHERE slot_name = '%s'",
		    l->conf.slot);
	pgbatch_add_sql(b, strbuf_text(&sql));
	pgbatch_add_sql(b, leap_tables_sql);
	strbuf_reset(&sql);
	strbuf_addf(&sql,
		    "SELECT token FROM gsb.barrier_sent WHERE lsn > '%s' AND "
		    "lsn <= '%s'",
		    decoder_lsn(l->conf.from, from), decoder_lsn(l->end, to));
	pgbatch_add_sql(b, strbuf_text(&sql));
	leap_run(l, b, on_opened);
}

static void
on_looked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct leap *l = ctx;
	struct err e;

	if (!leap_went_well(l, err))
		return;
	if (pgresult_int(&results[0], 0, 0) == 0) {
		open_snapshot(l);
		return;
	}
	if (clock_mono_ms() < l->deadline_ms) {
		l->timer = timer_start(POLL_MS, on_look, l);
		return;
	}
	err_set(&e, ERR_TIMEOUT,
		"a transaction of the peer is at work for longer than %d s",
		WAIT_MS / 1000);
	leap_end(l, &e);
}

/* --- rows ------------------------------------------------------------------
 */

void
leap_give(struct leap *l, struct batch *b)
{
	b->begins = !l->begun;
	l->begun = true;
	b->end_lsn = l->end;
	b->time_us = l->time_us;
	b->xid = l->xid;
	l->conf.on_piece(l->conf.ctx, &b);
}

static int
check(const struct leap *l, const struct pgresult *results, struct err *e)
{
	int64_t bytes;

	if (pgresult_rows(&results[1]) != 1)
		return err_set(e, ERR_NOT_FOUND, "the peer has no slot %s",
			       l->conf.slot);
	bytes = leap_check_tables(l->conf.catalog, &results[2], e);
	if (bytes < 0)
		return -1;
	if (bytes / SCAN_FACTOR > l->conf.backlog)
		return err_set(e, ERR_REFUSED,
			       "the log is shorter than what would be read: "
			       "tables of %" PRId64 " MiB",
			       bytes >> 20);
	return 0;
}

static void
on_opened(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct leap *l = ctx;
	struct err e;

	if (!leap_went_well(l, err))
		return;
	if (check(l, results, &e) != 0) {
		leap_end(l, &e);
		return;
	}
	l->age = pgresult_int(&results[1], 0, 0);
	l->written = envelope_lsn(&results[1], 1);
	l->last = batch_new();
	l->last->awaited = true;
	for (int row = 0; row < pgresult_rows(&results[3]); row++)
		batch_add_barrier(l->last,
				  span_of(pgresult_text(&results[3], row, 0)));
	leap_next_table(l);
}

/* --- the end ---------------------------------------------------------------
 */

void
leap_all_read(struct leap *l)
{
	l->deadline_ms = clock_mono_ms() + FLUSH_MS;
	on_flush(l);
}

/* What was committed there and is not on the disk may yet be lost there. */
static void
on_flush(void *ctx)
{
	struct leap *l = ctx;
	struct pgbatch *b = pgbatch_new();

	l->timer = NULL;
	pgbatch_add_sql(b, "SELECT pg_current_wal_flush_lsn()");
	leap_run(l, b, on_flushed);
}

static void
on_flushed(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct leap *l = ctx;
	struct batch *b;
	struct err e;

	if (!leap_went_well(l, err))
		return;
	if (envelope_lsn(&results[0], 0) < l->written) {
		if (clock_mono_ms() < l->deadline_ms) {
			l->timer = timer_start(POLL_MS, on_flush, l);
			return;
		}
		err_set(&e, ERR_TIMEOUT,
			"the peer has not flushed its log for %d s",
			FLUSH_MS / 1000);
		leap_end(l, &e);
		return;
	}
	b = l->last;
	l->last = NULL;
	b->transactions = 1;
	leap_give(l, b);
}

/*
 * The log before it need not be decoded to be passed over. Twice: PostgreSQL
 * takes only the first of the places where decoding might begin (and of the
 * numbers that are done with) along to a position that it had not confirmed.
 * From an older one the next stream would decode all of it again.
 */
void
leap_applied(struct leap *l)
{
	struct pgbatch *b = pgbatch_new();
	STRBUF_AUTO sql = { 0 };
	char lsn[DECODER_LSN_SIZE];

	strbuf_addf(&sql, "SELECT pg_replication_slot_advance('%s', '%s')",
		    l->conf.slot, decoder_lsn(l->end, lsn));
	pgbatch_add_sql(b, "COMMIT");
	pgbatch_add_sql(b, strbuf_text(&sql));
	pgbatch_add_sql(b, strbuf_text(&sql));
	leap_run(l, b, on_moved);
}

/* Where it could not be moved the stream passes over what it brings. */
static void
on_moved(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct leap *l = ctx;
	char quoted[512];

	l->call = NULL;
	if (err != NULL)
		log_warn("leap", "slot=%s why=%s", l->conf.slot,
			 log_quote(quoted, sizeof(quoted), err_text(err)));
	leap_end(l, NULL);
}
