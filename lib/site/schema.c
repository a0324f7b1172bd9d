/*
 *   connect --> on_locked --> on_prepared --> step, step, ... --> settle --> fn
 *
 * A step is a DO block: it may hold many statements, and the pipeline takes
 * one at a time.
 */
#include "site/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/loop.h"
#include "io/pgconn.h"

#define MODULE "schema"
#define STEP_MS 600000

struct schema {
	const struct site_role *role;
	struct pgconn *conn;
	struct pgcall *call;
	struct loop_call *end;
	struct err err;
	size_t next; /* index of the step to look at */
	int applied;
	schema_fn *fn;
	void *ctx;
};

static const struct pgstmt known = {
	.name = "schema_known",
	.sql = "SELECT coalesce(max(number), 0) FROM schema_step",
};

static const struct pgstmt record = {
	.name = "schema_record",
	.sql = "INSERT INTO schema_step (number, name) VALUES ($1, $2)",
	.nparams = 2,
};

static const struct pgstmt settle = {
	.name = "schema_settle",
	.sql = "WITH n AS (INSERT INTO node (site, residue) VALUES ($1, $2) "
	       "ON CONFLICT (one) DO NOTHING RETURNING site) "
	       "SELECT site FROM n UNION ALL SELECT site FROM node LIMIT 1",
	.nparams = 2,
};

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_locked(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void on_prepared(void *ctx, const struct pgresult *r, size_t n,
			const struct err *err);
static void step(struct schema *s);
static void on_step(void *ctx, const struct pgresult *r, size_t n,
		    const struct err *err);
static void on_settled(void *ctx, const struct pgresult *r, size_t n,
		       const struct err *err);
static void finish(struct schema *s, const struct err *err);
static void on_end(void *ctx);

int
schema_latest(void)
{
	int latest = 0;

	for (size_t i = 0; schema_steps[i].number != 0; i++)
		latest = schema_steps[i].number;
	return latest;
}

struct schema *
schema_start(const char *conninfo, const struct site_role *role, schema_fn *fn,
	     void *ctx)
{
	struct schema *s = mem_new(struct schema);
	struct pgconn_conf conf = {
		.conninfo = conninfo,
		.application = "gsb-migrate",
		.setup = "SET synchronous_commit TO local",
		.on_up = on_up,
		.on_down = on_down,
		.ctx = s,
	};

	s->role = role;
	s->fn = fn;
	s->ctx = ctx;
	s->conn = pgconn_new(&conf);
	return s;
}

void
schema_cancel(struct schema **sp)
{
	struct schema *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	loop_defer_cancel(&s->end);
	pgconn_free(&s->conn);
	mem_free(s);
}

static void
on_down(void *ctx, const struct err *why)
{
	finish(ctx, why);
}

/* The lock is the session's: two migrations run one after the other. */
static void
on_up(void *ctx)
{
	struct schema *s = ctx;
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, "SELECT pg_advisory_lock(7206161)");
	pgbatch_add_sql(b,
			"CREATE TABLE IF NOT EXISTS schema_step (number int "
			"PRIMARY KEY, name text NOT NULL, applied timestamptz "
			"NOT NULL DEFAULT now())");
	s->call = pgconn_run(s->conn, &b, clock_mono_ms() + STEP_MS, on_locked,
			     s);
}

static void
on_locked(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct schema *s = ctx;
	struct pgbatch *b;

	s->call = NULL;
	if (err != NULL) {
		finish(s, err);
		return;
	}
	b = pgbatch_new();
	pgbatch_add(b, &known, NULL);
	s->call = pgconn_run(s->conn, &b, clock_mono_ms() + STEP_MS,
			     on_prepared, s);
}

static void
on_prepared(void *ctx, const struct pgresult *r, size_t n,
	    const struct err *err)
{
	struct schema *s = ctx;
	int64_t have;

	s->call = NULL;
	if (err != NULL) {
		finish(s, err);
		return;
	}
	have = pgresult_int(&r[0], 0, 0);
	while (schema_steps[s->next].number != 0 &&
	       schema_steps[s->next].number <= have)
		s->next++;
	step(s);
}

static void
step(struct schema *s)
{
	const struct schema_step *st = &schema_steps[s->next];
	struct pgbatch *b = pgbatch_new();
	STRBUF_AUTO sql = { 0 };
	struct pgparam p[2];

	if (st->number == 0) {
		p[0] = pgparam_text(s->role->name);
		p[1] = pgparam_int(s->role->number - 1);
		pgbatch_add(b, &settle, p);
		s->call = pgconn_run(s->conn, &b, clock_mono_ms() + STEP_MS,
				     on_settled, s);
		return;
	}
	strbuf_addf(&sql, "DO $do$ BEGIN EXECUTE $step$%s$step$; END $do$",
		    st->sql);
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, strbuf_text(&sql));
	p[0] = pgparam_int(st->number);
	p[1] = pgparam_text(st->name);
	pgbatch_add(b, &record, p);
	pgbatch_commit(b);
	s->call = pgconn_run(s->conn, &b, clock_mono_ms() + STEP_MS, on_step,
			     s);
}

static void
on_step(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct schema *s = ctx;
	struct err e;

	s->call = NULL;
	if (err != NULL) {
		e = *err;
		err_prefix(&e, "schema step %s", schema_steps[s->next].name);
		finish(s, &e);
		return;
	}
	log_info(MODULE, "applied=%s", schema_steps[s->next].name);
	s->next++;
	s->applied++;
	step(s);
}

static void
on_settled(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct schema *s = ctx;
	struct err e = { 0 };

	s->call = NULL;
	if (err == NULL &&
	    strcmp(pgresult_text(&r[0], 0, 0), s->role->name) != 0) {
		err_set(&e, ERR_REFUSED,
			"this is the database of the %s, not of the %s",
			pgresult_text(&r[0], 0, 0), s->role->name);
		err = &e;
	}
	finish(s, err);
}

/* Told from the loop: the connection must not go in its own callback. */
static void
finish(struct schema *s, const struct err *err)
{
	if (s->end != NULL)
		return;
	err_clear(&s->err);
	if (err != NULL)
		s->err = *err;
	s->end = loop_defer(on_end, s);
}

static void
on_end(void *ctx)
{
	struct schema *s = ctx;
	struct schema done = *s;

	s->end = NULL;
	schema_cancel(&s);
	done.fn(done.ctx, done.applied,
		done.err.code != ERR_NONE ? &done.err : NULL);
}
