/*
 * One answer of /gsb/snapshot, streamed into a sink: the loop takes bytes
 * from the socket, the thread pool hashes and writes them, and the socket
 * waits while two pieces are under way.
 */
#ifndef REPLICATOR_COPY_PUMP_H
#define REPLICATOR_COPY_PUMP_H

#include "base/err.h"
#include "io/httpc.h"
#include "replicator/copy_sink.h"
#include "replicator/copy_stage.h"

struct copy_pump;

struct copy_pump_conf {
	const struct httpc_request *request; /* on_data is the pump's */
	struct copy_sink *sink;              /* taken */
	struct copy_stage *stage; /* what the sink borrows from: held */
	/* Some more is written; the pump is not to be cancelled in it. */
	void (*on_progress)(void *ctx, const struct copy_sink_stats *stats,
			    int64_t wire_bytes);
	/* All of it is (NULL), or not. status: of the answer, 0 without one. */
	void (*on_end)(void *ctx, int status, const struct err *err);
	void *ctx;
};

struct copy_pump *copy_pump_start(const struct copy_pump_conf *conf);
void copy_pump_cancel(struct copy_pump **p);

#endif
