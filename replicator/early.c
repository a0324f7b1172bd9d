/*
 *  file --> freshrows --piece--> COPY, COPY, ...   one call under way, the
 *                                                  next piece made meanwhile
 *  early_commit: the rest, what the merge owes behind it, COMMIT
 *
 * Any failure, and each reason of early_end, closes the session: the server
 * rolls back.
 */
#include "replicator/early.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/batch.h"
#include "replicator/envelope.h"
#include "replicator/freshrows.h"

#define PIECE_BYTES (512 << 10)
/* of file that is looked at no sooner, but at its end */
#define READ_BYTES (64 << 10)
#define TICK_MS 100
/* in ticks: a machine that stood still is not idle */
#define IDLE_TICKS 30
#define LONG_TICKS 600
#define DOWN_TICKS 50
#define CALL_MS (30 * 60 * 1000)
#define RETRY_FIRST_MS 10
#define RETRY_MAX_MS 500

struct early {
	struct early_conf conf;
	struct pgconn *conn;
	struct pgcall *call;
	struct timer *tick;
	struct loop_call *told; /* the end is to be told */
	enum early_end end;
	struct freshrows *rows;
	uint64_t seen;        /* of the file, bytes that were there */
	bool open, check_due; /* a transaction is; who waits is to be asked */
	bool any;             /* a message was read; of these parts: */
	uint32_t first_part, last_part;
	unsigned ticks, idle_ticks, down_ticks;
	bool commits;
	struct streamed_whole whole; /* then */
};

static const char *const names[] = { "done",   "unfit", "known", "locked",
				     "blocks", "idle",  "long",  "failed",
				     "passed", "part" };
static_assert(sizeof(names) / sizeof(names[0]) == EARLY_ENDS,
	      "one name for each end");

static const struct pgstmt check = {
	.name = "blocks",
	.sql = "SELECT EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND "
	       "pg_backend_pid() = ANY (pg_blocking_pids(l.pid)))",
};

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_step(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_checked(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_committed(void *ctx, const struct pgresult *results, size_t n,
			 const struct err *err);
static void on_tick(void *ctx);
static void on_told(void *ctx);
static void go_on(struct early *e);

const char *
early_name(enum early_end end)
{
	return names[end];
}

struct early *
early_start(const struct early_conf *conf)
{
	struct early *e = mem_new(struct early);
	STRBUF_AUTO setup = { 0 };

	e->conf = *conf;
	e->rows = freshrows_new(conf->catalog);
	strbuf_adds(&setup, "SET lock_timeout = '300ms'; "
			    "SET idle_in_transaction_session_timeout = 0; ");
	envelope_session(&setup, conf->origin, true);
	e->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = conf->conninfo,
	    .application = conf->application,
	    .setup = strbuf_text(&setup),
	    .retry_first_ms = RETRY_FIRST_MS,
	    .retry_max_ms = RETRY_MAX_MS,
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = e,
	});
	e->tick = timer_start(TICK_MS, on_tick, e);
	return e;
}

/* The server rolls back what is open. */
static void
disconnect(struct early *e)
{
	timer_cancel(&e->tick);
	pgconn_free(&e->conn);
	e->call = NULL;
	e->open = false;
}

void
early_free(struct early **ep)
{
	struct early *e = *ep;

	*ep = NULL;
	if (e == NULL)
		return;
	disconnect(e);
	loop_defer_cancel(&e->told);
	freshrows_free(&e->rows);
	mem_free(e);
}

static void
give_up(struct early *e, enum early_end end, const char *why)
{
	char quoted[512];

	if (e->conn == NULL)
		return;
	log_info("early", "end=%s rows=%llu why=%s", names[end],
		 (unsigned long long)freshrows_count(e->rows),
		 log_quote(quoted, sizeof(quoted), why));
	disconnect(e);
	e->end = end;
	e->told = loop_defer(on_told, e);
}

static void
on_told(void *ctx)
{
	struct early *e = ctx;

	e->told = NULL;
	e->conf.on_end(e->conf.ctx, e->end); /* last */
}

static void
fail(struct early *e, const struct err *why)
{
	enum early_end end = EARLY_FAILED;

	if (strcmp(why->sqlstate, "23505") == 0)
		end = EARLY_KNOWN;
	else if (strcmp(why->sqlstate, "55P03") == 0 ||
		 strcmp(why->sqlstate, "40P01") == 0)
		end = EARLY_LOCKED;
	give_up(e, end, err_text(why));
}

static void
on_up(void *ctx)
{
	go_on(ctx);
}

/* Another session may have let go of the origin only just now. */
static void
on_down(void *ctx, const struct err *why)
{
	struct early *e = ctx;

	if (e->open)
		fail(e, why);
}

/* --- from the file to the table --------------------------------------------
 */

