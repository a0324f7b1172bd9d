#include "replicator/digest_sql.h"

#include <inttypes.h>

#include "replicator/sqlgen.h"

/* types below it have the same oid everywhere */
#define FIRST_OWN_OID 16384

const char digest_session_sql[] =
    "SET session_replication_role = replica; SET search_path = pg_catalog;"
    "SET synchronous_commit = local; SET TimeZone = 'UTC';"
    "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';"
    "SET extra_float_digits = 3; SET bytea_output = 'hex';"
    "SET lc_monetary = 'C'; SET xmlbinary = 'base64'; SET jit = off;"
    "SET max_parallel_workers_per_gather = 0; SET work_mem = '16MB';"
    "SET lock_timeout = '10s'; SET statement_timeout = 0;"
    "SET idle_in_transaction_session_timeout = 0;"
    "SET client_connection_check_interval = '2s';"
    "SET default_transaction_isolation = 'read committed'";

const struct table *
digest_tombstones(void)
{
	enum { OID_INT8 = 20, OID_TEXT = 25 };
	static struct column columns[] = {
		{ .name = "rel",
		  .type = "text",
		  .type_oid = OID_TEXT,
		  .role = COLUMN_KEY,
		  .exact = true },
		{ .name = "key",
		  .type = "text",
		  .type_oid = OID_TEXT,
		  .role = COLUMN_KEY,
		  .exact = true },
		{ .name = "v",
		  .type = "bigint",
		  .type_oid = OID_INT8,
		  .role = COLUMN_ROW,
		  .exact = true },
		{ .name = "seen",
		  .type = "bigint",
		  .type_oid = OID_INT8,
		  .role = COLUMN_VALUE,
		  .exact = true },
	};
	static size_t key[] = { 0, 1 }, params[] = { 0, 1, 2, 3 };
	static const struct table t = { .schema = "gsb",
					.name = "tombstone",
					.rel = "gsb.tombstone",
					.quoted = "gsb.tombstone",
					.columns = columns,
					.ncolumns = 4,
					.key = key,
					.nkey = 2,
					.row = 2,
					.changed = TABLE_NONE,
					.params = params,
					.nparams = 4 };

	return &t;
}

static bool
comes(const struct digest_form *f, size_t column)
{
	return f->missing == NULL || !f->missing[column];
}

/* A text that says how the column of a key sorts. */
#define KEY_ORDER                                                              \
	"CASE WHEN a.attcollation = 0 THEN format_type(a.atttypid, -1)\n"      \
	"  || CASE WHEN a.atttypid >= 16384 THEN random()::text ELSE '' END\n" \
	" ELSE (SELECT CASE WHEN o.collname = 'default' THEN\n"                \
	"   (SELECT concat_ws(' ', d.datlocprovider, d.datcollate,\n"          \
	"     d.daticulocale, d.datcollversion) FROM pg_database d\n"          \
	"    WHERE d.datname = current_database())\n"                          \
	"  ELSE concat_ws(' ', o.collprovider, o.collcollate,\n"               \
	"   o.colliculocale, o.collversion) END\n"                             \
	"  FROM pg_collation o WHERE o.oid = a.attcollation) END"

void
digest_shape_sql(struct strbuf *sb, const struct table *t)
{
	strbuf_adds(sb,
		    "SELECT greatest(c.reltuples, pg_relation_size(c.oid) / "
		    "200)::int8,\n jsonb_agg(a.attname ORDER BY a.attnum),\n"
		    " coalesce(string_agg(" KEY_ORDER ", ',' ORDER BY a.attnum)"
		    "\n  FILTER (WHERE a.attname IN (");
	for (size_t i = 0; i < t->nkey; i++) {
		strbuf_adds(sb, i > 0 ? ", " : "");
		sqlgen_literal(sb, t->columns[t->key[i]].name);
	}
	strbuf_adds(sb, ")), '')\nFROM pg_class c JOIN pg_namespace n ON "
			"n.oid = c.relnamespace\nJOIN pg_attribute a ON "
			"a.attrelid = c.oid AND a.attnum > 0\n AND NOT "
			"a.attisdropped WHERE n.nspname = ");
	sqlgen_literal(sb, t->schema);
	strbuf_adds(sb, " AND c.relname = ");
	sqlgen_literal(sb, t->name);
	strbuf_adds(sb, "\nGROUP BY c.oid");
}

