/*
 * libpq resolves names in the foreground and would stop the loop for seconds:
 * here the names in a connection string are resolved first, in the thread
 * pool, and handed to libpq as hostaddr.
 */
#ifndef IO_PGADDR_H
#define IO_PGADDR_H

#include "base/err.h"

struct pgaddr;

/*
 * What PQconnectStartParams takes; both arrays end with NULL. Borrowed until
 * the callback returns. err: the string is malformed, or none of its hosts
 * could be resolved (ERR_NOT_FOUND); then the arrays are NULL.
 */
typedef void pgaddr_fn(void *ctx, const char *const *keywords,
		       const char *const *values, const struct err *err);

/*
 * conninfo: "key=value …" or a postgresql:// URI, several hosts allowed.
 * extra: pairs that override it ({"replication", "database", NULL}), or NULL.
 * A host with several addresses becomes several hosts.
 */
struct pgaddr *pgaddr_start(const char *conninfo, const char *const *extra,
			    pgaddr_fn *fn, void *ctx);

void pgaddr_cancel(struct pgaddr **a);

#endif
