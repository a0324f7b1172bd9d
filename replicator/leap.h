/*
 * A backlog made up for by state instead of by log: what the peer's rows are
 * now, of all rows that were written since, in place of every change to them.
 * To apply that is one transaction that comes in pieces and ends at a position
 * of the peer's log: all of it is visible at once, and a crash, a cut or an
 * error anywhere leaves things as they were, so that the log is followed as
 * if nothing had been.
 *
 * Why nothing is missing. A transaction that commits behind `from` has a
 * number that the slot has not passed (its catalog_xmin), and so has each row
 * that it left. What committed before the end is seen by the snapshot that
 * the rows are read in: first the end is noted, then all that had a number
 * then is waited for (or is seen to be idle, so that it commits later). What
 * is seen and comes behind the end comes again: merging it twice is nothing.
 */
#ifndef REPLICATOR_LEAP_H
#define REPLICATOR_LEAP_H

#include "replicator/leap_rows.h"
#include "replicator/stream.h"

struct leap;

struct leap_conf {
	const char *peer;              /* conninfo; copied, as all texts */
	const char *slot;              /* ours, there; nobody streams from it */
	const struct catalog *catalog; /* borrowed to the end */
	uint64_t from;                 /* merged here up to there */
	int64_t backlog; /* bytes of log: what is read must be worth it */
	struct leap_horizon beyond;
	/* Takes *b. From the first (b->begins) to the last (b->ends). */
	void (*on_piece)(void *ctx, struct batch **b);
	/* NULL: the slot stands where the last piece ended, or will soon. Else
	 * the log is to be followed from where it was. Frees nothing. */
	void (*on_end)(void *ctx, const struct err *err);
	void *ctx;
};

struct leap *leap_start(const struct leap_conf *conf);
void leap_cancel(struct leap **lp);

/* More than enough is under way: no more is read. */
void leap_hold(struct leap *l, bool hold);

/* The last piece is durable here: the slot follows, then on_end comes. */
void leap_applied(struct leap *l);

uint64_t leap_rows(const struct leap *l);  /* that were read */
bool leap_has_begun(const struct leap *l); /* a piece was given */

struct leap_stats {
	bool active;
	uint64_t done, failed, rows;
};

#endif
