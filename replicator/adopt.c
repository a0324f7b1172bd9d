/*
 *   connect --on_up--> look --on_looked--> compose --> install
 *      --on_installed--> tables.ini, tell the replicator --on_told-->
 *      ship --on_ship--> end
 *
 * release ends behind on_told.
 */
#include "replicator/adopt.h"

#include <assert.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/pgconn.h"
#include "replicator/adopt_sql.h"
#include "replicator/ship.h"

enum { STEP_MS = 60000 };

struct adopt {
	struct adopt_conf conf;
	install_fn *fn;
	void *ctx;
	struct arena *arena;
	struct adopt_name name;
	struct pgconn *conn;
	struct pgcall *call; /* in flight, or NULL */
	struct install *install;
	struct ship *ship;
	struct tables *tables; /* as they will be */
	char *text;            /* of tables.ini, as it will be; NULL: as is */
	const char *more[8];
	const char *lines;
};

static void on_up(void *ctx);
static void on_looked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_installed(void *ctx, const struct err *err);
static void on_told(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_ship(void *ctx, bool shipped, const struct err *err);
static void on_down(void *ctx, const struct err *why);

struct adopt *
adopt_start(const struct adopt_conf *conf, install_fn *fn, void *ctx,
	    struct err *e)
{
	struct adopt *a = mem_new(struct adopt);

	a->conf = *conf;
	a->fn = fn;
	a->ctx = ctx;
	a->arena = arena_new();
	a->conf.peer = arena_strdup(a->arena, conf->peer);
	a->conf.install.admin = arena_strdup(a->arena, conf->install.admin);
	if (adopt_parse(a->arena, conf->table, &a->name, e) != 0) {
		adopt_cancel(&a);
		return NULL;
	}
	a->conn = pgconn_new(
	    &(struct pgconn_conf){ .conninfo = conf->install.admin,
				   .application = "gsb-replicator adopt",
				   .setup = adopt_setup_sql,
				   .on_up = on_up,
				   .on_down = on_down,
				   .ctx = a });
	return a;
}

void
adopt_cancel(struct adopt **ap)
{
	struct adopt *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	install_cancel(&a->install);
	ship_cancel(&a->ship);
	pgconn_free(&a->conn);
	tables_free(&a->tables);
	mem_free(a->text);
	arena_free(&a->arena);
	mem_free(a);
}

/* Last: the owner frees everything. */
static void
finish(struct adopt *a, const struct err *err)
{
	struct err e = { 0 };

	if (err != NULL) {
		e = *err;
		err_prefix(&e, "%s", a->name.rel);
	}
	pgconn_free(&a->conn);
	a->fn(a->ctx, err != NULL ? &e : NULL);
}

static void
say(struct adopt *a, const char *text)
{
	fprintf(a->conf.install.out, "%s: %s\n", a->name.rel, text);
}

static void
run(struct adopt *a, struct pgbatch *b, pgcall_fn *fn)
{
	a->call = pgconn_run(a->conn, &b, clock_mono_ms() + STEP_MS, fn, a);
}

static void
add_about_table(struct adopt *a, struct pgbatch *b, const struct pgstmt *stmt)
{
	struct pgparam rel = pgparam_text(a->name.rel);

	pgbatch_add(b, stmt, &rel);
}

static void
on_up(void *ctx)
{
	struct adopt *a = ctx;
	struct pgbatch *b = pgbatch_new();

	add_about_table(a, b, &adopt_state_query);
	pgbatch_add(b, &adopt_look_query,
		    (struct pgparam[]){ pgparam_text(a->name.schema),
					pgparam_text(a->name.name) });
	run(a, b, on_looked);
}

/* --- tables.ini ------------------------------------------------------------
 */

/* A reader sees the old or the new one; owner and mode stay. */
static int
write_file(const char *path, const char *text, struct err *e)
{
	char *next = mem_printf("%s.new", path);
	FILE *f = fopen(next, "we");
	struct stat st;
	bool ok = f != NULL && stat(path, &st) == 0 &&
		  fchmod(fileno(f), st.st_mode & 07777) == 0 &&
		  (fchown(fileno(f), st.st_uid, st.st_gid) == 0 ||
		   geteuid() != 0);

	ok = ok && fputs(text, f) >= 0 && fflush(f) == 0 &&
	     fsync(fileno(f)) == 0;
	ok = (f == NULL || fclose(f) == 0) && ok;
	ok = ok && rename(next, path) == 0;
	if (!ok)
		err_set(e, ERR_IO, "%s: cannot be written: %m", path);
	mem_free(next);
	return ok ? 0 : -1;
}

static bool
is_declared(const struct adopt *a)
{
	const struct tables *t = a->conf.install.tables;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->list[i].schema, a->name.schema) == 0 &&
		    strcmp(t->list[i].name, a->name.name) == 0)
			return true;
	return false;
}

/* --- what is to be done ---------------------------------------------------
 */

