/*
 * x = the incoming row ("excluded"), t = the row that stands here.
 *
 *   x.v_row < t.v_row   nothing
 *   x.v_row > t.v_row   x replaces t whole
 *   x.v_row = t.v_row   per group: better(x, t) -> x's values and version;
 *                       equal and different bytes -> the greater, reported;
 *                       older, but of the edit that comes (gsb_changed): who
 *                       wrote t had not seen it, it is reported as lost
 */
#include <inttypes.h>

#include "replicator/merge_form.h"
#include "replicator/sqlgen.h"

/* x's version (with its ranks) is the greater */
static void
add_better(struct strbuf *sb, const struct merge_form *f, size_t g)
{
	sqlgen_order(sb, f->t, g, "excluded");
	strbuf_adds(sb, " > ");
	sqlgen_order(sb, f->t, g, "t");
}

/* Those of the group's columns that come; returns how many. */
static size_t
came_of_group(const struct merge_form *f, size_t g, size_t *out)
{
	const struct group *group = &f->t->groups[g];
	size_t n = 0;

	for (size_t i = 0; i < group->ncolumns; i++)
		if (comes(f, group->columns[i]))
			out[n++] = group->columns[i];
	return n;
}

enum { COLUMNS_MAX = 1600 }; /* PostgreSQL's own limit */
static const char *const x_t[] = { "excluded", "t" };

/* Equal in rank and version, different in bytes. */
static void
add_tie(struct strbuf *sb, const struct merge_form *f, size_t g)
{
	size_t came[COLUMNS_MAX], n = came_of_group(f, g, came);

	sqlgen_order(sb, f->t, g, "excluded");
	strbuf_adds(sb, " = ");
	sqlgen_order(sb, f->t, g, "t");
	strbuf_adds(sb, " AND ");
	sqlgen_differ(sb, f->t, came, n, x_t);
}

/* ROW(a IS NOT NULL, a, ...): what has the same bytes on both sites, NULL
 * below all. */
static void
add_bytes(struct strbuf *sb, const struct merge_form *f, const char *alias,
	  const size_t *columns, size_t n)
{
	strbuf_adds(sb, "ROW(");
	for (size_t i = 0; i < n; i++) {
		const struct column *c = &f->t->columns[columns[i]];

		strbuf_addf(sb, "%s%s.\"%s\" IS NOT NULL, %s.\"%s\"%s",
			    i > 0 ? ", " : "", alias, c->name, alias, c->name,
			    c->named ? "::text" : "");
	}
	strbuf_addc(sb, ')');
}

/* x's bytes are the greater. */
static void
add_greater(struct strbuf *sb, const struct merge_form *f,
	    const size_t *columns, size_t n)
{
	strbuf_adds(sb, "record_image_gt(");
	add_bytes(sb, f, "excluded", columns, n);
	strbuf_adds(sb, ", ");
	add_bytes(sb, f, "t", columns, n);
	strbuf_addc(sb, ')');
}

/* x's values stand for the column; a column that is equal anyway is cheap. */
static void
add_wins(struct strbuf *sb, const struct merge_form *f, size_t column)
{
	size_t g = f->t->columns[column].group;
	size_t came[COLUMNS_MAX], n = came_of_group(f, g, came);

	strbuf_adds(sb, "excluded.\"gsb_v_row\" > t.\"gsb_v_row\" OR ");
	add_better(sb, f, g);
	strbuf_adds(sb, "\n   OR ");
	sqlgen_differ(sb, f->t, &column, 1, x_t);
	strbuf_adds(sb, " AND ");
	sqlgen_order(sb, f->t, g, "excluded");
	strbuf_adds(sb, " = ");
	sqlgen_order(sb, f->t, g, "t");
	strbuf_adds(sb, " AND ");
	add_greater(sb, f, came, n);
}

/* What the column will be. Columns of the key and without version stay. */
static void
add_merged(struct strbuf *sb, const struct merge_form *f, size_t column)
{
	const struct column *c = &f->t->columns[column];

	if (c->role != COLUMN_VALUE || !comes(f, column) ||
	    !group_comes(f, c->group)) {
		sqlgen_column(sb, "t", c->name);
		return;
	}
	strbuf_adds(sb, "CASE WHEN ");
	add_wins(sb, f, column);
	strbuf_addf(sb, " THEN excluded.\"%s\" ELSE t.\"%s\" END", c->name,
		    c->name);
}

