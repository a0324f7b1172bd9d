/*
 * What sync asks the database twice a second, for ever: prepared, for to plan
 * it costs four times as much.
 */
#ifndef REPLICATOR_SYNC_QUERY_H
#define REPLICATOR_SYNC_QUERY_H

#include "io/pgbatch.h"

/*
 * Parameters: the transaction from which to count, the first one that is not
 * looked at, the standby's name. One row: it streams, what it has flushed,
 * what we have flushed, a commit waits, up to which transaction was counted,
 * how many of them are commits made here, what it has applied.
 */
extern const struct pgstmt sync_query_facts;

#endif
