/*
 * Makes the tables of table.h from the declaration and one query.
 */
#ifndef REPLICATOR_CATALOG_H
#define REPLICATOR_CATALOG_H

#include "io/pgbatch.h"
#include "replicator/table.h"

struct catalog {
	struct arena *arena;
	struct table *list;
	size_t n;
};

/*
 * One row per column of the tables named in $1, a text[] that
 * catalog_parameter makes. Run it under search_path pg_catalog.
 */
extern const struct pgstmt catalog_query;

/* Given: the text of $1. */
char *catalog_parameter(const struct tables *declared);

/*
 * Given; NULL on failure, with FILE, table and what would be right. The
 * declaration is borrowed and outlives the catalog. ready: the version
 * columns must be there ("run gsb-replicator install"); else they need not.
 */
struct catalog *catalog_new(const struct tables *declared,
			    const struct pgresult *rows, bool ready,
			    struct err *e) __attribute__((warn_unused_result));
void catalog_free(struct catalog **cp);

/* Borrowed; NULL: not declared. */
const struct table *catalog_find(const struct catalog *c, const char *schema,
				 const char *name);

#endif
