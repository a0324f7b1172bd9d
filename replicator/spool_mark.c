/*
 *  UNKNOWN --read--> CLEAR --set--> SETTING --> SET --clear--> CLEARING
 *     ^                ^                                          |
 *     '-- down (any)   '------------------------------------------'
 */
#include "replicator/spool_mark.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/pgconn.h"

#define CALL_MS 10000

enum mark_state {
	MARK_UNKNOWN,
	MARK_CLEAR,
	MARK_SETTING,
	MARK_SET,
	MARK_CLEARING
};

struct spool_mark {
	struct spool_mark_conf conf;
	struct pgconn *conn;
	struct pgcall *call;
	enum mark_state state;
	bool wanted; /* set */
	bool known, was_set;
	bool complained;
};

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_done(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);

struct spool_mark *
spool_mark_new(const struct spool_mark_conf *conf)
{
	struct spool_mark *m = mem_new(struct spool_mark);

	m->conf = *conf;
	m->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = conf->conninfo,
	    .application = conf->application,
	    .setup = "SET search_path = pg_catalog; "
		     "SET synchronous_commit = local",
	    .retry_first_ms = 50,
	    .retry_max_ms = 1000,
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = m,
	});
	return m;
}

void
spool_mark_free(struct spool_mark **mp)
{
	struct spool_mark *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	pgconn_free(&m->conn);
	mem_free(m);
}

/* Losing that it was taken back is harmless: it waits for no disk. */
static void
run(struct spool_mark *m, enum mark_state to)
{
	static const struct pgstmt set = {
		.name = "spool_set",
		.sql = "UPDATE gsb.spool SET pending = true RETURNING true, "
		       "pg_current_xact_id()::text::int8",
	};
	static const struct pgstmt clear = {
		.name = "spool_clear",
		.sql = "WITH c AS (SELECT set_config('synchronous_commit', "
		       "'off', true)) UPDATE gsb.spool SET pending = false "
		       "FROM c RETURNING false, "
		       "pg_current_xact_id()::text::int8",
	};
	struct pgbatch *b = pgbatch_new();

	m->state = to;
	if (to == MARK_UNKNOWN)
		pgbatch_add_sql(b, "SELECT pending, 0::int8 FROM gsb.spool");
	else
		pgbatch_add(b, to == MARK_SETTING ? &set : &clear, NULL);
	m->call = pgconn_run(m->conn, &b, clock_mono_ms() + CALL_MS, on_done,
			     m);
}

static void
go_on(struct spool_mark *m)
{
	if (m->call != NULL)
		return;
	if (m->state == MARK_CLEAR && m->wanted)
		run(m, MARK_SETTING);
	else if (m->state == MARK_SET && !m->wanted)
		run(m, MARK_CLEARING);
}

static void
on_up(void *ctx)
{
	run(ctx, MARK_UNKNOWN);
}

static void
on_down(void *ctx, const struct err *why)
{
	struct spool_mark *m = ctx;

	m->call = NULL;
	m->state = MARK_UNKNOWN;
	m->conf.on_change(m->conf.ctx);
}

static void
on_done(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct spool_mark *m = ctx;
	bool is_set;

	m->call = NULL;
	if (err != NULL || pgresult_rows(&results[0]) != 1) {
		/* without it nothing is acknowledged before it is merged */
		if (!m->complained)
			log_error("spool",
				  "why=\"%s\" order=\"run gsb-replicator "
				  "install\"",
				  err != NULL ? err_text(err)
					      : "gsb.spool is empty");
		m->complained = true;
		m->state = MARK_UNKNOWN;
		return; /* until the next connection */
	}
	is_set = pgresult_bool(&results[0], 0, 0);
	if (m->state != MARK_UNKNOWN)
		m->conf.on_own(m->conf.ctx,
			       (uint64_t)pgresult_int(&results[0], 0, 1));
	else
		m->wanted = m->wanted || is_set;
	m->was_set = m->known ? m->was_set : is_set;
	m->known = true;
	m->state = is_set ? MARK_SET : MARK_CLEAR;
	go_on(m);
	m->conf.on_change(m->conf.ctx); /* last */
}

bool
spool_mark_is_known(const struct spool_mark *m)
{
	return m->known;
}

bool
spool_mark_was_set(const struct spool_mark *m)
{
	return m->was_set;
}

bool
spool_mark_is_set(const struct spool_mark *m)
{
	return m->state == MARK_SET;
}

void
spool_mark_set(struct spool_mark *m, bool pending)
{
	m->wanted = pending;
	go_on(m);
}
