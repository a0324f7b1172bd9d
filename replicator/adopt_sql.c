#include "replicator/adopt_sql.h"

#include <string.h>

#include "base/strbuf.h"
#include "replicator/sqlgen.h"

int
adopt_parse(struct arena *a, const char *word, struct adopt_name *out,
	    struct err *e)
{
	struct span name = span_of(word), schema = span_of("public");

	if (span_find(name, '.') >= 0)
		(void)span_cut(&name, '.', &schema);
	if (name.len == 0 || schema.len == 0 || span_find(name, '"') >= 0 ||
	    span_find(schema, '"') >= 0 || span_find(name, '.') >= 0)
		return err_set(e, ERR_INVALID,
			       "\"%s\" names no table; write SCHEMA.TABLE",
			       word);
	out->schema = arena_span(a, schema);
	out->name = arena_span(a, name);
	out->rel = arena_printf(a, "%s.%s", out->schema, out->name);
	out->quoted = arena_printf(a, "\"%s\".\"%s\"", out->schema, out->name);
	return 0;
}

/* u: its unique indexes that are not the key; v: each as a line. */
#define UNIQUES                                                              \
	"u AS (SELECT x.relname, i.indexrelid, k.names, k.loose,\n"          \
	" k.names[array_upper(k.names, 1)] AS value, o.conname,\n"           \
	" i.indpred IS NOT NULL OR i.indexprs IS NOT NULL\n"                 \
	"  OR i.indnullsnotdistinct OR NOT k.textual OR i.indisexclusion\n"  \
	"  AS odd, EXISTS (SELECT FROM pg_constraint f\n"                    \
	"   WHERE f.conindid = i.indexrelid AND f.contype = 'f') AS used\n"  \
	" FROM c JOIN pg_index i ON i.indrelid = c.oid\n"                    \
	"  AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary\n" \
	" JOIN pg_class x ON x.oid = i.indexrelid\n"                         \
	"  AND x.relname NOT LIKE '%\\_gsb\\_key'\n"                         \
	" LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid\n"          \
	"  AND o.contype IN ('u', 'x')\n"                                    \
	" CROSS JOIN LATERAL (SELECT\n"                                      \
	"   array_agg(a.attname::text ORDER BY k.at) AS names,\n"            \
	"   coalesce(bool_or(k.at < i.indnkeyatts AND NOT a.attnotnull),\n"  \
	"    true) AS loose, coalesce(bool_and(k.at < i.indnkeyatts\n"       \
	"    OR a.atttypid IN ('text'::regtype, 'varchar'::regtype,\n"       \
	"     'uuid'::regtype, 'int2'::regtype, 'int4'::regtype,\n"          \
	"     'int8'::regtype)), false) AS textual\n"                        \
	"  FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, at)\n"         \
	"  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n\n"   \
	"  WHERE k.at <= i.indnkeyatts) k),\n"                               \
	"v AS (SELECT *, format('unique.%s = %s', value || CASE WHEN\n"      \
	"  row_number() OVER (PARTITION BY value ORDER BY relname) > 1\n"    \
	"  THEN '_' || row_number() OVER (PARTITION BY value\n"              \
	"   ORDER BY relname) ELSE '' END,\n"                                \
	"  array_to_string(names, ', ')) AS line FROM u)\n"

#define REFUSAL                                                                \
	"SELECT regexp_replace(CASE WHEN c.oid IS NULL THEN 'there is no "     \
	"such table'\n"                                                        \
	" WHEN c.relkind = 'p' OR c.relispartition THEN 'partitioned\n"        \
	" tables and partitions do not replicate: rows move between them\n"    \
	" without a trace that could be merged; keep it as one table'\n"       \
	" WHEN c.relkind <> 'r' THEN 'it is no ordinary table'\n"              \
	" WHEN c.relpersistence <> 'p' THEN 'it is unlogged or temporary:\n"   \
	" its changes do not reach the stream; ALTER TABLE ... SET LOGGED'\n"  \
	" WHEN key.names IS NULL THEN 'it has no primary key, by which rows\n" \
	" of two sites could be told to be one; add one (a uuid, for one)'\n"  \
	" WHEN EXISTS (SELECT FROM v WHERE odd OR loose OR used) THEN\n"       \
	" (SELECT format('its unique or exclusion index %s cannot be kept\n"   \
	" by two sites that both write (%s): drop it, or give it another\n"    \
	" form', relname, CASE WHEN used THEN 'foreign keys point to it'\n"    \
	" WHEN loose AND NOT odd THEN 'columns before its last one may be\n"   \
	" NULL' ELSE 'an expression, a predicate, or a last column that is\n"  \
	" neither text nor uuid nor integer' END)\n"                           \
	" FROM v WHERE odd OR loose OR used ORDER BY relname LIMIT 1)\n"       \
	" END, '\\s+', ' ', 'g'),\n"

