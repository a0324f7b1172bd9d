/*
 * A bounded pool of pgconn. Connections open when they are wanted and stay;
 * so many as `ready` says open by themselves, for a burst would wait for them.
 * When the last one is lost, another one is tried at once; if that fails, or
 * the server hung, the pool is down: every request fails at once with the
 * reason, and one connection is tried with back-off until it is up again.
 * While commits wait for the other site and hold every connection, what writes
 * nothing goes past them, over `spare` connections more. A quick request
 * (pgbatch_quick) that finds none free shares one with another quick one.
 *
 * Codes as in pgconn.h: everything but ERR_UNCERTAIN means that nothing of
 * the request was committed; ERR_LIMIT: the queue of waiters is full.
 */
#ifndef IO_PGPOOL_H
#define IO_PGPOOL_H

#include "io/pgconn.h"

struct pgpool;
struct pgreq;
struct pgtx;

struct pgpool_conf {
	const char *conninfo;    /* copied, as the next two */
	const char *application; /* or NULL */
	const char *setup;       /* or NULL */
	unsigned size;           /* connections, at most */
	unsigned spare;          /* and these, while all of them write */
	unsigned ready;          /* of them kept open while up */
	unsigned max_waiters;    /* first come, first served */
	uint32_t connect_ms;     /* 0: 10 s */
	/* When up changes; err NULL for up. May be NULL. */
	void (*on_change)(void *ctx, bool up, const struct err *why);
	void *ctx;
};

/* One connection is opened at once, so that health is known. */
struct pgpool *pgpool_open(const struct pgpool_conf *conf);

/* No callback comes any more; pgreq and pgtx of it are dead pointers. */
void pgpool_close(struct pgpool **p);

/* True from the first connection on, but while the pool is down. */
bool pgpool_up(const struct pgpool *p);
/* Why it is down; code ERR_NONE while up or before the first attempt. */
const struct err *pgpool_error(const struct pgpool *p);

/* Takes *batch. The deadline (clock_mono_ms) includes the waiting. */
struct pgreq *pgpool_run(struct pgpool *p, struct pgbatch **batch,
			 int64_t deadline_ms, pgcall_fn *fn, void *ctx);
void pgpool_cancel(struct pgreq **r);

/*
 * A transaction holds one connection from its first statements to its end.
 * The deadline is for all of it. fn gets the results of `first` (taken),
 * which starts with BEGIN. When any call of it fails, the transaction has
 * been rolled back and ended: the owner's first act is to set its pointer
 * NULL.
 */
struct pgtx *pgpool_begin(struct pgpool *p, struct pgbatch **first,
			  int64_t deadline_ms, pgcall_fn *fn, void *ctx);

/* More statements (taken); one call of a transaction at a time. */
void pgtx_run(struct pgtx *t, struct pgbatch **batch, pgcall_fn *fn, void *ctx);

/*
 * Sends the statements of last (taken, or NULL), which must contain the
 * COMMIT (pgbatch_commit), perhaps with queries behind it. Ends the
 * transaction with the callback, well or badly.
 */
void pgtx_commit(struct pgtx *t, struct pgbatch **last, pgcall_fn *fn,
		 void *ctx);

/*
 * At any time before the end, also while a call is under way: no callback
 * comes, the connection rolls back and returns to the pool. When the COMMIT
 * is already sent its outcome is simply not told. Sets *t NULL.
 */
void pgtx_rollback(struct pgtx **t);

/* Commits that wait for the synchronous standby stop waiting (at_risk). */
void pgpool_cancel_commits(struct pgpool *p);

/* For metrics. */
struct pgpool_stats {
	unsigned open, busy, waiting;
	uint64_t served, failed;
};
void pgpool_stats(const struct pgpool *p, struct pgpool_stats *out);

#endif
