/*
 * The rows of a table that both sites have adopted go into the streams of
 * both, once the replicators of both know it.
 */
#ifndef REPLICATOR_SHIP_H
#define REPLICATOR_SHIP_H

#include "base/err.h"
#include "replicator/adopt_sql.h"

struct ship;

struct ship_conf {
	const char *admin, *peer;      /* conninfos; borrowed for the start */
	const char *tables;            /* path; borrowed to the end */
	const struct adopt_name *name; /* likewise */
};

/* shipped false and err NULL: the peer has not adopted it yet. */
typedef void ship_fn(void *ctx, bool shipped, const struct err *err);

struct ship *ship_start(const struct ship_conf *conf, ship_fn *fn, void *ctx);
void ship_cancel(struct ship **sp);

#endif
