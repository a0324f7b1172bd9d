/*
 * A group that fails for a reason that does not go away: applied again in
 * halves under savepoints until the rows that fail stand alone; these go to
 * gsb.parked, all others are merged, and the progress is as if all had been.
 */
#ifndef REPLICATOR_REPAIR_H
#define REPLICATOR_REPAIR_H

#include "io/pgconn.h"
#include "replicator/statements.h"

struct repair;

/* err: it must be tried again as a whole; nothing is committed. */
typedef void repair_fn(void *ctx, size_t parked, const struct err *err);

struct repair_conf {
	struct pgconn *conn; /* borrowed; nothing else runs on it */
	struct statements *statements;
	const struct batch *batch; /* borrowed */
	uint64_t from, to;         /* as in envelope.h */
	/* True for errors that will pass: those end the repair. */
	bool (*is_transient)(const struct err *e);
};
struct repair *repair_start(const struct repair_conf *conf, repair_fn *fn,
			    void *ctx);
void repair_cancel(struct repair **rp);

#endif