/* A row whose value or scope changes waits as <value>#<key> for promote. */
static void
add_merged_key(struct strbuf *sb, const struct merge_form *f,
	       const struct unique *u)
{
	const struct table *t = f->t;

	strbuf_addf(sb, ",\n \"%s\" = CASE WHEN ROW(%s(", u->column,
		    u->fold ? "lower" : "");
	add_merged(sb, f, u->value);
	strbuf_adds(sb, ")::text");
	for (size_t i = 0; i < u->nscope; i++) {
		strbuf_adds(sb, ", ");
		add_merged(sb, f, u->scope[i]);
	}
	strbuf_adds(sb, ") IS NOT DISTINCT FROM ROW(");
	sqlgen_fold(sb, u, t, "t");
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, ", t.\"%s\"", t->columns[u->scope[i]].name);
	strbuf_addf(sb, ") THEN t.\"%s\" ELSE %s(", u->column,
		    u->fold ? "lower" : "");
	add_merged(sb, f, u->value);
	strbuf_adds(sb, ") || '#' || ");
	sqlgen_key_text(sb, t, "t");
	strbuf_adds(sb, " END");
}

/* What does not come stays, but a new incarnation begins with its default. */
static void
add_unknown(struct strbuf *sb, const struct merge_form *f)
{
	const struct table *t = f->t;

	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];
		bool value = c->role == COLUMN_VALUE;

		if (value
			? comes(f, t->params[i]) && group_comes(f, c->group)
			: c->role != COLUMN_VERSION || c->group == TABLE_NONE ||
			      group_comes(f, c->group))
			continue;
		strbuf_addf(sb,
			    ",\n \"%s\" = CASE WHEN excluded.\"gsb_v_row\" > "
			    "t.\"gsb_v_row\" THEN excluded.\"%s\" ELSE "
			    "t.\"%s\" END",
			    c->name, c->name, c->name);
	}
}

void
merge_set(struct strbuf *sb, const struct merge_form *f)
{
	const struct table *t = f->t;

	strbuf_adds(sb, "\"gsb_v_row\" = excluded.\"gsb_v_row\"");
	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];

		if (c->role != COLUMN_VALUE || !comes(f, t->params[i]) ||
		    !group_comes(f, c->group))
			continue;
		strbuf_addf(sb, ",\n \"%s\" = ", c->name);
		add_merged(sb, f, t->params[i]);
	}
	for (size_t g = 0; g < t->ngroups; g++) {
		const char *name = t->groups[g].name;

		if (!group_comes(f, g))
			continue;
		strbuf_addf(sb,
			    ",\n \"gsb_v_%s\" = CASE WHEN "
			    "excluded.\"gsb_v_row\" > t.\"gsb_v_row\" OR ",
			    name);
		add_better(sb, f, g);
		strbuf_addf(sb,
			    " THEN excluded.\"gsb_v_%s\" ELSE t.\"gsb_v_%s\" "
			    "END",
			    name, name);
	}
	add_unknown(sb, f);
	for (size_t u = 0; u < t->nuniques; u++)
		if (unique_comes(f, &t->uniques[u]))
			add_merged_key(sb, f, &t->uniques[u]);
}

/*
 * The edit that comes wrote this group, and it loses: whoever wrote t's value
 * had not seen that one. A site has seen its own edits: of two of the peer the
 * older may come late (a large transaction) or twice. Where ranks decide,
 * nothing is lost against a rule.
 */
static bool
add_lost(struct strbuf *sb, const struct merge_form *f, size_t g)
{
	const struct table *t = f->t;
	size_t came[COLUMNS_MAX], n = came_of_group(f, g, came);

	if (t->changed == TABLE_NONE || !comes(f, t->changed) ||
	    t->groups[g].nranks > 0 || t->groups[g].quiet)
		return false;
	strbuf_addf(sb,
		    "excluded.\"gsb_v_%s\" < t.\"gsb_v_%s\" AND "
		    "coalesce(excluded.\"%s\", 0) & %" PRIu64 " <> 0 AND "
		    "(excluded.\"gsb_v_%s\" # t.\"gsb_v_%s\") & 255 <> 0 "
		    "AND ",
		    t->groups[g].name, t->groups[g].name,
		    t->columns[t->changed].name,
		    UINT64_C(1) << t->groups[g].bit, t->groups[g].name,
		    t->groups[g].name);
	sqlgen_differ(sb, t, came, n, x_t);
	return true;
}