const struct pgstmt adopt_look_query = {
	.name = "adopt_look",
	.nparams = 2,
	.sql =
	    "WITH c AS (SELECT c.* FROM (SELECT) x LEFT JOIN (pg_class c\n"
	    " JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	    " AND n.nspname = $1::text AND c.relname = $2::text) ON true),\n"
	    "key AS (SELECT string_agg(a.attname, ', ' ORDER BY k.at)\n"
	    "  AS names, string_agg(a.attname, ', ' ORDER BY k.at)\n"
	    "  FILTER (WHERE a.attidentity <> ''\n"
	    "   OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%')\n"
	    "  AS counted FROM c JOIN pg_index i ON i.indrelid = c.oid\n"
	    "  AND i.indisprimary CROSS JOIN LATERAL\n"
	    "  unnest(i.indkey::int2[]) WITH ORDINALITY k(n, at)\n"
	    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n\n"
	    " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid\n"
	    "  AND d.adnum = a.attnum),\n" UNIQUES REFUSAL
	    " E'key = ' || key.names || E'\\n' || coalesce((SELECT\n"
	    "  string_agg(line || E'\\n', '' ORDER BY line) FROM v), ''),\n"
	    " (SELECT string_agg(CASE WHEN conname IS NULL THEN\n"
	    "   format('DROP INDEX %I.%I', $1::text, relname) ELSE\n"
	    "   format('ALTER TABLE %I.%I DROP CONSTRAINT %I', $1::text,\n"
	    "    $2::text, conname) END, '; ') FROM v),\n"
	    " (SELECT coalesce(array_agg(CASE WHEN conname IS NULL THEN\n"
	    "   pg_get_indexdef(indexrelid) ELSE\n"
	    "   format('ALTER TABLE %I.%I ADD CONSTRAINT %I UNIQUE (%s)',\n"
	    "    $1::text, $2::text, conname, (SELECT string_agg(\n"
	    "     quote_ident(n), ', ') FROM unnest(names) n)) END), '{}')\n"
	    "  FROM v)::text,\n"
	    " CASE WHEN key.counted IS NOT NULL THEN format('its %s comes '\n"
	    "  'from a sequence: let each site count in steps of 2 from '\n"
	    "  'another number, or two rows of one number become one',\n"
	    "  key.counted) END FROM c, key",
};

const struct pgstmt adopt_state_query = {
	.name = "adopt_state",
	.nparams = 1,
	.sql = "SELECT lines, shipped::text FROM gsb.adopted "
	       "WHERE rel = $1::text",
};

const char *
adopt_record_sql(struct arena *a, const struct adopt_name *t, const char *lines,
		 const char *restore)
{
	STRBUF_AUTO sb = { 0 };

	strbuf_adds(&sb, "INSERT INTO gsb.adopted (rel, lines, restore) "
			 "VALUES (");
	sqlgen_literal(&sb, t->rel);
	strbuf_adds(&sb, ", ");
	sqlgen_literal(&sb, lines);
	strbuf_adds(&sb, ", ");
	sqlgen_literal(&sb, restore);
	strbuf_adds(&sb, ") ON CONFLICT (rel) DO NOTHING");
	return arena_span(a, strbuf_span(&sb));
}

const char *
adopt_release_sql(struct arena *a, const struct adopt_name *t)
{
	STRBUF_AUTO rel = { 0 };
	STRBUF_AUTO quoted = { 0 };

	sqlgen_literal(&rel, t->rel);
	sqlgen_literal(&quoted, t->quoted);
	return arena_printf(
	    a,
	    "DO $gsb$ DECLARE r text; gone regclass := to_regclass(%s);\n"
	    "BEGIN\n"
	    " FOR r IN SELECT tgname FROM pg_trigger WHERE tgrelid = gone\n"
	    "  AND tgname IN ('zz_gsb_create', 'zz_gsb_version',\n"
	    "   'zz_gsb_protect', 'gsb_born', 'gsb_gone', 'gsb_moved', "
	    "'gsb_truncate',\n"
	    "   'gsb_refers_insert', 'gsb_refers_update') LOOP\n"
	    "  EXECUTE format('DROP TRIGGER %%I ON %%s', r, gone);\n"
	    " END LOOP;\n"
	    " FOR r IN SELECT p.oid::regprocedure FROM pg_proc p\n"
	    "  WHERE p.pronamespace = 'gsb'::regnamespace\n"
	    "  AND p.proname IN (SELECT %s || f FROM unnest(ARRAY['_create',"
	    "\n   '_version', '_protect', '_reborn', '_born', '_moved', "
	    "'_gone',\n"
	    "   '_refers']) f) LOOP\n"
	    "  EXECUTE 'DROP FUNCTION ' || r;\n"
	    " END LOOP;\n"
	    " FOR r IN SELECT attname FROM pg_attribute WHERE attrelid = gone\n"
	    "  AND NOT attisdropped AND (attname LIKE 'gsb\\_v\\_%%'\n"
	    "   OR attname LIKE 'gsb\\_key\\_%%' OR attname = 'gsb_changed') "
	    "LOOP\n"
	    "  EXECUTE format('ALTER TABLE %%s DROP COLUMN %%I', gone, r);\n"
	    " END LOOP;\n"
	    " FOR r IN SELECT unnest(restore) FROM gsb.adopted WHERE rel = %s\n"
	    " LOOP\n  EXECUTE r;\n END LOOP;\n"
	    " DELETE FROM gsb.tombstone WHERE rel = %s;\n"
	    " DELETE FROM gsb.sweep WHERE rel = %s;\n"
	    " DELETE FROM gsb.extra WHERE rel = %s;\n"
	    " DELETE FROM gsb.adopted WHERE rel = %s;\nEND $gsb$",
	    strbuf_text(&quoted), strbuf_text(&rel), strbuf_text(&rel),
	    strbuf_text(&rel), strbuf_text(&rel), strbuf_text(&rel),
	    strbuf_text(&rel));
}

