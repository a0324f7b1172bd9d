/*
 * gsb-replicator adopt SCHEMA.TABLE, release SCHEMA.TABLE: somebody else's
 * table, with rows in it and while people write to it, comes under
 * replication, or leaves it.
 *
 * adopt adds the table's lines to tables.ini, installs, and has the running
 * replicator take it up. Run on both sites, in any order; the second one also
 * ships the rows of both. Each step is left out when it has been done.
 */
#ifndef REPLICATOR_ADOPT_H
#define REPLICATOR_ADOPT_H

#include "replicator/install.h"

struct adopt;

struct adopt_conf {
	struct install_conf install; /* its tables: as they are now */
	const char *peer;            /* conninfo; copied */
	const char *table;           /* as written; borrowed */
	bool release;                /* instead */
};

/* e is set, and NULL given, for a word that is no table. */
struct adopt *adopt_start(const struct adopt_conf *conf, install_fn *fn,
			  void *ctx, struct err *e);

/* No callback comes; what was committed stays. */
void adopt_cancel(struct adopt **ap);

#endif
