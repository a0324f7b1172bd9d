/*
 * Rows that the peer inserted, as COPY takes them: for a transaction that
 * inserts and does nothing else, into tables of which all columns are known
 * here. Far cheaper than any merge, but a row that is known here fails it.
 */
#ifndef REPLICATOR_FRESHROWS_H
#define REPLICATOR_FRESHROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"
#include "io/pgbatch.h"
#include "replicator/catalog.h"

struct freshrows;

struct freshrows *freshrows_new(const struct catalog *catalog); /* borrowed */
void freshrows_free(struct freshrows **fp);

/* A message inside a transaction. False: not everything in it is new rows, or
 * not such that COPY may take them; what came before is of no use either. */
bool freshrows_add(struct freshrows *f, struct span message)
    __attribute__((warn_unused_result));

/* Of the data that waits to be taken. */
size_t freshrows_bytes(const struct freshrows *f);
/* All rows that came. */
uint64_t freshrows_count(const struct freshrows *f);

/* What waits for one table, as a statement with its data; NULL: nothing. */
struct pgbatch *freshrows_take(struct freshrows *f);

/*
 * What the merge of such rows owes behind the last of them, in the same
 * transaction: those below a tombstone go, effective keys are put right.
 */
void freshrows_add_end(const struct freshrows *f, struct pgbatch *out);

#endif
