/*
 * Columns that the peer has and this database does not (yet): their values
 * wait in gsb.extra, and go into the rows once the columns are there.
 */
#ifndef REPLICATOR_EXTRA_H
#define REPLICATOR_EXTRA_H

#include "io/pgconn.h"
#include "replicator/batch.h"

struct extra;

/* The catalog is borrowed to the end; outlives the connections that used it. */
struct extra *extra_new(const struct catalog *catalog);
void extra_free(struct extra **xp);

/* What must be kept of a batch. */
void extra_add(struct extra *x, struct pgbatch *out, const struct batch *b);

/* No parameters: whether a column has come that values wait for (bool). */
extern const char extra_waits_sql[];

/*
 * Fills what waits for columns that are there now. err: values go on waiting;
 * nothing is half filled.
 */
struct extra_fill;
typedef void extra_fn(void *ctx, size_t filled, const struct err *err);
struct extra_fill *extra_fill_start(struct extra *x, struct pgconn *conn,
				    extra_fn *fn, void *ctx);
void extra_fill_cancel(struct extra_fill **fp);

#endif
