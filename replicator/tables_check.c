#include "replicator/tables_check.h"

#include <string.h>

#define BLAME(b, line, ...) \
	((b)->seq = (line), err_set(&(b)->err, ERR_INVALID, __VA_ARGS__))

static int
check_group(const struct table_decl *d, size_t i, struct blame *b)
{
	const struct group_decl *g = &d->groups[i];

	if (g->columns.n == 0)
		return BLAME(b, g->max_seq,
			     "%s%s has no group.%s that names its columns",
			     g->nranks > 0 ? "max." : "quiet: ", g->name,
			     g->name);
	for (size_t c = 0; c < g->columns.n; c++) {
		if (names_find(&d->key, g->columns.at[c]) >= 0)
			return BLAME(b, g->seq,
				     "%s is in the key, so in no group",
				     g->columns.at[c]);
		for (size_t o = 0; o < i; o++)
			if (names_find(&d->groups[o].columns,
				       g->columns.at[c]) >= 0)
				return BLAME(
				    b, g->seq, "%s is in group.%s already",
				    g->columns.at[c], d->groups[o].name);
	}
	for (size_t r = 0; r < g->nranks; r++)
		if (names_find(&g->columns, g->ranks[r].column) < 0)
			return BLAME(b, g->max_seq,
				     "%s is not in group.%s; max names "
				     "columns of its group",
				     g->ranks[r].column, g->name);
	return 0;
}

static int
check_unique(const struct table_decl *d, const struct unique_decl *u,
	     struct blame *b)
{
	if (u->value == NULL)
		return BLAME(b, u->seq, "fold.%s has no unique.%s", u->name,
			     u->name);
	if (names_find(&d->key, u->value) >= 0)
		return BLAME(b, u->seq, "%s is in the key", u->value);
	for (size_t i = 0; i < d->ngroups; i++)
		if (names_find(&d->groups[i].columns, u->value) >= 0 &&
		    d->groups[i].columns.n > 1)
			return BLAME(b, u->seq,
				     "%s is in group.%s with others; a unique "
				     "column is a group alone",
				     u->value, d->groups[i].name);
	return 0;
}

/* A row of another table is known by its tombstone, so by one text. */
static int
check_ref(const struct tables *t, const struct ref_decl *ref, struct blame *b)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct table_decl *d = &t->list[i];
		size_t schema = strlen(d->schema);

		if (strncmp(ref->target, d->schema, schema) != 0 ||
		    ref->target[schema] != '.' ||
		    strcmp(ref->target + schema + 1, d->name) != 0)
			continue;
		if (d->key.n == 1)
			return 0;
		return BLAME(b, ref->seq,
			     "ref.%s: the key of %s has %zu columns; only a "
			     "key of one is referred to",
			     ref->name, ref->target, d->key.n);
	}
	return BLAME(b, ref->seq, "ref.%s: there is no [table %s]", ref->name,
		     ref->target);
}

int
tables_check(const struct tables *t, struct blame *b)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct table_decl *d = &t->list[i];

		if (d->key.n == 0)
			return BLAME(b, d->seq,
				     "[table %s] has no key; name its primary "
				     "key's columns",
				     d->name);
		for (size_t g = 0; g < d->ngroups; g++)
			if (check_group(d, g, b) != 0)
				return -1;
		for (size_t u = 0; u < d->nuniques; u++)
			if (check_unique(d, &d->uniques[u], b) != 0)
				return -1;
		for (size_t r = 0; r < d->nrefs; r++)
			if (check_ref(t, &d->refs[r], b) != 0)
				return -1;
	}
	return 0;
}
