/* The forms of the statement that merges rows, for merge_s*.c alone. */
#ifndef REPLICATOR_MERGE_FORM_H
#define REPLICATOR_MERGE_FORM_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "replicator/table.h"

struct merge_form {
	const struct table *t;
	const bool *missing;
	bool partial;
	bool fresh; /* a clash is an error: claim the bare values */
};

static inline bool
comes(const struct merge_form *f, size_t column)
{
	return f->missing == NULL || !f->missing[column];
}

/* The group's version comes with the stream. */
static inline bool
group_comes(const struct merge_form *f, size_t g)
{
	size_t version = f->t->groups[g].version;

	return version != TABLE_NONE && comes(f, version);
}

static inline bool
unique_comes(const struct merge_form *f, const struct unique *u)
{
	bool all = comes(f, u->value);

	for (size_t i = 0; i < u->nscope; i++)
		all = all && comes(f, u->scope[i]);
	return all;
}

/* merge_set.c: what DO UPDATE sets, and its WHERE. */
void merge_set(struct strbuf *sb, const struct merge_form *f);
void merge_set_condition(struct strbuf *sb, const struct merge_form *f);

#endif
