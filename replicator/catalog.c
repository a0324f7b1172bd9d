/*
 * Rows of the query, in order of table and attnum, become columns; then each
 * declaration is laid over its table: key, declared groups, uniques, and the
 * groups of what no group names.
 */
#include "replicator/catalog.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/catalog_query.h"

enum { GROUPS_MAX = 56 }; /* the version trigger has a bit for each */

/* One declaration being laid over its table. */
struct laying {
	struct arena *a;
	const char *path;
	struct table *t;
	const struct pgresult *rows;
	int first; /* row of its first column */
	bool ready;
	struct err *e;
};

static int lay_table(struct laying *l);

char *
catalog_parameter(const struct tables *declared)
{
	struct strbuf sb = { 0 };

	strbuf_addc(&sb, '{');
	for (size_t i = 0; i < declared->n; i++)
		strbuf_addf(&sb, "%s\"%s.%s\"", i > 0 ? "," : "",
			    declared->list[i].schema, declared->list[i].name);
	strbuf_addc(&sb, '}');
	return strbuf_take(&sb);
}

static int
row_of(const struct pgresult *rows, const struct table_decl *d)
{
	for (int i = 0; i < pgresult_rows(rows); i++)
		if (strcmp(pgresult_text(rows, i, F_SCHEMA), d->schema) == 0 &&
		    strcmp(pgresult_text(rows, i, F_NAME), d->name) == 0)
			return i;
	return -1;
}

struct catalog *
catalog_new(const struct tables *declared, const struct pgresult *rows,
	    bool ready, struct err *e)
{
	struct arena *arena = arena_new();
	struct catalog *c = arena_make(arena, struct catalog);

	assert(pgresult_columns(rows) == F_FIELDS);
	c->arena = arena;
	c->n = declared->n;
	c->list = arena_array(arena, struct table, c->n);
	for (size_t i = 0; i < c->n; i++) {
		struct laying l = { .a = arena,
				    .path = declared->path,
				    .t = &c->list[i],
				    .rows = rows,
				    .ready = ready,
				    .e = e };

		l.t->decl = &declared->list[i];
		l.first = row_of(rows, l.t->decl);
		if (lay_table(&l) != 0) {
			err_prefix(e, "%s: [table %s]", declared->path,
				   l.t->decl->name);
			catalog_free(&c);
			return NULL;
		}
	}
	return c;
}

void
catalog_free(struct catalog **cp)
{
	struct arena *arena = *cp != NULL ? (*cp)->arena : NULL;

	*cp = NULL;
	arena_free(&arena);
}

const struct table *
catalog_find(const struct catalog *c, const char *schema, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].name, name) == 0 &&
		    strcmp(c->list[i].schema, schema) == 0)
			return &c->list[i];
	return NULL;
}

size_t
table_column(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return i;
	return TABLE_NONE;
}

/* What its values are called and are, in a parameter. */
static void
lay_array(struct laying *l, struct column *c, int row)
{
	const struct pgresult *r = l->rows;

	c->item = c->type;
	c->item_oid = c->type_oid;
	c->element_oid = (uint32_t)pgresult_int(r, row, F_ELEMENT_OID);
	if (c->element_oid == 0)
		return;
	c->item = arena_printf(l->a, "gsb.\"%s\"",
			       pgresult_text(r, row, F_BOX));
	c->item_oid = (uint32_t)pgresult_int(r, row, F_BOX_OID);
	c->array_oid = (uint32_t)pgresult_int(r, row, F_BOXES_OID);
}

