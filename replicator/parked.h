/*
 * Rows that could not be merged, gsb.parked: tried again from what was kept
 * of them. A row that is merged this way is as if it had come just now, so
 * newer values stand.
 */
#ifndef REPLICATOR_PARKED_H
#define REPLICATOR_PARKED_H

#include "replicator/catalog.h"

struct parked;

struct parked_stats {
	unsigned merged, failed;
};

/* err: nothing could be tried. */
typedef void parked_fn(void *ctx, const struct parked_stats *stats,
		       const struct err *err);

struct parked_conf {
	const char *local;           /* conninfo; copied */
	const struct tables *tables; /* borrowed; their file is read anew */
	int64_t id;                  /* of one; 0: all */
};
struct parked *parked_retry(const struct parked_conf *conf, parked_fn *fn,
			    void *ctx);
void parked_cancel(struct parked **pp);

#endif
