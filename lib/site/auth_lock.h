/*
 * Wrong guesses of an account's or a meeting's password, counted per one of
 * them and address of the client in a table that replicates:
 * AUTH_LOCK_FAILURES of them within AUTH_LOCK_WINDOW lock it for that address
 * as long, through restarts and on both sites. Statements alone; auth.c and
 * roomway.c run them.
 */
#ifndef SITE_AUTH_LOCK_H
#define SITE_AUTH_LOCK_H

#include <stdbool.h>

#include "io/pgbatch.h"

struct api;

#define AUTH_LOCK_FAILURES "10"
#define AUTH_LOCK_WINDOW "interval '15 minutes'"

/* Whether account a is locked for the address in that parameter. */
#define AUTH_LOCK_SQL(address)                                             \
	"coalesce((SELECT f.failures >= " AUTH_LOCK_FAILURES " AND "       \
	"f.last > now() - " AUTH_LOCK_WINDOW " FROM login_failure f "      \
	"WHERE f.account_id = a.id AND f.address = " address " LIMIT 1), " \
	"false)"

/* For the id of an account or a meeting and a->address, each a transaction of
 * its own that does not wait for the peer: one more failure, or none any more
 * unless it is locked. Whether it is: auth_lock_is of the result at the index
 * given. */
size_t auth_lock_add_failed(const struct api *a, const char *id,
			    struct pgbatch *b);
size_t auth_lock_add_passed(const struct api *a, const char *id,
			    struct pgbatch *b);
bool auth_lock_is(const struct pgresult *r);

/* Deletes up to AUTH_LOCK_PURGE rows that mean nothing any more. */
#define AUTH_LOCK_PURGE 1000
size_t auth_lock_add_purge(struct pgbatch *b);

#endif
