/*
 * Makes the rows of a list of keys equal on both sites: reads the peer's,
 * merges them here as if they had come in the stream, and writes anew what
 * is newer here, so that the stream carries it to the peer. Versions decide;
 * done twice it is nothing.
 */
#ifndef REPLICATOR_MEND_H
#define REPLICATOR_MEND_H

#include "replicator/digest.h"
#include "replicator/statements.h"

struct mend;

struct mend_stats {
	uint64_t different; /* keys */
	uint64_t pulled;    /* rows read from the peer and merged */
	uint64_t pushed;    /* rows written anew for the peer */
	uint64_t parked;
	uint64_t unsettled; /* changed each time when they were looked at */
};

struct mend_conf {
	/* In sessions as digest wants them; nothing else runs on them. */
	struct pgconn *local, *peer;
	/* Set up by merge_session_sql, with an origin that the peer drops. */
	struct pgconn *merge;
	struct statements *statements;
	const struct digest_form *form; /* borrowed, as all */
	/* digest_fetch_sql of it, binary; outlives the connections */
	const struct pgstmt *fetch;
	const struct digest_found *found;
	/*
	 * First everything that was on its way is let come (a barrier in both
	 * directions); only what stays the same and differs is different.
	 */
	bool confirm;
	const char *site; /* for the barriers' names */
};

typedef void mend_fn(void *ctx, const struct mend_stats *stats,
		     const struct err *err);
struct mend *mend_start(const struct mend_conf *conf, mend_fn *fn, void *ctx);
void mend_cancel(struct mend **mp);

#endif