/* 'tie>' (x wins), 'tie<', 'edit' (x's is lost) or NULL */
static void
add_what(struct strbuf *sb, const struct merge_form *f, size_t g)
{
	size_t came[COLUMNS_MAX], n = came_of_group(f, g, came);
	STRBUF_AUTO lost = { 0 };

	strbuf_adds(sb, "CASE WHEN ");
	add_tie(sb, f, g);
	strbuf_adds(sb, " THEN CASE WHEN ");
	add_greater(sb, f, came, n);
	strbuf_adds(sb, " THEN 'tie>' ELSE 'tie<' END");
	if (add_lost(&lost, f, g))
		strbuf_addf(sb, " WHEN %s THEN 'edit'", strbuf_text(&lost));
	strbuf_adds(sb, " END");
}

/* [["group", ["column", ...]], ...] of all that come */
static void
add_groups(struct strbuf *sb, const struct merge_form *f)
{
	STRBUF_AUTO text = { 0 };
	const char *separator = "[";

	for (size_t g = 0; g < f->t->ngroups; g++) {
		size_t came[COLUMNS_MAX], n = came_of_group(f, g, came);

		if (!group_comes(f, g))
			continue;
		strbuf_addf(&text, "%s[\"%s\", [", separator,
			    f->t->groups[g].name);
		sqlgen_columns(&text, f->t, NULL, came, n);
		strbuf_adds(&text, "]]");
		separator = ", ";
	}
	strbuf_adds(&text, "]");
	sqlgen_literal(sb, strbuf_text(&text));
}

/* gsb.note(...) of a row with ties, or with groups that are lost */
static void
add_note(struct strbuf *sb, const struct merge_form *f)
{
	const struct table *t = f->t;
	const char *separator = "";

	strbuf_adds(sb, "gsb.note(");
	sqlgen_literal(sb, t->rel);
	strbuf_adds(sb, ", ");
	sqlgen_key_text(sb, t, "t");
	strbuf_adds(sb, ", to_jsonb(t.*), to_jsonb(excluded.*), ");
	add_groups(sb, f);
	strbuf_adds(sb, ", ARRAY[");
	for (size_t g = 0; g < t->ngroups; g++) {
		if (!group_comes(f, g))
			continue;
		strbuf_adds(sb, separator);
		add_what(sb, f, g);
		separator = ",\n  ";
	}
	strbuf_adds(sb, "]::text[])");
}

static void
add_noteworthy(struct strbuf *sb, const struct merge_form *f)
{
	strbuf_adds(sb, "(NOT (false");
	for (size_t g = 0; g < f->t->ngroups; g++) {
		STRBUF_AUTO lost = { 0 };

		if (!group_comes(f, g))
			continue;
		strbuf_adds(sb, "\n  OR ");
		add_tie(sb, f, g);
		if (add_lost(&lost, f, g))
			strbuf_addf(sb, "\n  OR %s", strbuf_text(&lost));
	}
	strbuf_adds(sb, ") OR ");
	add_note(sb, f);
	strbuf_adds(sb, ")");
}

/* What is to be noted comes first, whatever the other groups say. */
void
merge_set_condition(struct strbuf *sb, const struct merge_form *f)
{
	strbuf_adds(sb, "excluded.\"gsb_v_row\" > t.\"gsb_v_row\"\n OR "
			"excluded.\"gsb_v_row\" = t.\"gsb_v_row\" AND ");
	add_noteworthy(sb, f);
	strbuf_adds(sb, "\n AND (false");
	for (size_t g = 0; g < f->t->ngroups; g++) {
		if (!group_comes(f, g))
			continue;
		strbuf_adds(sb, "\n  OR ");
		add_better(sb, f, g);
		strbuf_adds(sb, " OR ");
		add_tie(sb, f, g);
	}
	strbuf_adds(sb, ")");
}