/* The time first, whatever a WITH leaves to the end: who comes is later. */
const struct pgstmt adopt_tell_query = {
	.name = "adopt_tell",
	.nparams = 1,
	.sql = "WITH x AS (UPDATE gsb.adopted SET at = clock_timestamp() "
	       "WHERE rel = $1::text RETURNING 1) "
	       "SELECT pg_terminate_backend(s.pid) "
	       "FROM (SELECT count(*) FROM x) n, pg_stat_activity s "
	       "WHERE application_name = 'gsb-replicator apply' "
	       "AND datname = current_database()",
};

/* Who had no name yet when all were ended is ended now. */
const struct pgstmt adopt_known_query = {
	.name = "adopt_known",
	.nparams = 1,
	.sql = "SELECT coalesce(bool_or(CASE WHEN s.backend_start > a.at "
	       "THEN true ELSE pg_terminate_backend(s.pid) IS NULL END), "
	       "false) FROM pg_stat_activity s, gsb.adopted a "
	       "WHERE a.rel = $1::text "
	       "AND s.application_name = 'gsb-replicator apply' "
	       "AND s.datname = current_database()",
};

const struct pgstmt adopt_shipped_query = {
	.name = "adopt_shipped",
	.nparams = 1,
	.sql = "UPDATE gsb.adopted SET shipped = now() WHERE rel = $1::text",
};

const char adopt_setup_sql[] =
    "SET session_replication_role = replica; SET synchronous_commit = off; "
    "SET search_path = pg_catalog";

const char *
adopt_ship_sql(struct arena *a, const struct table *t)
{
	STRBUF_AUTO sb = { 0 };

	strbuf_adds(&sb,
		    "DO $gsb$ DECLARE r record;\nBEGIN\n FOR r IN SELECT ");
	sqlgen_columns(&sb, t, "t", t->key, t->nkey);
	strbuf_addf(&sb,
		    " FROM %s t LOOP\n  UPDATE %s t SET "
		    "\"gsb_v_row\" = t.\"gsb_v_row\"",
		    t->quoted, t->quoted);
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].role == COLUMN_VALUE &&
		    t->columns[i].toastable)
			strbuf_addf(&sb, ",\n   \"%s\" = %s",
				    t->columns[i].name,
				    sqlgen_anew(a, &t->columns[i], "t"));
	if (t->changed != TABLE_NONE)
		strbuf_adds(&sb, ", \"gsb_changed\" = 0");
	strbuf_adds(&sb, "\n  WHERE ");
	sqlgen_key_equal(&sb, t, "t", "r");
	strbuf_adds(&sb, ";\n  COMMIT;\n END LOOP;\nEND $gsb$");
	return arena_span(a, strbuf_span(&sb));
}

/* Where the table's section begins and ends; false: there is none. */
static bool
find_section(struct span text, const struct adopt_name *t, size_t *from,
	     size_t *to)
{
	struct span rest = text, line, name;
	bool found = false;
	size_t at = 0;

	*to = text.len;
	for (; span_cut(&rest, '\n', &line);
	     at = (size_t)(rest.at != NULL ? rest.at - text.at : 0)) {
		if (!span_starts(line, "["))
			continue;
		if (found) {
			*to = at;
			break;
		}
		name = span_trim(line);
		if (!span_starts(name, "[table ") || !span_ends(name, "]"))
			continue;
		name = span_trim(span_make(name.at + 7, name.len - 8));
		if (span_is(name, t->rel) ||
		    (strcmp(t->schema, "public") == 0 &&
		     span_is(name, t->name))) {
			found = true;
			*from = at;
		}
	}
	return found;
}

char *
adopt_without(struct span text, const struct adopt_name *t)
{
	struct strbuf sb = { 0 };
	size_t from, to;

	if (!find_section(text, t, &from, &to))
		from = to = text.len;
	else if (span_ends(span_make(text.at, from), "\n\n"))
		from--; /* the empty line that adopt puts before it */
	strbuf_add(&sb, text.at, from);
	strbuf_add_span(&sb, span_skip(text, to));
	return strbuf_take(&sb);
}

char *
adopt_with(struct span text, const struct adopt_name *t, const char *lines)
{
	struct strbuf sb = { 0 };

	strbuf_add_span(&sb, text);
	if (text.len > 0 && !span_ends(text, "\n"))
		strbuf_addc(&sb, '\n');
	strbuf_addf(&sb, "\n[table %s]\n%s", t->rel, lines);
	return strbuf_take(&sb);
}
