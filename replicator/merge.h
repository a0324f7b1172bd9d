/*
 * The SQL that merges a batch into one table, and the same join as a pure
 * function for the batch. One group of changes is applied so, in a session
 * set up by merge_session_sql and with its origin:
 *
 *   BEGIN; guard; pg_replication_origin_xact_setup; tombstones;
 *   for each table: rows | partial; sweep; sweep_dead;
 *   for each unique of it: demote, promote;
 *   barrier; COMMIT
 *
 * Every statement relies on the snapshot that it takes after the one before.
 */
#ifndef REPLICATOR_MERGE_H
#define REPLICATOR_MERGE_H

#include "base/arena.h"
#include "replicator/catalog.h"

/* What the session needs beside its origin; plans by index, never by scan. */
extern const char merge_session_sql[];

/* $1 pg_lsn: the end of the group before. Else SQLSTATE GS001. */
#define MERGE_GUARD_SQL                                                    \
	"SELECT (SELECT CASE WHEN pg_replication_origin_session_progress(" \
	"false) = lsn THEN true ELSE gsb.guard(lsn) IS NULL END "          \
	"FROM (VALUES ($1::pg_lsn)) g(lsn))"
#define MERGE_GUARD_STATE "GS001"

/*
 * $1 text[] rel, $2 text[] key, $3 int8[] v, $4 int8[] seen: the columns of
 * gsb.tombstone, which comes in the stream as any table; merged by max.
 */
extern const char merge_tombstones_sql[];
/* $1 text: the token of a gsb.barrier message. Tidies first. */
extern const char merge_barrier_sql[];

/*
 * A transaction of its own: sweeps again what an open local transaction may
 * have hidden, puts effective keys right, reports those lost. Once a second,
 * and after every group that failed with 23505. Result: keys that wait (int8).
 */
extern const char merge_tidy_sql[];
/*
 * Parameters: t->params, one binary array each, of equal length, each key
 * once. missing[i] (or NULL: none): column i does not come; it has no
 * parameter then, and keeps its local value.
 */
const char *merge_rows_sql(struct arena *a, const struct table *t,
			   const bool *missing);
/* The same for rows that should be new here: 23505 when one is not. */
const char *merge_new_sql(struct arena *a, const struct table *t,
			  const bool *missing);

/*
 * The same for rows with unchanged-TOAST values: the array of such a column
 * holds NULL there and its group's version array holds NULL too, which means
 * "as here". Fetch rows that lacking names first, or they lose that group.
 */
const char *merge_partial_sql(struct arena *a, const struct table *t,
			      const bool *missing);

/*
 * Arrays of merge_lacking_columns: key, gsb_v_row, versions of groups that
 * may come without a value; NULL where all of it came. Result: the 1-based
 * ordinals (int8) of rows whose values this database does not have.
 */
const char *merge_lacking_sql(struct arena *a, const struct table *t);
size_t merge_lacking_columns(const struct table *t, size_t *out);
/* For the peer: key arrays; what comes of t->params, where they exist. */
const char *merge_fetch_sql(struct arena *a, const struct table *t,
			    const bool *missing);
/* Key arrays of the batch's rows: deletes those below a tombstone. */
const char *merge_sweep_sql(struct arena *a, const struct table *t);
/* $1 int8: rows below any tombstone beyond that go. */
const char *merge_sweep_newer_sql(struct arena *a, const struct table *t);
/* $1 text[]: gsb.tombstone.key of this table in the batch. */
const char *merge_sweep_dead_sql(struct arena *a, const struct table *t);
/* Effective keys of unique number u. */
const char *merge_demote_sql(struct arena *a, const struct table *t, size_t u);
const char *merge_promote_sql(struct arena *a, const struct table *t, size_t u);

/* A row as the stream brings it: binary values by column of the table (at
 * NULL: SQL NULL), and which did not come (unchanged TOAST). */
struct merge_row {
	const struct span *values;
	const bool *absent; /* or NULL: all came */
};

/*
 * The join of two states of one key: for each column 0 (a's value stands) or
 * 1 (b's). By incarnation; then per group by ranks, version, bytes. A value
 * that did not come is taken from the other state of equal version, of no
 * other. A lattice join. Result: 0 or 1, the side that has the incarnation.
 */
int merge_join(const struct table *t, const struct merge_row *a,
	       const struct merge_row *b, unsigned char *take);

/* A binary int8 of the stream; 0 for NULL. */
int64_t merge_int8(struct span value);
#endif
