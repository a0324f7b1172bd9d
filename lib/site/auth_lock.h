/*
 * Failed log-ins, counted per account and address of the client in a table
 * that replicates: AUTH_LOCK_FAILURES of them within AUTH_LOCK_WINDOW lock the
 * account for that address as long, through restarts and on both sites.
 * Statements alone; auth.c runs them.
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

/* For a->who and a->address, each a transaction of its own that does not
 * wait for the peer: one more failure; */
void auth_lock_add_failed(const struct api *a, struct pgbatch *b);
/* none any more, unless it is locked meanwhile: auth_lock_is of its result
 * at the index given. */
size_t auth_lock_add_passed(const struct api *a, struct pgbatch *b);
bool auth_lock_is(const struct pgresult *r);

/* Deletes up to AUTH_LOCK_PURGE rows that mean nothing any more. */
#define AUTH_LOCK_PURGE 1000
size_t auth_lock_add_purge(struct pgbatch *b);

#endif
