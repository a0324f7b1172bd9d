#include "replicator/sqlgen.h"

void
sqlgen_literal(struct strbuf *sb, const char *text)
{
	strbuf_addc(sb, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			strbuf_addc(sb, '\'');
		strbuf_addc(sb, *text);
	}
	strbuf_addc(sb, '\'');
}

void
sqlgen_column(struct strbuf *sb, const char *alias, const char *name)
{
	if (alias != NULL)
		strbuf_addf(sb, "%s.", alias);
	strbuf_addf(sb, "\"%s\"", name);
}

const char *
sqlgen_anew(struct arena *a, const struct column *c, const char *alias)
{
	if (c->element_oid != 0)
		return arena_printf(a, "%s.\"%s\" || '{}'", alias, c->name);
	return arena_printf(a, "(ARRAY[%s.\"%s\"])[1]", alias, c->name);
}

void
sqlgen_columns(struct strbuf *sb, const struct table *t, const char *alias,
	       const size_t *columns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			strbuf_adds(sb, ", ");
		sqlgen_column(sb, alias, t->columns[columns[i]].name);
	}
}

void
sqlgen_key_equal(struct strbuf *sb, const struct table *t, const char *a,
		 const char *b)
{
	for (size_t i = 0; i < t->nkey; i++) {
		const char *name = t->columns[t->key[i]].name;

		strbuf_addf(sb, "%s%s.\"%s\" = %s.\"%s\"", i > 0 ? " AND " : "",
			    a, name, b, name);
	}
}

void
sqlgen_tombstone(struct strbuf *sb, const struct table *t, const char *key)
{
	strbuf_adds(sb, "LATERAL (SELECT * FROM gsb.tombstone g "
			"WHERE g.rel = ");
	sqlgen_literal(sb, t->rel);
	strbuf_addf(sb, " AND g.key = %s OFFSET 0) d", key);
}

void
sqlgen_key_text(struct strbuf *sb, const struct table *t, const char *alias)
{
	if (t->nkey > 1)
		strbuf_adds(sb, "jsonb_build_array(");
	for (size_t i = 0; i < t->nkey; i++) {
		if (i > 0)
			strbuf_adds(sb, ", ");
		sqlgen_column(sb, alias, t->columns[t->key[i]].name);
		strbuf_adds(sb, "::text");
	}
	if (t->nkey > 1)
		strbuf_adds(sb, ")::text");
}

void
sqlgen_key_is(struct strbuf *sb, const struct table *t, const char *alias,
	      const char *text)
{
	for (size_t i = 0; i < t->nkey; i++) {
		const struct column *c = &t->columns[t->key[i]];

		if (i > 0)
			strbuf_adds(sb, " AND ");
		sqlgen_column(sb, alias, c->name);
		if (t->nkey == 1)
			strbuf_addf(sb, " = %s::%s", text, c->type);
		else
			strbuf_addf(sb, " = (%s::jsonb ->> %zu)::%s", text, i,
				    c->type);
	}
}

void
sqlgen_newest(struct strbuf *sb, const struct table *t, const char *alias)
{
	strbuf_addf(sb, "greatest(%s.\"gsb_v_row\"", alias);
	for (size_t i = 0; i < t->ngroups; i++)
		strbuf_addf(sb, ", %s.\"gsb_v_%s\"", alias, t->groups[i].name);
	strbuf_addc(sb, ')');
}

/* A rank as a number: unknown labels and NULL are below all. */
static void
add_rank(struct strbuf *sb, const struct table *t, const struct rank *r,
	 const char *alias)
{
	const char *name = t->columns[r->column].name;

	if (r->labels.n == 0) {
		strbuf_addf(sb, "coalesce(%s.\"%s\"::bigint, %s)", alias, name,
			    "'-9223372036854775808'::bigint");
		return;
	}
	strbuf_adds(sb, "coalesce(array_position(ARRAY[");
	for (size_t i = 0; i < r->labels.n; i++) {
		if (i > 0)
			strbuf_adds(sb, ", ");
		sqlgen_literal(sb, r->labels.at[i]);
	}
	strbuf_addf(sb, "]::text[], %s.\"%s\"::text), 0)", alias, name);
}

void
sqlgen_order(struct strbuf *sb, const struct table *t, size_t g,
	     const char *alias)
{
	const struct group *group = &t->groups[g];

	if (group->nranks > 0)
		strbuf_addc(sb, '(');
	for (size_t i = 0; i < group->nranks; i++) {
		add_rank(sb, t, &group->ranks[i], alias);
		strbuf_adds(sb, ", ");
	}
	strbuf_addf(sb, "%s.\"gsb_v_%s\"", alias, group->name);
	if (group->nranks > 0)
		strbuf_addc(sb, ')');
}

void
sqlgen_differ(struct strbuf *sb, const struct table *t, const size_t *columns,
	      size_t n, const char *const *rows)
{
	strbuf_addc(sb, '(');
	for (size_t i = 0; i < n; i++) {
		const struct column *c = &t->columns[columns[i]];

		if (i > 0)
			strbuf_adds(sb, " OR ");
		if (c->exact)
			strbuf_addf(sb, "%s.\"%s\" IS DISTINCT FROM %s.\"%s\"",
				    rows[0], c->name, rows[1], c->name);
		else
			strbuf_addf(sb,
				    "record_image_ne(ROW(%s.\"%s\"), "
				    "ROW(%s.\"%s\"))",
				    rows[0], c->name, rows[1], c->name);
	}
	strbuf_adds(sb, n > 0 ? ")" : "false)");
}

