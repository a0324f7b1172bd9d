/*
 *  connect --> read the catalog and the rows --> merge one --> the next ...
 *                                                   '--fails--> note why
 */
#include "replicator/parked.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/pgconn.h"
#include "replicator/merge.h"
#include "replicator/statements.h"

#define CALL_MS 60000

struct parked_row {
	int64_t id;
	const char *rel, *payload;
};

struct parked {
	struct parked_conf conf;
	struct tables *read; /* what conf.tables is; or NULL */
	parked_fn *fn;
	void *ctx;
	struct pgconn *conn;
	struct pgcall *call;
	struct arena *arena;
	struct catalog *catalog;
	struct statements *statements;
	struct parked_row *rows;
	size_t n, at;
	struct batch *batch;
	struct parked_stats stats;
};

static void on_up(void *ctx);
static void on_read(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void next(struct parked *p);
static void on_merged(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_noted(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_down(void *ctx, const struct err *why);

struct parked *
parked_retry(const struct parked_conf *conf, parked_fn *fn, void *ctx)
{
	struct parked *p = mem_new(struct parked);
	STRBUF_AUTO setup = { 0 };

	p->conf = *conf;
	p->conf.tables = tables_again(&p->read, conf->tables);
	p->fn = fn;
	p->ctx = ctx;
	p->arena = arena_new();
	strbuf_addf(&setup, "%s; SET lock_timeout = '10s'", merge_session_sql);
	p->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = conf->local,
	    .application = "gsb-replicator parked",
	    .setup = strbuf_text(&setup),
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = p,
	});
	return p;
}

void
parked_cancel(struct parked **pp)
{
	struct parked *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	pgconn_free(&p->conn);
	batch_free(&p->batch);
	statements_free(&p->statements);
	catalog_free(&p->catalog);
	tables_free(&p->read);
	arena_free(&p->arena);
	mem_free(p);
}

static void
end(struct parked *p, const struct err *err)
{
	struct err copy = { 0 };
	struct parked_stats stats = p->stats;
	parked_fn *fn = p->fn;
	void *ctx = p->ctx;

	if (err != NULL)
		copy = *err;
	parked_cancel(&p);
	fn(ctx, &stats, err != NULL ? &copy : NULL);
}

static void
on_down(void *ctx, const struct err *why)
{
	end(ctx, why);
}

static void
on_up(void *ctx)
{
	struct parked *p = ctx;
	struct pgbatch *b = pgbatch_new();
	char *names = catalog_parameter(p->conf.tables);
	struct pgparam param = pgparam_text(names);
	STRBUF_AUTO sql = { 0 };

	pgbatch_add(b, &catalog_query, &param);
	mem_free(names);
	strbuf_adds(&sql, "SELECT id, rel, convert_from(payload, 'UTF8') FROM "
			  "gsb.parked");
	if (p->conf.id != 0)
		strbuf_addf(&sql, " WHERE id = %lld", (long long)p->conf.id);
	strbuf_adds(&sql, " ORDER BY id");
	pgbatch_add_sql(b, strbuf_text(&sql));
	p->call = pgconn_run(p->conn, &b, clock_mono_ms() + CALL_MS, on_read,
			     p);
}

static void
on_read(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct parked *p = ctx;
	struct err e;

	p->call = NULL;
	if (err != NULL) {
		end(p, err);
		return;
	}
	p->catalog = catalog_new(p->conf.tables, &results[0], true, &e);
	if (p->catalog == NULL) {
		end(p, &e);
		return;
	}
	p->n = (size_t)pgresult_rows(&results[1]);
	if (p->n == 0 && p->conf.id != 0) {
		err_set(&e, ERR_NOT_FOUND, "there is no parked row %lld",
			(long long)p->conf.id);
		end(p, &e);
		return;
	}
	p->statements = statements_new(p->catalog);
	p->rows = arena_array(p->arena, struct parked_row, p->n);
	for (size_t i = 0; i < p->n; i++)
		p->rows[i] = (struct parked_row){
			.id = pgresult_int(&results[1], (int)i, 0),
			.rel = arena_strdup(
			    p->arena, pgresult_text(&results[1], (int)i, 1)),
			.payload = arena_strdup(
			    p->arena, pgresult_text(&results[1], (int)i, 2)),
		};
	next(p);
}

/* --- a row from its payload ---------------------------------------------- */

static const struct table *
table_of(const struct parked *p, const char *rel)
{
	for (size_t i = 0; i < p->catalog->n; i++)
		if (strcmp(p->catalog->list[i].rel, rel) == 0)
			return &p->catalog->list[i];
	return NULL;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* at NULL: it is no hex. */
static struct span
unhex(struct arena *a, const char *text)
{
	size_t n = strlen(text) / 2;
	char *out = arena_alloc(a, n + 1);

	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return (struct span){ 0 };
		out[i] = (char)(high << 4 | low);
	}
	return span_make(out, n);
}

/* What did not come keeps its value here, and its group's version. */
static void
mark_missing(const struct table *t, const json_t *row, bool *missing)
{
	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];

		if (json_object_get(row, c->name) != NULL)
			continue;
		missing[t->params[i]] = true;
		if (c->group != TABLE_NONE &&
		    t->groups[c->group].version != TABLE_NONE)
			missing[t->groups[c->group].version] = true;
	}
}

