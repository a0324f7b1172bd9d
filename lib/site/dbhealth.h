/*
 * What the database says about itself, asked on a connection of its own, so
 * that a pool full of commits that wait for the peer hides nothing. At most
 * one question is under way; one that has had no answer for twice DBHEALTH_MS
 * means "down" to everybody at once until it is answered.
 */
#ifndef SITE_DBHEALTH_H
#define SITE_DBHEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define DBHEALTH_MS 400

struct dbhealth;
struct dbhealth_ask;

struct dbhealth *dbhealth_new(const char *conninfo, const char *application);
void dbhealth_free(struct dbhealth **d);

/* up: answered in time. replication: gsb.health() as JSON text, NULL if it
 * was not there; companies: the tag of their list, "" when unknown; schema:
 * the latest step. Borrowed. */
struct dbhealth_report {
	bool up;
	const char *replication;
	const char *companies;
	int64_t schema;
};
typedef void dbhealth_fn(void *ctx, const struct dbhealth_report *r);

/* Ends by fn, from the loop, within DBHEALTH_MS. */
struct dbhealth_ask *dbhealth_ask(struct dbhealth *d, dbhealth_fn *fn,
				  void *ctx);
void dbhealth_cancel(struct dbhealth_ask **a);

/* Tells the replicator that the peer is dead (gsb.peer_dead()). */
void dbhealth_peer_dead(struct dbhealth *d);

#endif
