/*
 *  ask --some--> fill and forget them, in one transaction --> ask ...
 *     '--none--> end
 *
 * A value waits under its row's incarnation. That the row got newer versions
 * here meanwhile does not matter: nobody here could write the column.
 */
#include "replicator/extra.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/params.h"
#include "replicator/sqlgen.h"

enum { OID_INT8 = 20, OID_TEXT = 25, OID_BYTEA = 17, FILL_MS = 600000 };
enum { OID_BYTEAS = 1001, OID_TEXTS = 1009, OID_INT8S = 1016 };

struct extra {
	const struct catalog *catalog;
	struct arena *arena;
	struct pgstmt *keep;  /* per table; sql NULL: not made yet */
	struct pgstmt **fill; /* per table, per column, likewise */
};

struct extra_fill {
	struct extra *extra;
	struct pgconn *conn;
	struct pgcall *call;
	extra_fn *fn;
	void *ctx;
	size_t filled;
};

static void on_asked(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_filled(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);

struct extra *
extra_new(const struct catalog *catalog)
{
	struct extra *x = mem_new(struct extra);

	x->catalog = catalog;
	x->arena = arena_new();
	x->keep = arena_array(x->arena, struct pgstmt, catalog->n);
	x->fill = arena_array(x->arena, struct pgstmt *, catalog->n);
	return x;
}

void
extra_free(struct extra **xp)
{
	struct extra *x = *xp;

	*xp = NULL;
	if (x == NULL)
		return;
	arena_free(&x->arena);
	mem_free(x);
}

/* --- keeping -------------------------------------------------------------- */

static const char *
keep_sql(struct arena *a, const struct table *t)
{
	STRBUF_AUTO sb = { 0 };
	size_t n = t->nkey;

	strbuf_adds(&sb, "INSERT INTO gsb.extra AS e (rel, key, name, value, "
			 "born, v)\nSELECT DISTINCT ON (2, 3) ");
	sqlgen_literal(&sb, t->rel);
	strbuf_adds(&sb, ", ");
	sqlgen_key_text(&sb, t, "s");
	strbuf_adds(&sb, ", s.gsb_name, s.gsb_value, s.gsb_born, s.gsb_newest\n"
			 "FROM unnest(");
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&sb, "$%zu::%s[], ", i + 1,
			    t->columns[t->key[i]].item);
	strbuf_addf(&sb,
		    "$%zu::text[], $%zu::bytea[], $%zu::int8[], "
		    "$%zu::int8[]) AS s(",
		    n + 1, n + 2, n + 3, n + 4);
	sqlgen_columns(&sb, t, NULL, t->key, n);
	strbuf_adds(&sb, ", gsb_name, gsb_value, gsb_born, gsb_newest)\n"
			 "ORDER BY 2, 3, s.gsb_born DESC, s.gsb_newest DESC\n"
			 "ON CONFLICT (rel, key, name) DO UPDATE SET\n"
			 " value = excluded.value, born = excluded.born, "
			 "v = excluded.v\n"
			 "WHERE (e.born, e.v) <= (excluded.born, excluded.v)");
	return arena_span(a, strbuf_span(&sb));
}

static const struct pgstmt *
keep_of(struct extra *x, const struct table *t)
{
	size_t index = (size_t)(t - x->catalog->list), n = t->nkey;
	struct pgstmt *stmt = &x->keep[index];
	uint32_t *types;

	if (stmt->sql != NULL)
		return stmt;
	types = arena_array(x->arena, uint32_t, n + 4);
	for (size_t i = 0; i < n; i++)
		types[i] = t->columns[t->key[i]].array_oid;
	types[n] = OID_TEXTS;
	types[n + 1] = OID_BYTEAS;
	types[n + 2] = types[n + 3] = OID_INT8S;
	stmt->name = arena_printf(x->arena, "keep_%zu", index);
	stmt->sql = keep_sql(x->arena, t);
	stmt->types = types;
	stmt->nparams = (unsigned)n + 4;
	return stmt;
}

/* Parameter number p of what is kept, of one row. */
static void
put_kept(struct strbuf *out, const struct batch_extra *e, size_t p)
{
	const struct table *t = e->table;

	if (p < t->nkey)
		params_value(out, &t->columns[t->key[p]], e->row[t->key[p]]);
	else if (p == t->nkey)
		params_element(out, span_of(e->name));
	else if (p == t->nkey + 1)
		params_element(out, e->value);
	else
		params_int8(out, p == t->nkey + 2 ? e->born : e->v);
}

