/*
 * Large transactions of the peer, which it streams before their end: kept in
 * files, and when they have committed applied on a session of its own, one
 * after another, each as one transaction here. Small ones pass them by: merging
 * does not care for the order. Barriers do not pass.
 */
#ifndef REPLICATOR_LARGE_H
#define REPLICATOR_LARGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "replicator/batch.h"
#include "replicator/early.h"
#include "replicator/tables.h"

struct large;

struct large_conf {
	const char *conninfo, *peer_conninfo; /* as in apply.h; borrowed */
	const char *dir;                      /* for the files */
	const char *own_origin;               /* gsb_<site> */
	const char *origin;                   /* gsb_<peer>_large */
	const struct tables *tables;
	void (*on_relation)(void *ctx, struct span message); /* streamed.h */
	/* One is committed and flushed; b: its last piece, borrowed; NULL:
	 * nothing of it was for us. */
	void (*on_done)(void *ctx, const struct batch *b);
	/* All that stood before large_add_barrier is done. */
	void (*on_barrier)(void *ctx, struct span token);
	void *ctx;
};

struct large *large_new(const struct large_conf *conf);
void large_free(struct large **lp);

/* They may be applied while they come. Borrowed until large_forget. */
void large_ready(struct large *l, const struct catalog *catalog);

/* What large_message has made of a message. */
enum large_what {
	LARGE_OTHER, /* nothing: it is for others */
	LARGE_TAKEN,
	LARGE_WHOLE /* one has committed; its end in *end_lsn */
};

/* -1: the stream must begin anew; without streaming if large_is_unable. */
int large_message(struct large *l, struct span bytes, int64_t sent_us,
		  uint64_t *end_lsn, struct err *e)
    __attribute__((warn_unused_result));
/* A file could not be written a moment ago. */
bool large_is_unable(const struct large *l);

/* Behind what has committed before; token: copied. */
void large_add_barrier(struct large *l, struct span token);

/* Some that committed, or barriers behind them, are not done. */
bool large_is_busy(const struct large *l);
/* The commit of the first of them; 0: none. The stream must be able to begin
 * there again until it is done. */
uint64_t large_from(const struct large *l);

/* The connection ended: what has not committed goes. */
void large_cut(struct large *l);
/* All goes: it comes again. */
void large_forget(struct large *l);

struct large_stats {
	uint64_t transactions, rows; /* applied, since the start */
	uint64_t retries, parked;
	unsigned pending;           /* committed there, not here */
	uint64_t kept_bytes;        /* in files */
	uint64_t early[EARLY_ENDS]; /* begun while they came, by end */
};
void large_stats(const struct large *l, struct large_stats *out);

#endif
