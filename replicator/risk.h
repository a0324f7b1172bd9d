/*
 * Commits at risk: of this site's own, and not flushed by the peer. Counted
 * at each look at the database, so the number is right to what was committed
 * between two looks, and never too small. Pure.
 */
#ifndef REPLICATOR_RISK_H
#define REPLICATOR_RISK_H

#include <stdbool.h>
#include <stdint.h>

#define RISK_LOOKS 64

struct risk_look {
	uint64_t lsn;     /* all counted commits end below it */
	uint64_t xid;     /* all transactions below it are counted */
	uint64_t commits; /* since the beginning */
	int64_t at_us;    /* wall clock */
};

struct risk {
	struct risk_look sure;              /* the peer has all of it */
	struct risk_look looks[RISK_LOOKS]; /* newer, oldest first */
	unsigned n;
	uint64_t own[RISK_LOOKS]; /* transactions of ours, not yet counted */
	unsigned nown;
};

/* Everything below xid counts for the peer's; or is known to be. */
void risk_init(struct risk *r, uint64_t xid, int64_t now_us);

/* What was known before: so many commits below xid, the peer had all at
 * since_us; it has them now when it has flushed lsn. commits may be short of
 * (below) 0 by our own that will be counted. */
void risk_restore(struct risk *r, struct risk_look was, int64_t since_us);

/* A transaction of our own, of which the peer needs nothing. */
void risk_own(struct risk *r, uint64_t xid);

/* Where the next count begins. */
uint64_t risk_from(const struct risk *r);

/* now.commits: of the transactions risk_from() <= xid < now.xid. */
void risk_add(struct risk *r, struct risk_look now);
/* The peer has flushed everything below lsn. */
void risk_flushed(struct risk *r, uint64_t lsn);

uint64_t risk_commits(const struct risk *r);
/* At the latest then the peer had everything; when none is at risk, 0. */
int64_t risk_since_us(const struct risk *r);

#endif