static void
add_table(struct extra *x, struct pgbatch *out, const struct batch *b,
	  const struct table *t)
{
	static const uint32_t more[] = { OID_TEXT, OID_BYTEA, OID_INT8,
					 OID_INT8 };
	const struct pgstmt *stmt = keep_of(x, t);
	struct pgparam *params = mem_array(struct pgparam, stmt->nparams);
	struct strbuf *bufs = mem_array(struct strbuf, stmt->nparams);
	size_t n = 0;

	for (size_t i = 0; i < b->nextras; i++)
		n += b->extras[i].table == t;
	for (size_t p = 0; p < stmt->nparams; p++) {
		params_array(&bufs[p],
			     p < t->nkey ? t->columns[t->key[p]].item_oid
					 : more[p - t->nkey],
			     n);
		for (size_t i = 0; i < b->nextras; i++)
			if (b->extras[i].table == t)
				put_kept(&bufs[p], &b->extras[i], p);
		params[p] = pgparam_binary(strbuf_span(&bufs[p]));
	}
	pgbatch_add(out, stmt, params);
	for (size_t p = 0; p < stmt->nparams; p++)
		strbuf_fini(&bufs[p]);
	mem_free(bufs);
	mem_free(params);
}

void
extra_add(struct extra *x, struct pgbatch *out, const struct batch *b)
{
	for (size_t i = 0; b->nextras > 0 && i < x->catalog->n; i++) {
		const struct table *t = &x->catalog->list[i];
		bool any = false;

		for (size_t k = 0; k < b->nextras; k++)
			any = any || b->extras[k].table == t;
		if (any)
			add_table(x, out, b, t);
	}
}

/* --- filling ---------------------------------------------------------------
 */

#define HERE                                             \
	"gsb.extra e JOIN pg_class c ON true "           \
	"JOIN pg_namespace n ON n.oid = c.relnamespace " \
	"AND n.nspname || '.' || c.relname = e.rel "     \
	"JOIN pg_attribute a ON a.attrelid = c.oid "     \
	"AND a.attname = e.name AND NOT a.attisdropped "

const char extra_waits_sql[] = "SELECT EXISTS (SELECT FROM gsb.extra) "
			       "AND EXISTS (SELECT FROM " HERE ")";

static const struct pgstmt ask_query = {
	.name = "extra_ask",
	.sql = "SELECT e.rel, e.name, e.key, e.value, e.born FROM " HERE
	       "ORDER BY e.rel, e.name LIMIT 2000",
	.binary = true,
};

static const char *
fill_sql(struct arena *a, const struct table *t, const struct column *c)
{
	STRBUF_AUTO sb = { 0 };

	strbuf_addf(&sb,
		    "UPDATE %s t SET \"%s\" = s.x FROM unnest($1::text[], "
		    "$2::%s[], $3::int8[]) AS s(key, x, born)\nWHERE ",
		    t->quoted, c->name, c->item);
	sqlgen_key_is(&sb, t, "t", "s.key");
	strbuf_adds(&sb, " AND t.\"gsb_v_row\" = s.born");
	return arena_span(a, strbuf_span(&sb));
}

static const struct pgstmt *
fill_of(struct extra *x, const struct table *t, size_t column)
{
	size_t index = (size_t)(t - x->catalog->list);
	uint32_t *types;
	struct pgstmt *stmt;

	if (x->fill[index] == NULL)
		x->fill[index] = arena_array(x->arena, struct pgstmt,
					     t->ncolumns);
	stmt = &x->fill[index][column];
	if (stmt->sql != NULL)
		return stmt;
	types = arena_array(x->arena, uint32_t, 3);
	types[0] = OID_TEXTS;
	types[1] = t->columns[column].array_oid;
	types[2] = OID_INT8S;
	stmt->name = arena_printf(x->arena, "fill_%zu_%zu", index, column);
	stmt->sql = fill_sql(x->arena, t, &t->columns[column]);
	stmt->types = types;
	stmt->nparams = 3;
	return stmt;
}

