/*
 * tables.ini: which tables are replicated, and how their rows merge (see
 * docs/replication.md). Only what the file says; what PostgreSQL knows about
 * the same tables comes in catalog.h.
 *
 *   [table account]                      schema.table; schema public
 *   key = id
 *   group.status = activation_no, active
 *   max.status = activation_no, active(active < locked < deactivated)
 *   quiet = modified                     groups whose conflicts nobody wants
 *   unique.email = company_id, email     scope columns, then the value
 *   fold.email = lower
 *   ref.host = host_id, account          holds the key of a row there
 */
#ifndef REPLICATOR_TABLES_H
#define REPLICATOR_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct names {
	const char **at;
	size_t n;
};

/* One column of a max policy; labels: lowest first, none: its own order. */
struct rank_decl {
	const char *column;
	struct names labels;
};

struct group_decl {
	const char *name;
	struct names columns;
	struct rank_decl *ranks; /* none: the newer version wins (lww) */
	size_t nranks;
	bool quiet;          /* its conflicts are not kept */
	size_t seq, max_seq; /* where it stands in the file, for errors */
};

struct unique_decl {
	const char *name, *value;
	struct names scope;
	bool fold; /* compared by lower() */
	size_t seq;
};

/* The column holds the key of a row of another table, or NULL. */
struct ref_decl {
	const char *name, *column, *target; /* target: schema.name */
	size_t seq;
};

struct table_decl {
	const char *schema, *name;
	struct names key;
	struct group_decl *groups;
	size_t ngroups;
	struct unique_decl *uniques;
	struct ref_decl *refs;
	size_t nuniques, nrefs, seq;
};

struct tables {
	struct arena *arena; /* owns all below */
	const char *path;
	int64_t changed_ns; /* when the file was, by its own time */
	struct table_decl *list;
	size_t n;
};

/* Given, NULL on failure: "FILE:LINE: what is wrong; what is right". */
struct tables *tables_load(const char *path, struct err *e)
    __attribute__((warn_unused_result));

/* The same over text in memory; name stands for the path in errors. */
struct tables *tables_read(const char *name, struct span text, struct err *e)
    __attribute__((warn_unused_result));

void tables_free(struct tables **tp);

/* The file has been written since. */
bool tables_are_old(const struct tables *t);

/*
 * What the file of first says now, held in *held (NULL or from before); where
 * it is not well (logged), what was read last. Borrowed: first's or *held.
 */
const struct tables *tables_again(struct tables **held,
				  const struct tables *first);

/* Index of name in list, or -1. */
int names_find(const struct names *list, const char *name);

#endif