static void
add_key_json(struct strbuf *sb, const struct table *t)
{
	strbuf_adds(sb, "jsonb_build_array(");
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "%st.\"%s\"::text", i > 0 ? ", " : "",
			    t->columns[t->key[i]].name);
	strbuf_adds(sb, ")::text");
}

static void
add_key_hash(struct strbuf *sb, const struct table *t)
{
	strbuf_adds(sb, "hashtextextended(");
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "%st.\"%s\"::text", i > 0 ? " || ' ' || " : "",
			    t->columns[t->key[i]].name);
	strbuf_adds(sb, " COLLATE \"C\", 0)");
}

/*
 * Of what has its own = and hash, as bytes have them; all else as text,
 * which the session makes alike. An enum's hash is that of its oid.
 */
static void
add_row_hash(struct strbuf *sb, const struct digest_form *f)
{
	const struct table *t = f->t;
	const char *separator = "";

	strbuf_adds(sb, "hash_record_extended(ROW(");
	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];

		if (!comes(f, t->params[i]))
			continue;
		strbuf_addf(sb, "%st.\"%s\"%s", separator, c->name,
			    c->exact && c->type_oid < FIRST_OWN_OID ? ""
								    : "::text");
		separator = ", ";
	}
	strbuf_adds(sb, "), 0)");
}

/* (t."a", t."b") */
static void
add_key_row(struct strbuf *sb, const struct table *t)
{
	strbuf_addc(sb, '(');
	sqlgen_columns(sb, t, "t", t->key, t->nkey);
	strbuf_addc(sb, ')');
}

static void
add_key_value(struct strbuf *sb, const struct table *t, const char *key)
{
	strbuf_addc(sb, '(');
	for (size_t i = 0; i < t->nkey; i++) {
		strbuf_adds(sb, i > 0 ? ", (" : "(");
		sqlgen_literal(sb, key);
		strbuf_addf(sb, "::jsonb ->> %zu)::%s", i,
			    t->columns[t->key[i]].type);
	}
	strbuf_addc(sb, ')');
}

static void
add_where(struct strbuf *sb, const struct digest_form *f,
	  const struct digest_slice *s)
{
	strbuf_adds(sb, " WHERE true");
	if (f->oldest != 0)
		strbuf_addf(sb, " AND t.v > %" PRId64, f->oldest);
	if (s->nparts > 1) {
		strbuf_adds(sb, " AND (");
		add_key_hash(sb, f->t);
		strbuf_addf(sb, " >> 20) & %u = %u", s->nparts - 1, s->part);
	}
	if (s->above != NULL) {
		strbuf_adds(sb, " AND ");
		add_key_row(sb, f->t);
		strbuf_adds(sb, " > ");
		add_key_value(sb, f->t, s->above);
	}
	if (s->upto != NULL) {
		strbuf_adds(sb, " AND ");
		add_key_row(sb, f->t);
		strbuf_adds(sb, " <= ");
		add_key_value(sb, f->t, s->upto);
	}
}

void
digest_edge_sql(struct strbuf *sb, const struct digest_form *f,
		const struct digest_slice *s, unsigned n)
{
	/* the rows that are passed over are not made JSON of */
	strbuf_adds(sb, "SELECT ");
	add_key_json(sb, f->t);
	strbuf_adds(sb, " FROM (SELECT ");
	sqlgen_columns(sb, f->t, "t", f->t->key, f->t->nkey);
	strbuf_addf(sb, " FROM %s t", f->t->quoted);
	add_where(sb, f, s);
	strbuf_adds(sb, " ORDER BY ");
	sqlgen_columns(sb, f->t, "t", f->t->key, f->t->nkey);
	strbuf_addf(sb, " OFFSET %u LIMIT 1) t", n - 1);
}

void
digest_order_sql(struct strbuf *sb, const struct digest_form *f, const char *a,
		 const char *b)
{
	strbuf_adds(sb, "SELECT ");
	add_key_value(sb, f->t, a);
	strbuf_adds(sb, " <= ");
	add_key_value(sb, f->t, b);
}

