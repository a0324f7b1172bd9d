/*
 *   connect to both --on_peer--> ask both until they know the table
 *      --on_asked_*--> ship --on_shipped_*--> note it --on_noted_*--> end
 */
#include "replicator/ship.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/catalog.h"

enum { STEP_MS = 60000, SHIP_MS = 12 * 3600 * 1000, ASK_MS = 200 };
enum { HERE, PEER, SIDES };

struct ship {
	struct ship_conf conf;
	ship_fn *fn;
	void *ctx;
	struct arena *arena;
	struct pgconn *conn[SIDES];
	struct pgcall *call[SIDES]; /* in flight, or NULL */
	struct timer *timer;
	struct tables *tables;
	int64_t give_up_ms;
	bool knows[SIDES];
	const char *sql; /* that ships */
};

static void on_up(void *ctx);
static void on_peer(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_asked_here(void *ctx, const struct pgresult *results, size_t n,
			  const struct err *err);
static void on_asked_peer(void *ctx, const struct pgresult *results, size_t n,
			  const struct err *err);
static void on_ask(void *ctx);
static void on_shipped_here(void *ctx, const struct pgresult *results, size_t n,
			    const struct err *err);
static void on_shipped_peer(void *ctx, const struct pgresult *results, size_t n,
			    const struct err *err);
static void on_noted_here(void *ctx, const struct pgresult *results, size_t n,
			  const struct err *err);
static void on_noted_peer(void *ctx, const struct pgresult *results, size_t n,
			  const struct err *err);
static void on_down(void *ctx, const struct err *why);

struct ship *
ship_start(const struct ship_conf *conf, ship_fn *fn, void *ctx)
{
	struct ship *s = mem_new(struct ship);
	const char *const conninfo[] = { conf->admin, conf->peer };

	s->conf = *conf;
	s->fn = fn;
	s->ctx = ctx;
	s->arena = arena_new();
	s->give_up_ms = clock_mono_ms() + STEP_MS;
	for (int side = 0; side < SIDES; side++)
		s->conn[side] = pgconn_new(
		    &(struct pgconn_conf){ .conninfo = conninfo[side],
					   .application = "gsb-replicator ship",
					   .setup = adopt_setup_sql,
					   .on_up = on_up,
					   .on_down = on_down,
					   .ctx = s });
	return s;
}

void
ship_cancel(struct ship **sp)
{
	struct ship *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	timer_cancel(&s->timer);
	for (int side = 0; side < SIDES; side++)
		pgconn_free(&s->conn[side]);
	tables_free(&s->tables);
	arena_free(&s->arena);
	mem_free(s);
}

/* Last: the owner frees everything. */
static void
finish(struct ship *s, bool shipped, const struct err *err)
{
	struct err e = { 0 };

	if (err != NULL)
		e = *err;
	timer_cancel(&s->timer);
	for (int side = 0; side < SIDES; side++)
		pgconn_free(&s->conn[side]);
	s->fn(s->ctx, shipped, err != NULL ? &e : NULL);
}

static void
run(struct ship *s, int side, struct pgbatch *b, pgcall_fn *fn)
{
	int64_t ms = s->sql != NULL ? SHIP_MS : STEP_MS;

	s->call[side] = pgconn_run(s->conn[side], &b, clock_mono_ms() + ms, fn,
				   s);
}

static void
add_about_table(struct ship *s, struct pgbatch *b, const struct pgstmt *stmt)
{
	struct pgparam rel = pgparam_text(s->conf.name->rel);

	pgbatch_add(b, stmt, &rel);
}

static void
on_up(void *ctx)
{
	struct ship *s = ctx;
	struct pgbatch *b;

	if (!pgconn_is_up(s->conn[HERE]) || !pgconn_is_up(s->conn[PEER]))
		return;
	b = pgbatch_new();
	add_about_table(s, b, &adopt_state_query);
	run(s, PEER, b, on_peer);
}

static void
ask(struct ship *s)
{
	struct pgbatch *b = pgbatch_new();
	char *names = catalog_parameter(s->tables);
	struct pgparam param = pgparam_text(names);

	s->knows[HERE] = s->knows[PEER] = false;
	add_about_table(s, b, &adopt_known_query);
	pgbatch_add(b, &catalog_query, &param);
	mem_free(names);
	run(s, HERE, b, on_asked_here);
	b = pgbatch_new();
	add_about_table(s, b, &adopt_known_query);
	run(s, PEER, b, on_asked_peer);
}

static void
on_peer(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct ship *s = ctx;
	struct err e = { 0 };

	s->call[PEER] = NULL;
	if (err != NULL && strcmp(err->sqlstate, "42P01") != 0) {
		finish(s, false, err);
		return;
	}
	if (err != NULL || pgresult_rows(&results[0]) == 0) {
		finish(s, false, NULL);
		return;
	}
	s->tables = tables_load(s->conf.tables, &e);
	if (s->tables == NULL)
		finish(s, false, &e);
	else
		ask(s);
}

static void
ship(struct ship *s)
{
	pgcall_fn *const then[] = { on_shipped_here, on_shipped_peer };

	for (int side = 0; side < SIDES; side++) {
		struct pgbatch *b = pgbatch_new();

		pgbatch_add_sql(b, s->sql);
		run(s, side, b, then[side]);
	}
}

/* Both sites' answers are there. */
static void
judge(struct ship *s)
{
	struct err e;

	if (s->call[HERE] != NULL || s->call[PEER] != NULL)
		return;
	if (s->knows[HERE] && s->knows[PEER]) {
		ship(s);
		return;
	}
	if (clock_mono_ms() > s->give_up_ms) {
		err_set(&e, ERR_TIMEOUT,
			"the replicator of %s has not taken it up; see its "
			"log, then run adopt again: it ships the rows",
			s->knows[HERE] ? "the peer" : "this site");
		finish(s, false, &e);
		return;
	}
	s->timer = timer_start(ASK_MS, on_ask, s);
}

static void
on_ask(void *ctx)
{
	struct ship *s = ctx;

	s->timer = NULL;
	ask(s);
}

static void
on_asked_here(void *ctx, const struct pgresult *results, size_t n,
	      const struct err *err)
{
	struct ship *s = ctx;
	struct catalog *catalog;
	struct err e = { 0 };

	s->call[HERE] = NULL;
	if (err != NULL) {
		finish(s, false, err);
		return;
	}
	catalog = catalog_new(s->tables, &results[1], true, &e);
	if (catalog == NULL) {
		finish(s, false, &e);
		return;
	}
	s->knows[HERE] = pgresult_bool(&results[0], 0, 0);
	s->sql = adopt_ship_sql(
	    s->arena,
	    catalog_find(catalog, s->conf.name->schema, s->conf.name->name));
	catalog_free(&catalog);
	judge(s);
}

static void
on_asked_peer(void *ctx, const struct pgresult *results, size_t n,
	      const struct err *err)
{
	struct ship *s = ctx;

	s->call[PEER] = NULL;
	if (err != NULL) {
		finish(s, false, err);
		return;
	}
	s->knows[PEER] = pgresult_bool(&results[0], 0, 0);
	judge(s);
}

/* Both have shipped: both note it. */
static void
shipped(struct ship *s, int side, const struct err *err)
{
	pgcall_fn *const then[] = { on_noted_here, on_noted_peer };

	s->call[side] = NULL;
	if (err != NULL) {
		finish(s, false, err);
		return;
	}
	if (s->call[HERE] != NULL || s->call[PEER] != NULL)
		return;
	for (int to = 0; to < SIDES; to++) {
		struct pgbatch *b = pgbatch_new();

		add_about_table(s, b, &adopt_shipped_query);
		run(s, to, b, then[to]);
	}
}

static void
on_shipped_here(void *ctx, const struct pgresult *results, size_t n,
		const struct err *err)
{
	shipped(ctx, HERE, err);
}

static void
on_shipped_peer(void *ctx, const struct pgresult *results, size_t n,
		const struct err *err)
{
	shipped(ctx, PEER, err);
}

static void
noted(struct ship *s, int side, const struct err *err)
{
	s->call[side] = NULL;
	if (err == NULL && (s->call[HERE] != NULL || s->call[PEER] != NULL))
		return;
	finish(s, err == NULL, err);
}

static void
on_noted_here(void *ctx, const struct pgresult *results, size_t n,
	      const struct err *err)
{
	noted(ctx, HERE, err);
}

static void
on_noted_peer(void *ctx, const struct pgresult *results, size_t n,
	      const struct err *err)
{
	noted(ctx, PEER, err);
}

static void
on_down(void *ctx, const struct err *why)
{
	finish(ctx, false, why);
}
