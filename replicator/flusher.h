/*
 * A session of its own that brings to the disk what apply has committed without
 * waiting for it (synchronous_commit = off), so that the merge goes on
 * meanwhile and one flush serves all that was committed before it.
 *
 * pg_replication_origin_progress(origin, true) flushes our log up to where the
 * origin was last moved, and tells where it stands:
 * https://www.postgresql.org/docs/15/functions-admin.html
 */
#ifndef REPLICATOR_FLUSHER_H
#define REPLICATOR_FLUSHER_H

#include <stdbool.h>
#include <stdint.h>

struct flusher;

struct flusher_conf {
	const char *conninfo; /* local; copied, as all texts */
	const char *application;
	const char *origin;
	/* The origin stands there, or had stood; that is durable. */
	void (*on_flushed)(void *ctx, uint64_t lsn);
	void *ctx;
};

/* Connects, again and again. */
struct flusher *flusher_new(const struct flusher_conf *conf);
/* No callback comes any more. NULL is allowed. */
void flusher_free(struct flusher **f);

/* Only while it is up should somebody rely on it. */
bool flusher_is_up(const struct flusher *f);

/* on_flushed comes for all that is committed by now: at once, or a tenth of a
 * second after the last time, sooner if a commit waits; when it was down, once
 * it is up. */
void flusher_ask(struct flusher *f, bool awaited);

#endif
