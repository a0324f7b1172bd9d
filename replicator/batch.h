/*
 * Changes that are applied together: one or several whole transactions of
 * the peer, or a piece of a huge one, collapsed to one state per key by the
 * same join that the database uses. Pure.
 */
#ifndef REPLICATOR_BATCH_H
#define REPLICATOR_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "replicator/decoder.h"
#include "replicator/relation.h"

struct batch_key; /* where a key is found again */
struct batch_row {
	struct span *values; /* by the table's columns; at NULL: SQL NULL */
	bool *absent;        /* likewise: unchanged TOAST; NULL: all came */
	bool fresh;          /* the peer inserted it */
};

/* The rows of one table that came with the same columns. */
struct batch_table {
	const struct table *table;
	const bool *missing; /* by its columns; NULL: none */
	struct batch_row *rows;
	size_t nrows;
	struct batch_key *keys;
};

struct batch_tombstone {
	struct span rel, key;
	int64_t v, seen;
};

/* A row that cannot be merged, for gsb.parked. */
struct batch_reject {
	const char *rel;
	const char *key; /* as far as it could be read */
	const char *why;
	const char *payload; /* what could be read of it, JSON */
};

/* The value of a column that this database does not have. */
struct batch_extra {
	const struct table *table;
	struct span *row; /* by the table's columns: the key */
	const char *name;
	struct span value; /* at NULL: SQL NULL */
	int64_t born, v;   /* gsb_v_row, the newest version of the row */
};

struct batch {
	struct arena *arena; /* of everything below */
	bool begins, ends;   /* false: a transaction goes on beyond it */
	bool awaited;        /* commits wait until it is durable */
	bool trust; /* fresh rows are plainly inserted: half the cost; 23505 */
	uint64_t end_lsn; /* where the next transaction may start */
	int64_t time_us;  /* commit of its last transaction, since 2000 */
	int64_t sent_us, received_us;        /* of it, likewise; 0: unknown */
	uint32_t xid;                        /* of it, at the peer */
	size_t transactions, changes, bytes; /* as they came */
	size_t rows;                         /* after the collapse */
	struct batch_table **tables;
	size_t ntables;
	struct batch_tombstone *tombstones;
	size_t ntombstones;
	struct batch_key *tombstone_keys;
	struct span *barriers;
	size_t nbarriers;
	struct batch_reject *rejects;
	size_t nrejects;
	struct batch_extra *extras;
	size_t nextras;
};

struct batch *batch_new(void);
void batch_free(struct batch **bp);

bool batch_is_empty(const struct batch *b); /* nothing must be done */

/* A row of a declared table, or of gsb.tombstone; fresh: it was inserted. What
 * the spans point to must live in b's arena. One without sense is rejected. */
void batch_add(struct batch *b, const struct relation *r,
	       const struct decoder_row *row, bool fresh);

/* token: copied. */
void batch_add_barrier(struct batch *b, struct span token);
/* It was merged before: who wrote here since has seen its edits. */
void batch_comes_again(struct batch *b);

/* A row that was read elsewhere: values and absent (or NULL) by the table's
 * columns, in b's arena, taken; joined with what there is of its key. The
 * row, if that is new in the batch; else NULL. */
struct batch_row *batch_join(struct batch *b, struct batch_table *in,
			     struct span *values, bool *absent);

#endif
