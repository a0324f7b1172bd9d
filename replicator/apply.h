/*
 * The session on the local database that merges batches in order, each with
 * its progress in one transaction. Retries what is transient for ever, parks
 * single rows that cannot be merged, and goes on.
 */
#ifndef REPLICATOR_APPLY_H
#define REPLICATOR_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "replicator/batch.h"
#include "replicator/catalog.h"

struct apply;

struct apply_conf {
	const char *conninfo;      /* local; copied, as all texts */
	const char *peer_conninfo; /* where missing rows are read whole */
	const char *application;
	const char *origin; /* gsb_<peer> */
	bool makes_origin;  /* where there is none */
	/* Borrowed to the end; its file is read again at each connection. */
	const struct tables *tables;
	/*
	 * The session is ready: begin the stream at progress (0: never
	 * applied anything). The catalog is borrowed until on_reset.
	 */
	void (*on_ready)(void *ctx, const struct catalog *catalog,
			 uint64_t progress);
	/* Committed (see apply_durable), or, not b->ends, a piece of what
	 * will be; b is borrowed. */
	void (*on_applied)(void *ctx, const struct batch *b);
	void (*on_durable)(void *ctx); /* it moved; NULL: only with commits */
	/* Everything that was submitted is gone: stop the stream. on_ready
	 * follows, for ever tried. Also for each failed attempt. */
	void (*on_reset)(void *ctx, const struct err *why);
	void *ctx;
};

struct apply_stats {
	uint64_t groups, transactions, rows, changes;
	uint64_t retries; /* of groups */
	uint64_t parked;  /* rows */
	uint64_t fetched; /* rows, whole from the peer */
	unsigned queued;  /* groups, not sent */
	unsigned in_flight;
	size_t queued_bytes; /* both */
	bool stuck;          /* the last group failed and is tried again */
};

struct apply *apply_new(const struct apply_conf *conf);
void apply_free(struct apply **ap);

/* Takes *b. Only between on_ready and on_reset. */
void apply_submit(struct apply *a, struct batch **b);

/* Everything submitted is committed; and flushed. */
bool apply_is_idle(const struct apply *a);
bool apply_is_settled(const struct apply *a);

/* The stream was cut inside a transaction of which pieces were submitted:
 * they are rolled back, by a reset. */
void apply_abandon(struct apply *a);

/* tables.ini is read again where it was written since: a new session. */
void apply_reread(struct apply *a);

/*
 * Begins anew with another log of the peer: the origin goes back to where it
 * is followed from (0: it stays), by a reset.
 */
void apply_rewind(struct apply *a, uint64_t to);

/* The end of what is committed; committed and flushed; submitted as whole
 * transactions. */
uint64_t apply_progress(const struct apply *a);
/* Behind it while something is held. */
uint64_t apply_stands(const struct apply *a);
uint64_t apply_durable(const struct apply *a);
uint64_t apply_submitted(const struct apply *a);

/* What ends up to there was merged before this session began, though some of
 * it may come again: see apply_hold. */
uint64_t apply_seen(const struct apply *a);

/*
 * The origin goes no further than lsn, nor does what is durable (0: no bound
 * any more), until the next reset: what ended there is not applied here.
 * Later groups are applied all the same; after a crash they come again.
 */
void apply_hold(struct apply *a, uint64_t lsn);
/* When idle, an empty group moves it to where all is applied: to, or the end
 * of what was submitted. */
void apply_catch_up(struct apply *a, uint64_t to);

void apply_stats(const struct apply *a, struct apply_stats *out);

#endif