static void
lay_columns(struct laying *l)
{
	const struct pgresult *r = l->rows;
	struct table *t = l->t;
	int row = l->first;

	while (row < pgresult_rows(r) &&
	       pgresult_int(r, row, F_OID) == pgresult_int(r, l->first, F_OID))
		row++;
	t->ncolumns = (size_t)(row - l->first);
	t->columns = arena_array(l->a, struct column, t->ncolumns);
	for (size_t i = 0; i < t->ncolumns; i++) {
		struct column *c = &t->columns[i];

		row = l->first + (int)i;
		c->name = arena_strdup(l->a, pgresult_text(r, row, F_COLUMN));
		c->type = arena_strdup(l->a, pgresult_text(r, row, F_TYPE));
		c->type_oid = (uint32_t)pgresult_int(r, row, F_TYPE_OID);
		c->array_oid = (uint32_t)pgresult_int(r, row, F_ARRAY_OID);
		c->not_null = pgresult_bool(r, row, F_NOT_NULL);
		c->always = pgresult_bool(r, row, F_ALWAYS);
		c->named = pgresult_bool(r, row, F_NAMED);
		lay_array(l, c, row);
		c->toastable = pgresult_bool(r, row, F_TOASTABLE);
		c->bounded = pgresult_bool(r, row, F_BOUNDED);
		c->exact = pgresult_bool(r, row, F_EXACT);
		c->group = TABLE_NONE;
		c->role = pgresult_bool(r, row, F_GENERATED) ? COLUMN_GENERATED
							     : COLUMN_VALUE;
	}
}

/* Index of a column that the declaration names, or -1 with an error. */
static int
lay_name(struct laying *l, const char *name, size_t *out)
{
	*out = table_column(l->t, name);
	if (*out == TABLE_NONE)
		return err_set(l->e, ERR_INVALID,
			       "%s has no column %s in the database", l->t->rel,
			       name);
	if (l->t->columns[*out].role == COLUMN_GENERATED)
		return err_set(l->e, ERR_INVALID,
			       "column %s is generated: it never replicates; "
			       "leave it out",
			       name);
	return 0;
}

static int
lay_key(struct laying *l)
{
	const struct names *key = &l->t->decl->key;
	struct table *t = l->t;
	size_t in_pk = 0;

	t->nkey = key->n;
	t->key = arena_array(l->a, size_t, key->n);
	for (size_t i = 0; i < t->ncolumns; i++)
		in_pk += pgresult_int(l->rows, l->first + (int)i, F_KEY_NO) > 0;
	for (size_t i = 0; i < key->n; i++) {
		int row;

		if (lay_name(l, key->at[i], &t->key[i]) != 0)
			return -1;
		t->columns[t->key[i]].role = COLUMN_KEY;
		row = l->first + (int)t->key[i];
		if (pgresult_int(l->rows, row, F_KEY_NO) == 0 ||
		    in_pk != key->n)
			return err_set(l->e, ERR_INVALID,
				       "key: %s has another primary key; name "
				       "exactly its columns",
				       t->rel);
		if (!pgresult_bool(l->rows, row, F_KEYABLE))
			return err_set(l->e, ERR_INVALID,
				       "key: a column of type %s cannot be a "
				       "replicated key; integers, uuid, text, "
				       "boolean and enums can",
				       t->columns[t->key[i]].type);
	}
	return 0;
}

static struct group *
group_add(struct laying *l, const char *name)
{
	struct group *g = &l->t->groups[l->t->ngroups++];

	g->name = arena_strdup(l->a, name);
	g->columns = arena_array(l->a, size_t, l->t->ncolumns);
	g->version = TABLE_NONE;
	return g;
}

static void
group_take(struct table *t, struct group *g, size_t column)
{
	t->columns[column].group = (size_t)(g - t->groups);
	g->columns[g->ncolumns++] = column;
}

static int
lay_ranks(struct laying *l, struct group *g, const struct group_decl *d)
{
	g->nranks = d->nranks;
	g->ranks = arena_array(l->a, struct rank, d->nranks);
	for (size_t i = 0; i < d->nranks; i++) {
		const char *type;

		if (lay_name(l, d->ranks[i].column, &g->ranks[i].column) != 0)
			return -1;
		g->ranks[i].labels = d->ranks[i].labels;
		type = l->t->columns[g->ranks[i].column].type;
		if (d->ranks[i].labels.n == 0 && strcmp(type, "integer") != 0 &&
		    strcmp(type, "bigint") != 0 && strcmp(type, "smallint"))
			return err_set(l->e, ERR_INVALID,
				       "max.%s: %s is %s, without an order of "
				       "its own here; write %s(lowest < ... < "
				       "highest)",
				       g->name, d->ranks[i].column, type,
				       d->ranks[i].column);
	}
	return 0;
}