static void
note_part(struct early *e, uint32_t part)
{
	if (!e->any)
		e->first_part = e->last_part = part;
	e->any = true;
	/* numbers go round */
	if ((int32_t)(part - e->first_part) < 0)
		e->first_part = part;
	if ((int32_t)(part - e->last_part) > 0)
		e->last_part = part;
}

/* Until a piece is full or nothing is left. False: it has been given up. */
static bool
read_on(struct early *e)
{
	struct span message;
	struct err why;
	int rc = 1;

	while (freshrows_bytes(e->rows) < PIECE_BYTES &&
	       (rc = streamfile_next(e->conf.file, &message, &why)) > 0) {
		note_part(e, streamfile_part(e->conf.file));
		if (!freshrows_add(e->rows, message)) {
			give_up(e, EARLY_UNFIT, "it does not only insert");
			return false;
		}
	}
	if (rc < 0)
		give_up(e, EARLY_FAILED, err_text(&why));
	return rc >= 0;
}

static void
run(struct early *e, struct pgbatch *b, pgcall_fn *fn)
{
	e->call = pgconn_run(e->conn, &b, clock_mono_ms() + CALL_MS, fn, e);
}

static void
begin(struct early *e)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, "BEGIN");
	e->open = true;
	run(e, b, on_step);
}

static void
ask_who_waits(struct early *e)
{
	struct pgbatch *b = pgbatch_new();

	e->check_due = false;
	pgbatch_add(b, &check, NULL);
	run(e, b, on_checked);
}

static void
finish(struct early *e)
{
	struct pgbatch *b = pgbatch_new();
	struct batch *end = batch_new();

	freshrows_add_end(e->rows, b);
	end->time_us = e->whole.time_us;
	envelope_commit(b, end, e->whole.end_lsn);
	batch_free(&end);
	run(e, b, on_committed);
}

/* One call at a time, and the next piece ready when it has ended. */
static void
go_on(struct early *e)
{
	size_t waiting;

	if (e->conn == NULL || !read_on(e) || e->call != NULL ||
	    !pgconn_is_up(e->conn))
		return;
	waiting = freshrows_bytes(e->rows);
	if (e->check_due && e->open && !e->commits)
		ask_who_waits(e);
	else if (!e->commits && waiting < PIECE_BYTES)
		return;
	else if (!e->open)
		begin(e);
	else if (waiting > 0)
		run(e, freshrows_take(e->rows), on_step);
	else
		finish(e);
}

static void
on_step(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct early *e = ctx;

	e->call = NULL;
	if (err != NULL)
		fail(e, err);
	else
		go_on(e);
}

static void
on_checked(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct early *e = ctx;

	e->call = NULL;
	if (err != NULL)
		fail(e, err);
	else if (pgresult_bool(&results[0], 0, 0))
		give_up(e, EARLY_BLOCKS, "somebody waits for it");
	else
		go_on(e);
}

/* In doubt it is merged once more, which does no harm. */
static void
on_committed(void *ctx, const struct pgresult *results, size_t n,
	     const struct err *err)
{
	struct early *e = ctx;

	e->call = NULL;
	if (err != NULL) {
		fail(e, err);
		return;
	}
	disconnect(e);
	e->conf.on_end(e->conf.ctx, EARLY_DONE); /* last */
}

static void
on_tick(void *ctx)
{
	struct early *e = ctx;
	uint64_t written = streamfile_written(e->conf.file);

	e->tick = timer_start(TICK_MS, on_tick, e);
	e->ticks += e->open;
	e->idle_ticks = e->seen == written ? e->idle_ticks + 1 : 0;
	e->seen = written;
	e->check_due = true;
	e->down_ticks += !pgconn_is_up(e->conn);
	if (e->down_ticks >= DOWN_TICKS)
		give_up(e, EARLY_FAILED, "no session");
	else if (e->open && !e->commits && e->idle_ticks >= IDLE_TICKS)
		give_up(e, EARLY_IDLE, "nothing comes");
	else if (e->open && !e->commits && e->ticks >= LONG_TICKS)
		give_up(e, EARLY_LONG, "it takes long");
	else if (e->call == NULL)
		go_on(e);
}

/* --- what the owner says ---------------------------------------------------
 */

void
early_more(struct early *e)
{
	if (streamfile_written(e->conf.file) - e->seen < READ_BYTES)
		return;
	e->seen = streamfile_written(e->conf.file);
	e->idle_ticks = 0;
	go_on(e);
}

bool
early_has_part(const struct early *e, uint32_t part)
{
	return e->any && (int32_t)(part - e->first_part) >= 0 &&
	       (int32_t)(e->last_part - part) >= 0;
}

void
early_commit(struct early *e, const struct streamed_whole *whole)
{
	e->commits = true;
	e->whole = *whole;
	go_on(e);
}

uint64_t
early_rows(const struct early *e)
{
	return freshrows_count(e->rows);
}

bool
early_is_of(const struct early *e, const struct streamfile *file)
{
	return e->conf.file == file;
}
