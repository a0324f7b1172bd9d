/*
 * rows: INSERT ... SELECT unnest(...) ON CONFLICT DO UPDATE; what that sets
 * stands in merge_set.c.
 */
#include "base/strbuf.h"
#include "replicator/merge.h"
#include "replicator/merge_form.h"
#include "replicator/sqlgen.h"

/*
 * (SELECT unnest($1::uuid[]) AS "id", ...) AS s over columns by index. In the
 * list of a SELECT the arrays go side by side; in its FROM each would be laid
 * down first, at a third of what a plain insert costs.
 */
static void
add_unnest(struct strbuf *sb, const struct merge_form *f, const size_t *columns,
	   size_t n)
{
	size_t param = 0;

	strbuf_adds(sb, "(SELECT ");
	for (size_t i = 0; i < n; i++) {
		const struct column *c = &f->t->columns[columns[i]];
		bool boxed = c->element_oid != 0;

		if (!comes(f, columns[i]))
			continue;
		strbuf_addf(sb, "%s%sunnest($%zu::%s[])%s AS ",
			    param > 0 ? ", " : "", boxed ? "(" : "", param + 1,
			    c->item, boxed ? ").v" : "");
		sqlgen_column(sb, NULL, c->name);
		param++;
	}
	strbuf_adds(sb, ") AS s");
}

static void
add_came(struct strbuf *sb, const struct merge_form *f)
{
	bool first = true;

	for (size_t i = 0; i < f->t->nparams; i++) {
		if (!comes(f, f->t->params[i]))
			continue;
		if (!first)
			strbuf_adds(sb, ", ");
		first = false;
		sqlgen_column(sb, NULL, f->t->columns[f->t->params[i]].name);
	}
}

/*
 * A value as it is inserted: in the partial form a NULL version means that
 * the value is the one that stands here.
 */
static void
add_value(struct strbuf *sb, const struct merge_form *f, size_t column)
{
	const struct column *c = &f->t->columns[column];
	const struct group *g;

	if (!f->partial || c->group == TABLE_NONE ||
	    !group_comes(f, c->group)) {
		sqlgen_column(sb, "s", c->name);
		return;
	}
	g = &f->t->groups[c->group];
	strbuf_addf(sb,
		    "CASE WHEN s.\"gsb_v_%s\" IS NULL THEN cur.\"%s\" "
		    "ELSE s.\"%s\" END",
		    g->name, c->name, c->name);
}

/* The bare value, unless a clash is plain to see: then <value>#<key>. */
static void
add_new_key(struct strbuf *sb, const struct merge_form *f,
	    const struct unique *u)
{
	const struct table *t = f->t;

	sqlgen_fold(sb, u, t, "s");
	if (f->fresh)
		return;
	strbuf_adds(sb, " || CASE WHEN count(*) OVER (PARTITION BY ");
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, "s.\"%s\", ", t->columns[u->scope[i]].name);
	sqlgen_fold(sb, u, t, "s");
	strbuf_addf(sb, ") > 1 OR EXISTS (SELECT FROM %s o WHERE ", t->quoted);
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, "o.\"%s\" = s.\"%s\" AND ",
			    t->columns[u->scope[i]].name,
			    t->columns[u->scope[i]].name);
	strbuf_addf(sb, "o.\"%s\" = ", u->column);
	sqlgen_fold(sb, u, t, "s");
	strbuf_adds(sb, ") THEN '#' || ");
	sqlgen_key_text(sb, t, "s");
	strbuf_adds(sb, " ELSE '' END");
}

static void
add_newest_came(struct strbuf *sb, const struct merge_form *f)
{
	strbuf_adds(sb, "greatest(s.\"gsb_v_row\"");
	for (size_t g = 0; g < f->t->ngroups; g++)
		if (group_comes(f, g))
			strbuf_addf(sb, ", s.\"gsb_v_%s\"",
				    f->t->groups[g].name);
	strbuf_addc(sb, ')');
}

/*
 * Below a tombstone: dropped; reported if its deleter had not seen it. A row
 * above all tombstones of its table, as every new one is, is not looked up.
 */
static void
add_alive(struct strbuf *sb, const struct merge_form *f)
{
	strbuf_adds(sb, "CASE WHEN (s.\"gsb_v_row\" > (SELECT max(h.v) FROM "
			"gsb.tombstone h WHERE h.rel = ");
	sqlgen_literal(sb, f->t->rel);
	strbuf_adds(sb, ")) IS NOT FALSE THEN true\n ELSE coalesce((SELECT "
			"CASE WHEN d.v < s.\"gsb_v_row\" THEN true WHEN ");
	add_newest_came(sb, f);
	strbuf_adds(sb, " > d.seen\n  THEN gsb.note_dead(");
	sqlgen_literal(sb, f->t->rel);
	strbuf_adds(sb, ", d.key, to_jsonb(s.*), d.v, ");
	add_newest_came(sb, f);
	strbuf_adds(sb, ") ELSE false END\n  FROM gsb.tombstone d "
			"WHERE d.rel = ");
	sqlgen_literal(sb, f->t->rel);
	strbuf_adds(sb, " AND d.key = ");
	sqlgen_key_text(sb, f->t, "s");
	strbuf_adds(sb, "), true) END");
}

