/*
 * What travels inside the copy stream of a replication connection
 * (PostgreSQL: "Streaming Replication Protocol"): the envelopes around the
 * changes, and the status that goes back. Pure.
 */
#ifndef REPLICATOR_COPYDATA_H
#define REPLICATOR_COPYDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum copydata_kind { COPYDATA_CHANGE = 'w', COPYDATA_KEEPALIVE = 'k' };

struct copydata {
	enum copydata_kind kind;
	/* of the log at the sender; of a change it may be 0, and says nothing
	 * about progress */
	uint64_t end_lsn;
	int64_t sent_us; /* by the sender's clock, since 2000 */
	bool reply_wanted;
	struct span body; /* of a change; borrowed */
};

int copydata_read(struct span bytes, struct copydata *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A status update: what is durable here, and so written; what is applied.
 * time_us is since 2000; ping asks for an answer.
 */
#define COPYDATA_STATUS_SIZE 34
void copydata_status(uint64_t durable, uint64_t applied, int64_t time_us,
		     bool ping, char out[static COPYDATA_STATUS_SIZE]);

#endif
