/*
 * What the local database knows of the spool: whether something may have been
 * acknowledged that is not merged yet. gsb.health() tells it, so that a site
 * does not begin to serve before, whether the replicator runs or not.
 *
 * It is set durably before the first such acknowledgement, and taken back
 * when all is merged.
 */
#ifndef REPLICATOR_SPOOL_MARK_H
#define REPLICATOR_SPOOL_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct spool_mark;

struct spool_mark_conf {
	const char *conninfo, *application; /* local; copied */
	/* Its state may be another. */
	void (*on_change)(void *ctx);
	/* A transaction of this connection, which concerns nobody else. */
	void (*on_own)(void *ctx, uint64_t xid);
	void *ctx;
};

struct spool_mark *spool_mark_new(const struct spool_mark_conf *conf);
void spool_mark_free(struct spool_mark **mp);

/* It has been read at least once; it said so then. */
bool spool_mark_is_known(const struct spool_mark *m);
bool spool_mark_was_set(const struct spool_mark *m);

/* In the database, durably. */
bool spool_mark_is_set(const struct spool_mark *m);

/* Set it, or take it back, as soon as possible; the last word counts. */
void spool_mark_set(struct spool_mark *m, bool pending);

#endif