static int
lay_declared_groups(struct laying *l)
{
	const struct table_decl *d = l->t->decl;

	for (size_t i = 0; i < d->ngroups; i++) {
		struct group *g = group_add(l, d->groups[i].name);

		for (size_t c = 0; c < d->groups[i].columns.n; c++) {
			size_t at;

			if (lay_name(l, d->groups[i].columns.at[c], &at) != 0)
				return -1;
			group_take(l->t, g, at);
		}
		if (lay_ranks(l, g, &d->groups[i]) != 0)
			return -1;
		g->quiet = d->groups[i].quiet;
	}
	return 0;
}

static struct group *
group_named(struct laying *l, const char *name)
{
	for (size_t i = 0; i < l->t->ngroups; i++)
		if (strcmp(l->t->groups[i].name, name) == 0)
			return &l->t->groups[i];
	return group_add(l, name);
}

static bool
is_unique_value(const struct table_decl *d, const char *name)
{
	for (size_t i = 0; i < d->nuniques; i++)
		if (strcmp(d->uniques[i].value, name) == 0)
			return true;
	return false;
}

/* What no group names: alone if it may be TOASTed or is unique, or "rest". */
static int
lay_other_groups(struct laying *l)
{
	struct table *t = l->t;

	for (size_t i = 0; i < t->ncolumns; i++) {
		struct column *c = &t->columns[i];
		bool alone = (c->toastable && !c->bounded) ||
			     is_unique_value(t->decl, c->name);
		struct group *g;

		if (c->role != COLUMN_VALUE || c->group != TABLE_NONE)
			continue;
		g = group_named(l, alone ? c->name : "rest");
		if (alone && g->ncolumns > 0)
			return err_set(l->e, ERR_INVALID,
				       "group.%s: the column %s needs this "
				       "name for a group of its own; rename "
				       "the group",
				       g->name, c->name);
		group_take(t, g, i);
	}
	return 0;
}

static int
lay_unique(struct laying *l, struct unique *u, const struct unique_decl *d)
{
	struct table *t = l->t;

	u->name = d->name;
	u->fold = d->fold;
	u->nscope = d->scope.n;
	u->scope = arena_array(l->a, size_t, d->scope.n);
	u->column = arena_printf(l->a, "gsb_key_%s", d->name);
	u->index = arena_printf(l->a, "%s_%s_gsb_key", t->name, d->name);
	u->effective = table_column(t, u->column);
	if (strlen(u->index) > 63)
		return err_set(l->e, ERR_LIMIT,
			       "unique.%s: the index name %s has more than 63 "
			       "letters",
			       d->name, u->index);
	if (lay_name(l, d->value, &u->value) != 0)
		return -1;
	for (size_t i = 0; i < d->scope.n; i++) {
		if (lay_name(l, d->scope.at[i], &u->scope[i]) != 0)
			return -1;
		if (!t->columns[u->scope[i]].not_null)
			return err_set(l->e, ERR_INVALID,
				       "unique.%s: %s must be NOT NULL",
				       d->name, d->scope.at[i]);
	}
	return 0;
}

static int
lay_refs(struct laying *l)
{
	struct table *t = l->t;
	const struct table_decl *d = t->decl;

	t->nrefs = d->nrefs;
	t->refs = arena_array(l->a, struct ref, d->nrefs);
	for (size_t i = 0; i < d->nrefs; i++) {
		t->refs[i].name = d->refs[i].name;
		t->refs[i].target = d->refs[i].target;
		if (lay_name(l, d->refs[i].column, &t->refs[i].column) != 0)
			return -1;
	}
	return 0;
}

/* Our own columns are recognized by name; they are in no group's values. */
static void
lay_own_columns(struct laying *l)
{
	struct table *t = l->t;

	t->row = t->changed = TABLE_NONE;
	for (size_t i = 0; i < t->ncolumns; i++) {
		struct column *c = &t->columns[i];

		if (strcmp(c->name, "gsb_v_row") == 0) {
			c->role = COLUMN_ROW;
			t->row = i;
		} else if (strncmp(c->name, "gsb_v_", 6) == 0) {
			c->role = COLUMN_VERSION;
		} else if (strncmp(c->name, "gsb_key_", 8) == 0) {
			c->role = COLUMN_EFFECTIVE;
		} else if (strcmp(c->name, "gsb_changed") == 0) {
			c->role = COLUMN_CHANGED;
			t->changed = i;
		}
	}
}