static void
add_forget(struct pgbatch *out, const struct pgresult *r, int row,
	   struct pgparam keys)
{
	static const uint32_t types[] = { OID_TEXT, OID_TEXT, OID_TEXTS };
	static const struct pgstmt stmt = {
		.name = "extra_forget",
		.sql = "DELETE FROM gsb.extra WHERE rel = $1 AND name = $2 "
		       "AND key = ANY ($3)",
		.nparams = 3,
		.types = types,
	};

	pgbatch_add(out, &stmt,
		    (struct pgparam[]){ pgparam_span(pgresult_bytes(r, row, 0)),
					pgparam_span(pgresult_bytes(r, row, 1)),
					keys });
}

/* Rows from..to-1 are of one column; column NULL: it is not ours. */
static void
add_fill(struct extra *x, struct pgbatch *out, const struct pgresult *r,
	 int from, int to)
{
	struct span rel = pgresult_bytes(r, from, 0);
	const char *name = arena_span(x->arena, pgresult_bytes(r, from, 1));
	const struct table *t = NULL;
	size_t n = (size_t)(to - from), column = TABLE_NONE;
	STRBUF_AUTO keys = { 0 };
	STRBUF_AUTO values = { 0 };
	STRBUF_AUTO born = { 0 };

	for (size_t i = 0; i < x->catalog->n; i++)
		if (span_is(rel, x->catalog->list[i].rel))
			t = &x->catalog->list[i];
	if (t != NULL)
		column = table_column(t, name);
	params_array(&keys, OID_TEXT, n);
	params_array(&born, OID_INT8, n);
	if (column != TABLE_NONE)
		params_array(&values, t->columns[column].item_oid, n);
	for (int i = from; i < to; i++) {
		params_element(&keys, pgresult_bytes(r, i, 2));
		params_int8(&born, pgresult_int(r, i, 4));
		if (column != TABLE_NONE)
			params_value(&values, &t->columns[column],
				     pgresult_bytes(r, i, 3));
	}
	if (column != TABLE_NONE)
		pgbatch_add(
		    out, fill_of(x, t, column),
		    (struct pgparam[]){ pgparam_binary(strbuf_span(&keys)),
					pgparam_binary(strbuf_span(&values)),
					pgparam_binary(strbuf_span(&born)) });
	add_forget(out, r, from, pgparam_binary(strbuf_span(&keys)));
}

static void
ask(struct extra_fill *f)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add(b, &ask_query, NULL);
	f->call = pgconn_run(f->conn, &b, clock_mono_ms() + FILL_MS, on_asked,
			     f);
}

struct extra_fill *
extra_fill_start(struct extra *x, struct pgconn *conn, extra_fn *fn, void *ctx)
{
	struct extra_fill *f = mem_new(struct extra_fill);

	f->extra = x;
	f->conn = conn;
	f->fn = fn;
	f->ctx = ctx;
	ask(f);
	return f;
}

void
extra_fill_cancel(struct extra_fill **fp)
{
	struct extra_fill *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	pgconn_cancel(&f->call);
	mem_free(f);
}

static void
end(struct extra_fill *f, const struct err *err)
{
	extra_fn *fn = f->fn;
	void *ctx = f->ctx;
	size_t filled = f->filled;

	extra_fill_cancel(&f);
	fn(ctx, filled, err);
}

static bool
is_same(const struct pgresult *r, int a, int b)
{
	return span_eq(pgresult_bytes(r, a, 0), pgresult_bytes(r, b, 0)) &&
	       span_eq(pgresult_bytes(r, a, 1), pgresult_bytes(r, b, 1));
}

static void
on_asked(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct extra_fill *f = ctx;
	struct pgbatch *b;
	int rows;

	f->call = NULL;
	rows = err == NULL ? pgresult_rows(&results[0]) : 0;
	if (rows == 0) {
		end(f, err);
		return;
	}
	b = pgbatch_new();
	for (int from = 0, to; from < rows; from = to) {
		for (to = from + 1;
		     to < rows && is_same(&results[0], from, to);)
			to++;
		add_fill(f->extra, b, &results[0], from, to);
	}
	f->filled += (size_t)rows;
	f->call = pgconn_run(f->conn, &b, clock_mono_ms() + FILL_MS, on_filled,
			     f);
}

static void
on_filled(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct extra_fill *f = ctx;

	f->call = NULL;
	if (err != NULL)
		end(f, err);
	else
		ask(f);
}
