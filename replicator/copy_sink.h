/*
 * Where the bytes of a copy go: a stream of files or one delta, into the
 * vault, hashed on the way. Every call blocks: for the thread pool, one at a
 * time; the structure is shared by its owner and the job that runs.
 */
#ifndef REPLICATOR_COPY_SINK_H
#define REPLICATOR_COPY_SINK_H

#include "base/err.h"
#include "base/span.h"
#include "replicator/copy_plan.h"

struct copy_sink;

struct copy_sink_stats {
	int64_t files; /* complete and right */
	int64_t bytes; /* of them, and of the one that comes */
};

/* needs: in the order of the stream; borrowed until it is freed. */
struct copy_sink *copy_sink_files(struct vault *v,
				  const struct copy_need *needs, size_t n);
struct copy_sink *copy_sink_delta(struct vault *v,
				  const struct copy_need *need);
/* What began of a large file stays. */
void copy_sink_free(struct copy_sink **s);

/*
 * -1: nothing more can be taken (a full disk, no stream of ours). A file that
 * is wrong, or that the primary cannot read, is kept in mind and the stream
 * goes on: copy_sink_end tells.
 */
int copy_sink_add(struct copy_sink *s, struct span piece, struct err *e)
    __attribute__((warn_unused_result));
/* The stream has ended; -1: it is not whole, or a file is wrong. */
int copy_sink_end(struct copy_sink *s, struct err *e)
    __attribute__((warn_unused_result));

void copy_sink_stats(const struct copy_sink *s, struct copy_sink_stats *out);

#endif
