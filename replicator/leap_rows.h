/*
 * What a leap (leap.h) asks the peer, and the rows that it is told as batches
 * for apply. SQL and values; pure.
 */
#ifndef REPLICATOR_LEAP_ROWS_H
#define REPLICATOR_LEAP_ROWS_H

#include "base/err.h"
#include "io/pgbatch.h"
#include "replicator/batch.h"
#include "replicator/catalog.h"

/*
 * One row for each published table: rel, its columns (sorted, by commas),
 * bytes on the disk.
 */
extern const char leap_tables_sql[];

/* Bytes of what is declared here. -1: a table cannot be read whole there. */
int64_t leap_check_tables(const struct catalog *c, const struct pgresult *res,
			  struct err *e);

/*
 * A cursor of that name: t->params of all rows that transactions of the last
 * age (of xids) have written.
 */
void leap_cursor_sql(struct strbuf *sb, const struct table *t, const char *name,
		     int64_t age);

struct leap_horizon {
	int64_t us;    /* commit of the last transaction that is merged here */
	unsigned peer; /* number of its site in versions */
};

/*
 * The rows of such a cursor, binary, as a piece of a transaction. What the
 * peer wrote beyond the horizon is an edit, or (fresh) a new row; all else is
 * as if it came again. NULL: a row has what this site wrote beyond it; what
 * that may have won against, unseen, is in the log alone.
 */
struct batch *leap_batch(const struct table *t, const struct pgresult *res,
			 const struct leap_horizon *beyond);

#endif
