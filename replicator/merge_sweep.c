/*
 * The statements around the merge: the session, what lies below a tombstone,
 * what has to be fetched whole, and effective keys.
 */
#include "base/strbuf.h"
#include "replicator/merge.h"
#include "replicator/sqlgen.h"

const char merge_session_sql[] =
    "SET session_replication_role = replica; SET search_path = pg_catalog;"
    "SET synchronous_commit = local; SET plan_cache_mode = force_generic_plan;"
    "SET enable_seqscan = off; SET enable_hashjoin = off;"
    "SET enable_mergejoin = off; SET jit = off;"
    "SET default_transaction_isolation = 'read committed'";

const char merge_tombstones_sql[] =
    "WITH s AS (SELECT DISTINCT ON (rel, key) rel, key, v, seen\n"
    " FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[])\n"
    "  AS u(rel, key, v, seen) ORDER BY rel, key, v DESC),\n"
    "w AS (INSERT INTO gsb.sweep (rel, key) SELECT rel, key FROM s\n"
    " ON CONFLICT (rel, key) DO UPDATE SET horizon = NULL)\n"
    "INSERT INTO gsb.tombstone AS t (rel, key, v, seen)\n"
    "SELECT rel, key, v, seen FROM s\n"
    "ON CONFLICT (rel, key) DO UPDATE SET v = excluded.v,\n"
    " seen = excluded.seen WHERE t.v < excluded.v";

const char merge_barrier_sql[] =
    "WITH old AS (DELETE FROM gsb.barrier_mark\n"
    " WHERE at < now() - interval '1 day')\n"
    "INSERT INTO gsb.barrier_mark (token)\n"
    "SELECT $1::text FROM (SELECT gsb.tidy() AS n OFFSET 0) t WHERE n >= 0\n"
    "ON CONFLICT (token) DO NOTHING";

const char merge_tidy_sql[] = "SELECT gsb.tidy()";

/* unnest($1::uuid[], ...) AS s("id", ...) of the key, and more */
static void
add_keys(struct strbuf *sb, const struct table *t, const char *more_types,
	 const char *more_names)
{
	strbuf_adds(sb, "unnest(");
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "%s$%zu::%s[]", i > 0 ? ", " : "", i + 1,
			    t->columns[t->key[i]].type);
	strbuf_adds(sb, more_types);
	strbuf_adds(sb, ")");
	strbuf_adds(sb, more_names[0] == '\0' ? "" : " WITH ORDINALITY");
	strbuf_adds(sb, " AS s(");
	sqlgen_columns(sb, t, NULL, t->key, t->nkey);
	strbuf_adds(sb, more_names);
	strbuf_adds(sb, ")");
}

static const char *
sweep_sql(struct arena *a, const struct table *t, struct strbuf *using)
{
	STRBUF_AUTO sb = { 0 };

	sqlgen_sweep(&sb, t, strbuf_text(using));
	strbuf_fini(using);
	return arena_span(a, strbuf_span(&sb));
}

const char *
merge_sweep_sql(struct arena *a, const struct table *t)
{
	struct strbuf sb = { 0 };
	STRBUF_AUTO key = { 0 };

	add_keys(&sb, t, "", "");
	strbuf_adds(&sb, "\nJOIN ");
	sqlgen_key_text(&key, t, "s");
	sqlgen_tombstone(&sb, t, strbuf_text(&key));
	/* whatever a merge may not have seen is in gsb.sweep as well */
	strbuf_adds(&sb, " ON true\nWHERE (SELECT EXISTS "
			 "(SELECT FROM gsb.sweep)) AND ");
	sqlgen_key_equal(&sb, t, "t", "s");
	return sweep_sql(a, t, &sb);
}

/* Tombstones come by index: of a while, few; the rows are many. */
const char *
merge_sweep_newer_sql(struct arena *a, const struct table *t)
{
	struct strbuf sb = { 0 };

	strbuf_adds(&sb, "(SELECT h.key FROM gsb.tombstone h WHERE h.rel = ");
	sqlgen_literal(&sb, t->rel);
	strbuf_adds(&sb, " AND h.v > $1::int8 OFFSET 0) s\nJOIN ");
	sqlgen_tombstone(&sb, t, "s.key");
	strbuf_adds(&sb, " ON true\nWHERE ");
	sqlgen_key_is(&sb, t, "t", "s.key");
	return sweep_sql(a, t, &sb);
}