static void
add_insert(struct strbuf *sb, const struct merge_form *f)
{
	const struct table *t = f->t;
	bool always = false;

	strbuf_addf(sb, "INSERT INTO %s AS t (", t->quoted);
	add_came(sb, f);
	for (size_t u = 0; u < t->nuniques; u++)
		if (unique_comes(f, &t->uniques[u]))
			strbuf_addf(sb, ", \"%s\"", t->uniques[u].column);
	for (size_t i = 0; i < t->ncolumns; i++)
		always = always || t->columns[i].always;
	strbuf_addf(sb, ")%s\nSELECT ",
		    always ? " OVERRIDING SYSTEM VALUE" : "");
}

static void
add_select(struct strbuf *sb, const struct merge_form *f)
{
	const struct table *t = f->t;
	bool first = true;

	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];

		if (!comes(f, t->params[i]))
			continue;
		if (!first)
			strbuf_adds(sb, ", ");
		first = false;
		if (f->partial && c->role == COLUMN_VERSION)
			strbuf_addf(sb, "coalesce(s.\"%s\", cur.\"%s\")",
				    c->name, c->name);
		else
			add_value(sb, f, t->params[i]);
	}
	for (size_t u = 0; u < t->nuniques; u++)
		if (unique_comes(f, &t->uniques[u])) {
			strbuf_adds(sb, ",\n ");
			add_new_key(sb, f, &t->uniques[u]);
		}
}

/* A row of which only a part came must be here, or have come whole. */
static void
add_current(struct strbuf *sb, const struct merge_form *f)
{
	strbuf_adds(sb, "\n AND (cur.\"gsb_v_row\" IS NOT NULL "
			"OR NOT (false");
	for (size_t g = 0; g < f->t->ngroups; g++)
		if (group_comes(f, g))
			strbuf_addf(sb, " OR s.\"gsb_v_%s\" IS NULL",
				    f->t->groups[g].name);
	strbuf_adds(sb, "))");
}

/* INSERT ... SELECT of the rows that are alive. */
static void
add_rows(struct strbuf *sb, const struct merge_form *f)
{
	add_insert(sb, f);
	add_select(sb, f);
	strbuf_adds(sb, "\nFROM ");
	add_unnest(sb, f, f->t->params, f->t->nparams);
	if (f->partial) {
		strbuf_addf(sb, "\nLEFT JOIN %s cur ON ", f->t->quoted);
		sqlgen_key_equal(sb, f->t, "cur", "s");
		strbuf_adds(sb, " AND cur.\"gsb_v_row\" = s.\"gsb_v_row\"");
	}
	strbuf_adds(sb, "\nWHERE ");
	add_alive(sb, f);
}

static const char *
rows_sql(struct arena *a, const struct merge_form *f)
{
	const struct table *t = f->t;
	STRBUF_AUTO sb = { 0 };

	add_rows(&sb, f);
	if (f->partial)
		add_current(&sb, f);
	strbuf_adds(&sb, "\nORDER BY ");
	sqlgen_columns(&sb, t, "s", t->key, t->nkey);
	strbuf_adds(&sb, "\nON CONFLICT (");
	sqlgen_columns(&sb, t, NULL, t->key, t->nkey);
	strbuf_adds(&sb, ") DO UPDATE SET ");
	merge_set(&sb, f);
	strbuf_adds(&sb, "\nWHERE ");
	merge_set_condition(&sb, f);
	return arena_span(a, strbuf_span(&sb));
}

const char *
merge_rows_sql(struct arena *a, const struct table *t, const bool *missing)
{
	return rows_sql(a, &(struct merge_form){ .t = t, .missing = missing });
}

const char *
merge_partial_sql(struct arena *a, const struct table *t, const bool *missing)
{
	return rows_sql(a, &(struct merge_form){
			       .t = t, .missing = missing, .partial = true });
}

const char *
merge_new_sql(struct arena *a, const struct table *t, const bool *missing)
{
	STRBUF_AUTO sb = { 0 };

	add_rows(&sb, &(struct merge_form){
			  .t = t, .missing = missing, .fresh = true });
	return arena_span(a, strbuf_span(&sb));
}