void
sqlgen_fold(struct strbuf *sb, const struct unique *u, const struct table *t,
	    const char *alias)
{
	strbuf_adds(sb, u->fold ? "lower(" : "(");
	sqlgen_column(sb, alias, t->columns[u->value].name);
	strbuf_adds(sb, "::text)");
}

void
sqlgen_lost(struct strbuf *sb, const struct unique *u, const struct table *t,
	    const char *alias)
{
	sqlgen_column(sb, alias, u->column);
	strbuf_adds(sb, " IS DISTINCT FROM ");
	sqlgen_fold(sb, u, t, alias);
}

void
sqlgen_sweep(struct strbuf *sb, const struct table *t, const char *from)
{
	strbuf_addf(sb,
		    "WITH gone AS (DELETE FROM %s t USING %s "
		    "AND t.\"gsb_v_row\" < d.v\n"
		    "RETURNING d.key, d.v, d.seen, to_jsonb(t.*) AS loser, ",
		    t->quoted, from);
	sqlgen_newest(sb, t, "t");
	strbuf_adds(sb, " AS newest)\nINSERT INTO gsb.conflict "
			"(rel, key, kind, loser, winner_v, loser_v)\nSELECT ");
	sqlgen_literal(sb, t->rel);
	strbuf_adds(sb, ", key, 'delete', loser, v, newest FROM gone WHERE "
			"newest > seen\nON CONFLICT DO NOTHING");
}

/* For each value that somebody lost, the first of its losers. */
static void
add_first_lost(struct strbuf *sb, const struct table *t, const struct unique *u,
	       const char *only)
{
	const char *group = t->groups[t->columns[u->value].group].name;

	strbuf_adds(sb, "(SELECT DISTINCT ON (");
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, "o.\"%s\", ", t->columns[u->scope[i]].name);
	sqlgen_fold(sb, u, t, "o");
	strbuf_adds(sb, ") ");
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, "o.\"%s\" AS s%zu, ",
			    t->columns[u->scope[i]].name, i);
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "o.\"%s\" AS k%zu, ",
			    t->columns[t->key[i]].name, i);
	sqlgen_fold(sb, u, t, "o");
	strbuf_addf(sb, " AS value, o.\"gsb_v_%s\" AS v, ", group);
	sqlgen_key_text(sb, t, "o");
	strbuf_addf(sb, " COLLATE \"C\" AS key\n FROM %s o WHERE ", t->quoted);
	sqlgen_lost(sb, u, t, "o");
	strbuf_addf(sb, "%s\n ORDER BY ", only);
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, "s%zu, ", i);
	sqlgen_fold(sb, u, t, "o");
	strbuf_adds(sb, ", v, key) c");
}

static void
add_scope_equal(struct strbuf *sb, const struct table *t,
		const struct unique *u, const char *alias)
{
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(sb, "%s.\"%s\" = c.s%zu AND ", alias,
			    t->columns[u->scope[i]].name, i);
}

void
sqlgen_demote(struct strbuf *sb, const struct table *t, const struct unique *u,
	      const char *only)
{
	const char *group = t->groups[t->columns[u->value].group].name;

	strbuf_addf(sb, "UPDATE %s h SET \"%s\" = c.value || '#' || ",
		    t->quoted, u->column);
	sqlgen_key_text(sb, t, "h");
	strbuf_adds(sb, "\nFROM ");
	add_first_lost(sb, t, u, only);
	strbuf_adds(sb, "\nWHERE ");
	add_scope_equal(sb, t, u, "h");
	strbuf_addf(sb, "h.\"%s\" = c.value AND ", u->column);
	sqlgen_fold(sb, u, t, "h");
	strbuf_addf(sb, " = c.value\n AND (h.\"gsb_v_%s\", ", group);
	sqlgen_key_text(sb, t, "h");
	strbuf_adds(sb, " COLLATE \"C\") > (c.v, c.key)");
}

void
sqlgen_promote(struct strbuf *sb, const struct table *t, const struct unique *u,
	       const char *only)
{
	strbuf_addf(sb, "UPDATE %s p SET \"%s\" = c.value\nFROM ", t->quoted,
		    u->column);
	add_first_lost(sb, t, u, only);
	strbuf_adds(sb, "\nWHERE ");
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(sb, "p.\"%s\" = c.k%zu AND ",
			    t->columns[t->key[i]].name, i);
	add_scope_equal(sb, t, u, "p");
	sqlgen_fold(sb, u, t, "p");
	strbuf_adds(sb, " = c.value AND ");
	sqlgen_lost(sb, u, t, "p");
	strbuf_addf(sb, "\n AND NOT EXISTS (SELECT FROM %s h WHERE ",
		    t->quoted);
	add_scope_equal(sb, t, u, "h");
	strbuf_addf(sb, "h.\"%s\" = c.value)", u->column);
}
