/*
 * What stands around the rows of a group: its beginning with the guard, its
 * progress and end, barriers, and rows that could not be merged.
 */
#ifndef REPLICATOR_ENVELOPE_H
#define REPLICATOR_ENVELOPE_H

#include "io/pgbatch.h"
#include "replicator/batch.h"

/*
 * First statement of a group that is one implicit transaction, which the
 * SYNC behind it commits: guard (from is where the origin stands) and
 * progress (to is where it goes). lazy: its commit does not wait for the disk.
 */
void envelope_whole(struct pgbatch *out, const struct batch *b, uint64_t from,
		    uint64_t to, bool lazy);

/* A position in the first row of a result; 0: it is none. */
uint64_t envelope_lsn(const struct pgresult *res, int column);

/* BEGIN and the guard; progress and COMMIT: for one that is sent in pieces. */
void envelope_begin(struct pgbatch *out, uint64_t from);
void envelope_commit(struct pgbatch *out, const struct batch *b, uint64_t to);

/*
 * Behind the merges of a small group, in place of their sweeps, which cost a
 * third of it: fails with that state where a merge may not have seen a
 * tombstone.
 */
void envelope_calm(struct pgbatch *out);
#define ENVELOPE_CALM_STATE "22012"

void envelope_barriers(struct pgbatch *out, const struct batch *b);

/* Into gsb.parked. lsn: end of its group. */
void envelope_park(struct pgbatch *out, const struct batch_reject *rj,
		   uint64_t lsn, const char *sqlstate);

/* Its key, for people; in a. */
const char *envelope_key(struct arena *a, const struct table *t,
			 const struct batch_row *row);

/* A row as {"column": "hex of its binary form"}, NULL as null; in a. */
const char *envelope_payload(struct arena *a, const struct table *t,
			     const struct batch_row *row);

/*
 * The statements that open a session for such groups: the merge's settings and
 * its origin, which is made where it is missing if `makes`. The name is made of
 * the site's, it holds no quotes.
 */
void envelope_session(struct strbuf *out, const char *origin, bool makes);

#endif