void
digest_sum_sql(struct strbuf *sb, const struct digest_form *f,
	       const struct digest_slice *s)
{
	strbuf_adds(sb, "SELECT count(*), sum(");
	add_row_hash(sb, f);
	strbuf_addf(sb, ") FROM %s t", f->t->quoted);
	add_where(sb, f, s);
}

void
digest_places_sql(struct strbuf *sb, const struct digest_form *f,
		  const struct digest_slice *s)
{
	strbuf_adds(sb, "SELECT string_agg(int8send(");
	add_row_hash(sb, f);
	strbuf_addf(sb, ") || tidsend(t.ctid), '') FROM %s t", f->t->quoted);
	add_where(sb, f, s);
}

static void
add_rows(struct strbuf *sb, const struct digest_form *f)
{
	strbuf_adds(sb, "SELECT ");
	add_key_json(sb, f->t);
	strbuf_adds(sb, " COLLATE \"C\" AS k, ");
	add_row_hash(sb, f);
	strbuf_adds(sb, " AS h FROM ");
}

void
digest_placed_sql(struct strbuf *sb, const struct digest_form *f,
		  const char *places)
{
	add_rows(sb, f);
	strbuf_addf(sb, "%s t WHERE t.ctid = ANY ('{%s}') ORDER BY k",
		    f->t->quoted, places);
}

/* The rows "t" of a list of keys, each by its index. */
static void
add_listed(struct strbuf *sb, const struct table *t, const char *list)
{
	strbuf_adds(sb, "(SELECT * FROM jsonb_array_elements(");
	strbuf_adds(sb, list);
	strbuf_addf(sb,
		    "::jsonb) AS e(k)) e CROSS JOIN LATERAL (SELECT u.* "
		    "FROM %s u WHERE ",
		    t->quoted);
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "%su.\"%s\" = (e.k ->> %zu)::%s",
			    i > 0 ? " AND " : "", t->columns[t->key[i]].name, i,
			    t->columns[t->key[i]].type);
	strbuf_adds(sb, " OFFSET 0) t");
}

void
digest_keys_sql(struct strbuf *sb, const struct digest_form *f,
		const char *keys)
{
	STRBUF_AUTO list = { 0 };

	sqlgen_literal(&list, keys);
	add_rows(sb, f);
	add_listed(sb, f->t, strbuf_text(&list));
	strbuf_adds(sb, " ORDER BY k");
}

void
digest_fetch_sql(struct strbuf *sb, const struct digest_form *f)
{
	const struct table *t = f->t;

	strbuf_adds(sb, "SELECT ");
	add_key_json(sb, t);
	strbuf_adds(sb, " AS k, ");
	add_row_hash(sb, f);
	strbuf_adds(sb, " AS h");
	for (size_t i = 0; i < t->nparams; i++)
		if (comes(f, t->params[i]))
			strbuf_addf(sb, ", t.\"%s\"",
				    t->columns[t->params[i]].name);
	strbuf_adds(sb, " FROM ");
	add_listed(sb, t, "$1");
}

void
digest_touch_sql(struct strbuf *sb, const struct digest_form *f,
		 const char *keys)
{
	const struct table *t = f->t;
	const char *row = t->columns[t->row].name;

	strbuf_addf(sb, "UPDATE %s t SET \"%s\" = t.\"%s\"", t->quoted, row,
		    row);
	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];

		if (c->role == COLUMN_VALUE && c->toastable)
			strbuf_addf(sb, ", \"%s\" = (t.\"%s\"::text || '')::%s",
				    c->name, c->name, c->type);
	}
	if (t->changed != TABLE_NONE)
		strbuf_addf(sb, ", \"%s\" = 0", t->columns[t->changed].name);
	strbuf_adds(sb, " FROM (SELECT e.k FROM jsonb_array_elements(");
	sqlgen_literal(sb, keys);
	strbuf_adds(sb, "::jsonb) AS e(k) ORDER BY e.k) e WHERE ");
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "%st.\"%s\" = (e.k ->> %zu)::%s",
			    i > 0 ? " AND " : "", t->columns[t->key[i]].name, i,
			    t->columns[t->key[i]].type);
}