const char *
merge_sweep_dead_sql(struct arena *a, const struct table *t)
{
	struct strbuf sb = { 0 };

	strbuf_adds(&sb, "unnest($1::text[]) AS s(key)\nJOIN ");
	sqlgen_tombstone(&sb, t, "s.key");
	strbuf_adds(&sb, " ON true\nWHERE ");
	sqlgen_key_is(&sb, t, "t", "s.key");
	return sweep_sql(a, t, &sb);
}

static bool
may_lack_values(const struct table *t, const struct group *g)
{
	for (size_t i = 0; i < g->ncolumns; i++)
		if (t->columns[g->columns[i]].toastable)
			return g->version != TABLE_NONE;
	return false;
}

size_t
merge_lacking_columns(const struct table *t, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nkey; i++)
		out[n++] = t->key[i];
	out[n++] = t->row;
	for (size_t g = 0; g < t->ngroups; g++)
		if (may_lack_values(t, &t->groups[g]))
			out[n++] = t->groups[g].version;
	return n;
}

/* With ranks, a higher version does not mean that it stands. */
static void
add_has_groups(struct strbuf *sb, const struct table *t)
{
	for (size_t g = 0; g < t->ngroups; g++) {
		const struct group *group = &t->groups[g];

		if (may_lack_values(t, group))
			strbuf_addf(sb,
				    "\n  AND coalesce(t.\"gsb_v_%s\" %s "
				    "s.\"gsb_v_%s\", true)",
				    group->name, group->nranks > 0 ? "=" : ">=",
				    group->name);
	}
}

const char *
merge_lacking_sql(struct arena *a, const struct table *t)
{
	size_t *columns = arena_array(a, size_t, t->ncolumns);
	size_t n = merge_lacking_columns(t, columns);
	STRBUF_AUTO types = { 0 };
	STRBUF_AUTO names = { 0 };
	STRBUF_AUTO sb = { 0 };

	for (size_t i = t->nkey; i < n; i++) {
		strbuf_addf(&types, ", $%zu::int8[]", i + 1);
		strbuf_addf(&names, ", \"%s\"", t->columns[columns[i]].name);
	}
	strbuf_adds(&names, ", ord");
	strbuf_adds(&sb, "SELECT s.ord FROM ");
	add_keys(&sb, t, strbuf_text(&types), strbuf_text(&names));
	strbuf_addf(&sb, "\nWHERE NOT EXISTS (SELECT FROM %s t WHERE ",
		    t->quoted);
	sqlgen_key_equal(&sb, t, "t", "s");
	strbuf_adds(&sb, " AND (t.\"gsb_v_row\" > s.\"gsb_v_row\"\n"
			 "  OR t.\"gsb_v_row\" = s.\"gsb_v_row\"");
	add_has_groups(&sb, t);
	strbuf_adds(&sb, "))\n AND NOT EXISTS "
			 "(SELECT FROM gsb.tombstone d WHERE d.rel = ");
	sqlgen_literal(&sb, t->rel);
	strbuf_adds(&sb, " AND d.key = ");
	sqlgen_key_text(&sb, t, "s");
	strbuf_adds(&sb, " AND d.v > s.\"gsb_v_row\")");
	return arena_span(a, strbuf_span(&sb));
}

const char *
merge_fetch_sql(struct arena *a, const struct table *t, const bool *missing)
{
	size_t *columns = arena_array(a, size_t, t->nparams);
	STRBUF_AUTO sb = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < t->nparams; i++)
		if (missing == NULL || !missing[t->params[i]])
			columns[n++] = t->params[i];
	strbuf_adds(&sb, "SELECT ");
	sqlgen_columns(&sb, t, "t", columns, n);
	strbuf_adds(&sb, " FROM ");
	add_keys(&sb, t, "", "");
	strbuf_addf(&sb, " JOIN %s t ON ", t->quoted);
	sqlgen_key_equal(&sb, t, "t", "s");
	return arena_span(a, strbuf_span(&sb));
}

const char *
merge_demote_sql(struct arena *a, const struct table *t, size_t u)
{
	STRBUF_AUTO sb = { 0 };

	sqlgen_demote(&sb, t, &t->uniques[u], "");
	return arena_span(a, strbuf_span(&sb));
}

const char *
merge_promote_sql(struct arena *a, const struct table *t, size_t u)
{
	STRBUF_AUTO sb = { 0 };

	sqlgen_promote(&sb, t, &t->uniques[u], "");
	return arena_span(a, strbuf_span(&sb));
}