/* The two below say other things of an edit (trigger_version.c). */
enum { BIT_FIRST = 2 };

static unsigned
bit_of(const struct table *t, const struct group *g)
{
	unsigned bit = BIT_FIRST;

	for (size_t i = 0; i < t->ngroups; i++)
		bit += strcmp(t->groups[i].name, g->name) < 0;
	return bit;
}

static int
lay_versions(struct laying *l)
{
	struct table *t = l->t;
	const char *missing = t->row == TABLE_NONE ? "gsb_v_row" : NULL;

	for (size_t i = 0; i < t->ngroups; i++) {
		struct group *g = &t->groups[i];
		const char *name = arena_printf(l->a, "gsb_v_%s", g->name);

		g->version = table_column(t, name);
		g->bit = bit_of(t, g);
		if (g->version == TABLE_NONE)
			missing = name;
		else
			t->columns[g->version].group = i;
	}
	for (size_t i = 0; i < t->nuniques; i++)
		if (t->uniques[i].effective == TABLE_NONE)
			missing = t->uniques[i].column;
	if (l->ready && missing != NULL)
		return err_set(l->e, ERR_INVALID,
			       "%s has no column %s; run gsb-replicator "
			       "install",
			       t->rel, missing);
	return 0;
}

static int
lay_params(struct laying *l)
{
	struct table *t = l->t;

	t->params = arena_array(l->a, size_t, t->ncolumns);
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *c = &t->columns[i];

		if (c->role == COLUMN_EFFECTIVE || c->role == COLUMN_GENERATED)
			continue;
		/* A version column that an older declaration left behind. */
		if (c->role == COLUMN_VERSION && c->group == TABLE_NONE)
			continue;
		if (c->array_oid == 0 && (l->ready || c->element_oid == 0))
			return err_set(l->e, ERR_INVALID,
				       "column %s: there is no array of %s; "
				       "run gsb-replicator install",
				       c->name, c->item);
		t->params[t->nparams++] = i;
	}
	return 0;
}

static int
lay_table(struct laying *l)
{
	struct table *t = l->t;
	const struct table_decl *d = t->decl;

	t->schema = d->schema;
	t->name = d->name;
	t->rel = arena_printf(l->a, "%s.%s", d->schema, d->name);
	t->quoted = arena_printf(l->a, "\"%s\".\"%s\"", d->schema, d->name);
	if (l->first < 0)
		return err_set(l->e, ERR_INVALID,
			       "the database has no table %s; run the schema "
			       "steps first, or correct the name",
			       t->rel);
	if (strcmp(pgresult_text(l->rows, l->first, F_KIND), "r") != 0)
		return err_set(l->e, ERR_INVALID,
			       "%s is no ordinary table; only those replicate",
			       t->rel);
	t->oid = (uint32_t)pgresult_int(l->rows, l->first, F_OID);
	lay_columns(l);
	lay_own_columns(l);
	if (lay_key(l) != 0)
		return -1;
	t->groups = arena_array(l->a, struct group, t->ncolumns + d->ngroups);
	if (lay_declared_groups(l) != 0 || lay_other_groups(l) != 0)
		return -1;
	t->nuniques = d->nuniques;
	t->uniques = arena_array(l->a, struct unique, d->nuniques);
	for (size_t i = 0; i < d->nuniques; i++)
		if (lay_unique(l, &t->uniques[i], &d->uniques[i]) != 0)
			return -1;
	if (lay_refs(l) != 0 || lay_versions(l) != 0)
		return -1;
	if (t->ngroups + t->nuniques > GROUPS_MAX)
		return err_set(l->e, ERR_LIMIT,
			       "more than %d groups and unique values; declare "
			       "groups of several columns",
			       GROUPS_MAX);
	return lay_params(l);
}
