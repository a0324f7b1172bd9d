/*
 * The steps of the database's schema, embedded (schema/NNN-*.sql), and their
 * application. A step is never changed once it was released: the next one
 * changes what it made.
 */
#ifndef SITE_SCHEMA_H
#define SITE_SCHEMA_H

#include "base/err.h"
#include "site/role.h"

struct schema_step {
	int number; /* 1, 2, ... */
	const char *name;
	const char *sql;
};
extern const struct schema_step schema_steps[]; /* up to a number 0 */

int schema_latest(void);

struct schema;

/*
 * Applies what the database lacks, each step in a transaction of its own, and
 * writes which site this is; a database of the other site is refused.
 * Commits do not wait for the peer. fn: err NULL when all is applied.
 */
typedef void schema_fn(void *ctx, int applied, const struct err *err);
struct schema *schema_start(const char *conninfo, const struct site_role *role,
			    schema_fn *fn, void *ctx);
void schema_cancel(struct schema **s);

#endif