static int
compose(struct adopt *a, struct err *e)
{
	const char *path = a->conf.install.tables->path;
	STRBUF_AUTO now = { 0 };

	if (file_read(path, SIZE_MAX, &now, e) != 0)
		return -1;
	if (a->conf.release)
		a->text = adopt_without(strbuf_span(&now), &a->name);
	else if (a->lines != NULL)
		a->text = adopt_with(strbuf_span(&now), &a->name, a->lines);
	else
		a->text = mem_strdup(strbuf_text(&now));
	a->tables = tables_read(path, span_of(a->text), e);
	return a->tables != NULL ? 0 : -1;
}

static void
begin_install(struct adopt *a)
{
	struct install_conf conf = a->conf.install;
	struct err e = { 0 };

	if (compose(a, &e) != 0) {
		finish(a, &e);
		return;
	}
	conf.tables = a->tables;
	conf.more = a->more;
	a->install = install_start(&conf, on_installed, a);
}

static void
release_it(struct adopt *a, bool recorded)
{
	if (!is_declared(a) && !recorded) {
		say(a, "is not replicated: nothing to do");
		finish(a, NULL);
		return;
	}
	a->more[0] = adopt_release_sql(a->arena, &a->name);
	begin_install(a);
}

static void
take_up(struct adopt *a, const struct pgresult *look)
{
	struct err e = { 0 };
	size_t n = 0;

	if (!pgresult_is_null(look, 0, 0)) {
		err_set(&e, ERR_REFUSED, "%s", pgresult_text(look, 0, 0));
		finish(a, &e);
		return;
	}
	if (!pgresult_is_null(look, 0, 4))
		say(a, pgresult_text(look, 0, 4));
	if (is_declared(a)) { /* by hand: it knows better */
		a->more[n++] = adopt_record_sql(a->arena, &a->name, "", "{}");
		begin_install(a);
		return;
	}
	a->lines = arena_strdup(a->arena, pgresult_text(look, 0, 1));
	a->more[n++] = adopt_record_sql(a->arena, &a->name, a->lines,
					pgresult_text(look, 0, 3));
	if (!pgresult_is_null(look, 0, 2)) {
		const char *drops = pgresult_text(look, 0, 2);

		a->more[n++] = arena_printf(
		    a->arena, "DO $gsb$ BEGIN %s; END $gsb$", drops);
		say(a, drops);
	}
	begin_install(a);
}

static void
begin_shipping(struct adopt *a)
{
	a->ship = ship_start(
	    &(struct ship_conf){ .admin = a->conf.install.admin,
				 .peer = a->conf.peer,
				 .tables = a->conf.install.tables->path,
				 .name = &a->name },
	    on_ship, a);
}

static void
on_looked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct adopt *a = ctx;
	const struct pgresult *state = &results[0];
	bool recorded;

	a->call = NULL;
	if (err != NULL) {
		struct err e = *err;

		if (strcmp(e.sqlstate, "42P01") == 0)
			err_prefix(&e, "run gsb-replicator install first");
		finish(a, &e);
		return;
	}
	recorded = pgresult_rows(state) > 0;
	if (a->conf.release) {
		release_it(a, recorded);
	} else if (recorded && !is_declared(a)) {
		a->lines = arena_strdup(a->arena, pgresult_text(state, 0, 0));
		begin_install(a); /* it was ended before the file */
	} else if (!recorded) {
		take_up(a, &results[1]);
	} else if (!pgresult_is_null(state, 0, 1) || a->conf.install.dry_run) {
		say(a, "is replicated: nothing to do");
		finish(a, NULL);
	} else {
		begin_shipping(a);
	}
}

static void
on_installed(void *ctx, const struct err *err)
{
	struct adopt *a = ctx;
	const char *path = a->conf.install.tables->path;
	struct pgbatch *b;
	struct err e = { 0 };

	if (err != NULL) {
		finish(a, err);
		return;
	}
	if (a->conf.install.dry_run) {
		if (a->lines != NULL)
			fprintf(a->conf.install.out,
				"-- into %s:\n-- [table %s]\n", path,
				a->name.rel);
		say(a, "nothing was changed");
		finish(a, NULL);
		return;
	}
	if (a->lines != NULL || a->conf.release) {
		if (write_file(path, a->text, &e) != 0) {
			finish(a, &e);
			return;
		}
		fprintf(a->conf.install.out, "%s: %s %s\n%s", a->name.rel,
			a->conf.release ? "taken out of" : "written into", path,
			a->lines != NULL ? a->lines : "");
	}
	b = pgbatch_new();
	add_about_table(a, b, &adopt_tell_query);
	run(a, b, on_told);
}

static void
on_told(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct adopt *a = ctx;

	a->call = NULL;
	if (err != NULL) {
		finish(a, err);
		return;
	}
	if (a->conf.release) {
		say(a, "is released on this site; release it on the other too");
		finish(a, NULL);
		return;
	}
	begin_shipping(a);
}

static void
on_ship(void *ctx, bool shipped, const struct err *err)
{
	struct adopt *a = ctx;

	if (err == NULL)
		say(a, shipped ? "is replicated; the rows of both sites are "
				 "on their way to the other"
			       : "is replicated here; adopt it on the other "
				 "site too, which ships the rows of both");
	finish(a, err);
}

static void
on_down(void *ctx, const struct err *why)
{
	finish(ctx, why);
}
