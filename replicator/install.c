/*
 *   connect --on_up--> look --on_looked--> change --on_changed--> origin
 *      --on_origin--> slot --on_slot--> end
 *
 * "look" asks what is there, "change" is one transaction; origin and slot
 * cannot stand in it.
 */
#include "replicator/install.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/loop.h"
#include "io/pgconn.h"
#include "replicator/install_script.h"

struct install {
	struct install_conf conf;
	struct install_site site;
	install_fn *fn;
	void *ctx;
	struct arena *arena;
	int64_t deadline_ms;
	struct pgconn *conn;
	struct pgcall *call; /* in flight, or NULL */
	struct script script;
	unsigned tries; /* of the change */
	bool ended;     /* the owner has been told */
};

enum { DEFAULT_TIMEOUT_MS = 60000 };
/* with apply, which locks what comes in the order in which it comes */
#define DEADLOCK "40P01"
#define TRIES 10

static void on_up(void *ctx);
static void on_looked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_changed(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_origin(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_slot(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_down(void *ctx, const struct err *why);

struct install *
install_start(const struct install_conf *conf, install_fn *fn, void *ctx)
{
	struct install *i = mem_new(struct install);
	bool primary = strcmp(conf->site, "primary") == 0;

	assert(primary || strcmp(conf->site, "backup") == 0);
	i->conf = *conf;
	i->fn = fn;
	i->ctx = ctx;
	i->arena = arena_new();
	i->conf.site = arena_strdup(i->arena, conf->site);
	i->site.name = i->conf.site;
	i->site.peer = primary ? "backup" : "primary";
	i->site.number = primary ? 1 : 2;
	i->site.sync = arena_strdup(i->arena, conf->sync);
	i->script.arena = i->arena;
	i->script.more = conf->more;
	i->deadline_ms = clock_mono_ms() + (conf->timeout_ms > 0
						? conf->timeout_ms
						: DEFAULT_TIMEOUT_MS);
	i->conn = pgconn_new(
	    &(struct pgconn_conf){ .conninfo = conf->admin,
				   .application = "gsb-install",
				   .setup = "SET search_path = pg_catalog",
				   .on_up = on_up,
				   .on_down = on_down,
				   .ctx = i });
	return i;
}

void
install_cancel(struct install **ip)
{
	struct install *i = *ip;

	*ip = NULL;
	if (i == NULL)
		return;
	pgconn_free(&i->conn);
	arena_free(&i->arena);
	mem_free(i);
}

static void
run(struct install *i, struct pgbatch *batch, pgcall_fn *fn)
{
	i->call = pgconn_run(i->conn, &batch, i->deadline_ms, fn, i);
}

static const struct pgstmt look_query = {
	.name = "gsb_look",
	.sql = "SELECT current_setting('wal_level'), "
	       "current_setting('is_superuser') = 'on', "
	       "(SELECT string_agg(r, ', ') FROM "
	       "unnest(ARRAY['gsb_site', 'gsb_replicator']) r "
	       "WHERE NOT EXISTS (SELECT FROM pg_roles p "
	       "WHERE p.rolname = r))",
};

static void
on_up(void *ctx)
{
	struct install *i = ctx;
	struct pgbatch *b = pgbatch_new();
	char *names = catalog_parameter(i->conf.tables);
	struct pgparam param = pgparam_text(names);

	pgbatch_add(b, &look_query, NULL);
	pgbatch_add(b, &catalog_query, &param);
	pgbatch_add(b, &install_triggers_query, NULL);
	mem_free(names);
	run(i, b, on_looked);
}

static int
check_server(const struct pgresult *r, struct err *e)
{
	if (strcmp(pgresult_text(r, 0, 0), "logical") != 0)
		return err_set(e, ERR_REFUSED,
			       "wal_level is %s; set wal_level = logical in "
			       "postgresql.conf and restart PostgreSQL",
			       pgresult_text(r, 0, 0));
	if (!pgresult_bool(r, 0, 1))
		return err_set(e, ERR_REFUSED,
			       "the admin connection is no superuser; give "
			       "one in [replicator] admin");
	if (!pgresult_is_null(r, 0, 2))
		return err_set(e, ERR_REFUSED,
			       "missing roles: %s; create them first",
			       pgresult_text(r, 0, 2));
	return 0;
}

/* Transactions of their own, behind all else. */
static const char *
origin_sql(struct install *i)
{
	return arena_printf(
	    i->arena,
	    "SELECT pg_replication_origin_create('gsb_%s') "
	    "WHERE NOT EXISTS (SELECT FROM pg_replication_origin "
	    "WHERE roname = 'gsb_%s')",
	    i->site.peer, i->site.peer);
}

static const char *
slot_sql(struct install *i)
{
	return arena_printf(
	    i->arena,
	    "SELECT pg_create_logical_replication_slot('gsb_%s', 'pgoutput') "
	    "WHERE NOT EXISTS (SELECT FROM pg_replication_slots "
	    "WHERE slot_name = 'gsb_%s')",
	    i->site.peer, i->site.peer);
}

static void
print_script(struct install *i)
{
	for (size_t s = 0; s < i->script.n; s++)
		fprintf(i->conf.out, "%s;\n", i->script.steps[s].sql);
	fprintf(i->conf.out, "%s;\n%s;\n", origin_sql(i), slot_sql(i));
}

/* Last: the owner may free everything. */
static void
finish(struct install *i, const struct err *err)
{
	if (i->ended)
		return;
	i->ended = true;
	i->fn(i->ctx, err);
}

static void
run_script(struct install *i)
{
	struct pgbatch *b = pgbatch_new();

	if (i->tries++ > 0)
		pgbatch_add_sql(b, "ROLLBACK");
	for (size_t s = 0; s < i->script.n; s++)
		pgbatch_add_sql(b, i->script.steps[s].sql);
	pgbatch_commits(b);
	run(i, b, on_changed);
}

static void
on_looked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct install *i = ctx;
	struct catalog *catalog;
	struct err e = { 0 };

	i->call = NULL;
	if (err != NULL) {
		finish(i, err);
		return;
	}
	catalog = check_server(&results[0], &e) == 0
		      ? catalog_new(i->conf.tables, &results[1], false, &e)
		      : NULL;
	if (catalog == NULL) {
		finish(i, &e);
		return;
	}
	i->script.triggers = &results[2];
	install_all(&i->script, catalog, &i->site);
	i->script.triggers = NULL; /* valid only now */
	catalog_free(&catalog);
	if (i->conf.dry_run) {
		print_script(i);
		finish(i, NULL);
		return;
	}
	run_script(i);
}

/* The statement that failed, by its first words. */
static void
prefix_step(struct err *e, const struct step *step)
{
	err_prefix(e, "%.60s", step->sql);
}

static void
on_changed(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct install *i = ctx;
	struct pgbatch *b;

	i->call = NULL;
	if (err != NULL && strcmp(err->sqlstate, DEADLOCK) == 0 &&
	    i->tries < TRIES) {
		run_script(i);
		return;
	}
	if (err != NULL) {
		struct err e = *err;

		if (i->tries > 1 && n > 0)
			n--; /* the ROLLBACK */
		if (n < i->script.n)
			prefix_step(&e, &i->script.steps[n]);
		finish(i, &e);
		return;
	}
	for (size_t s = 0; s < i->script.n; s++)
		if (i->script.steps[s].what != NULL)
			fprintf(i->conf.out, "%s\n", i->script.steps[s].what);
	b = pgbatch_new();
	pgbatch_add_sql(b, origin_sql(i));
	run(i, b, on_origin);
}

static void
on_origin(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct install *i = ctx;
	struct pgbatch *b;

	i->call = NULL;
	if (err != NULL) {
		finish(i, err);
		return;
	}
	b = pgbatch_new();
	pgbatch_add_sql(b, slot_sql(i));
	/* the running replicator connects again and sees what is new */
	pgbatch_add_sql(b,
			"SELECT pg_terminate_backend(pid) FROM "
			"pg_stat_activity WHERE datname = current_database() "
			"AND application_name = 'gsb-replicator apply'");
	run(i, b, on_slot);
}

static void
on_slot(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct install *i = ctx;

	i->call = NULL;
	if (err == NULL)
		fprintf(i->conf.out, "origin and slot gsb_%s\n", i->site.peer);
	finish(i, err);
}

static void
on_down(void *ctx, const struct err *why)
{
	finish(ctx, why);
}

struct running {
	struct install *install;
	struct err err;
};

static void
on_done(void *ctx, const struct err *err)
{
	struct running *r = ctx;

	if (err != NULL)
		r->err = *err;
	loop_stop();
}

int
install_run(const struct install_conf *conf, struct err *e)
{
	struct running r = { 0 };

	loop_open();
	r.install = install_start(conf, on_done, &r);
	loop_run();
	install_cancel(&r.install);
	loop_close();
	if (r.err.code == ERR_NONE)
		return 0;
	*e = r.err;
	return -1;
}