static int
make_batch(struct parked *p, const struct parked_row *row, struct err *e)
{
	const struct table *t = table_of(p, row->rel);
	JSON_AUTO doc = json_read(span_of(row->payload), e);
	struct batch *b;
	struct batch_table *in;
	struct span *values;

	if (t == NULL)
		return err_set(e, ERR_INVALID, "%s is not declared here",
			       row->rel);
	if (doc == NULL)
		return -1;
	if (!json_is_object(doc))
		return err_set(e, ERR_INVALID,
			       "it came in a form that made no sense: it can "
			       "only be dropped; gsbctl verify brings the row");
	b = p->batch = batch_new();
	in = arena_make(b->arena, struct batch_table);
	in->table = t;
	in->missing = arena_array(b->arena, bool, t->ncolumns);
	mark_missing(t, doc, (bool *)in->missing);
	values = arena_array(b->arena, struct span, t->ncolumns);
	for (size_t c = 0; c < t->ncolumns; c++) {
		const char *hex = json_string_value(
		    json_object_get(doc, t->columns[c].name));

		if (hex != NULL)
			values[c] = unhex(b->arena, hex);
	}
	for (size_t i = 0; i < t->nkey; i++)
		if (values[t->key[i]].at == NULL || in->missing[t->key[i]])
			return err_set(e, ERR_INVALID, "its key is not known");
	b->tables = arena_array(b->arena, struct batch_table *, 1);
	b->tables[b->ntables++] = in;
	batch_join(b, in, values, NULL);
	return 0;
}

/* --- trying -------------------------------------------------------------- */

static void
note(struct parked *p, const struct err *why)
{
	static const struct pgstmt stmt = {
		.name = "parked_note",
		.sql = "UPDATE gsb.parked SET tries = tries + 1, last = "
		       "now(), sqlstate = $2, message = $3 WHERE id = $1",
		.nparams = 3
	};
	struct pgbatch *b = pgbatch_new();

	p->stats.failed++;
	pgbatch_add(b, &stmt,
		    (struct pgparam[]){ pgparam_int(p->rows[p->at].id),
					pgparam_text(why->sqlstate),
					pgparam_text(err_text(why)) });
	p->call = pgconn_run(p->conn, &b, clock_mono_ms() + CALL_MS, on_noted,
			     p);
}

static void
next(struct parked *p)
{
	struct pgbatch *b;
	char sql[64];
	struct err e;

	batch_free(&p->batch);
	if (p->at == p->n) {
		end(p, NULL);
		return;
	}
	if (make_batch(p, &p->rows[p->at], &e) != 0) {
		note(p, &e);
		return;
	}
	b = pgbatch_new();
	statements_add_all(p->statements, b, p->batch, false);
	snprintf(sql, sizeof(sql), "DELETE FROM gsb.parked WHERE id = %lld",
		 (long long)p->rows[p->at].id);
	pgbatch_add_sql(b, sql);
	pgbatch_commits(b);
	p->call = pgconn_run(p->conn, &b, clock_mono_ms() + CALL_MS, on_merged,
			     p);
}

static void
on_merged(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct parked *p = ctx;

	p->call = NULL;
	if (err != NULL && !pgconn_is_up(p->conn))
		return; /* on_down follows */
	if (err != NULL) {
		note(p, err);
		return;
	}
	p->stats.merged++;
	p->at++;
	next(p);
}

static void
on_noted(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct parked *p = ctx;

	p->call = NULL;
	if (err != NULL) {
		if (pgconn_is_up(p->conn))
			end(p, err);
		return;
	}
	p->at++;
	next(p);
}
