/*
 * The prepared statements of the tables, made when they are first wanted,
 * and their parameters: rows become one binary array per column.
 */
#ifndef REPLICATOR_STATEMENTS_H
#define REPLICATOR_STATEMENTS_H

#include "io/pgbatch.h"
#include "replicator/batch.h"

struct statements;

/* The catalog is borrowed to the end. Outlives the connections that used it
 * since it was made. */
struct statements *statements_new(const struct catalog *catalog);
void statements_free(struct statements **sp);

/* What waits for columns; to its end. */
struct extra *statements_extra(struct statements *s);

/* Everything of a batch: tombstones, merges, sweeps (calm: no sweeps, which
 * envelope_calm stands for), effective keys. */
void statements_add_all(struct statements *s, struct pgbatch *out,
			const struct batch *b, bool calm);

/* The same in parts, to find the row that cannot be merged. */
void statements_add_tombstones(struct statements *s, struct pgbatch *out,
			       const struct batch *b);
struct statements_range {
	const struct batch_table *in;
	size_t from, to; /* rows */
	bool trust;      /* as in struct batch */
	bool calm;       /* without sweeps */
};
void statements_add_rows(struct statements *s, struct pgbatch *out,
			 const struct statements_range *rows);

/*
 * The rows with unchanged-TOAST values: which of them this database lacks.
 * Result: ordinals (from 1) among the partial rows of `in`. False: none is
 * partial, nothing was added.
 */
bool statements_add_lacking(struct statements *s, struct pgbatch *out,
			    const struct batch_table *in);

/* For the peer: the partial rows number[0..n-1] of `in`, by those ordinals;
 * the result has those of the table's params that come, in binary form. */
void statements_add_fetch(struct statements *s, struct pgbatch *out,
			  const struct batch_table *in, const size_t *number,
			  size_t n);

#endif
