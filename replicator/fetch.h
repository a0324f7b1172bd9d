/*
 * Rows that came without their unchanged-TOAST values although this database
 * does not have them: read whole from the peer and joined into the batch.
 */
#ifndef REPLICATOR_FETCH_H
#define REPLICATOR_FETCH_H

#include "io/pgconn.h"
#include "replicator/statements.h"

struct fetch;

/* True when some row of it is partial: only then there is work for fetch. */
bool fetch_is_needed(const struct batch *b);

/* err NULL: every row that exists at the peer is whole now. */
typedef void fetch_fn(void *ctx, size_t rows, const struct err *err);

struct fetch_conf {
	struct pgconn *local;    /* borrowed; nothing else runs on it */
	const char *peer;        /* conninfo; copied */
	const char *application; /* copied */
	struct statements *statements;
	struct batch *batch; /* borrowed, changed */
};
struct fetch *fetch_start(const struct fetch_conf *conf, fetch_fn *fn,
			  void *ctx);
void fetch_cancel(struct fetch **fp);

#endif
