/*
 * The part of a spool that waits for the disk: one frame is written and made
 * durable, before it where need be the segment for it. For the thread pool.
 */
#ifndef REPLICATOR_SPOOL_JOB_H
#define REPLICATOR_SPOOL_JOB_H

#include <stdint.h>

#include "base/span.h"
#include "replicator/spool_frame.h"

/* So long a segment is at first: what is written over needs no new blocks. */
#define SPOOL_SEGMENT_BYTES (4 << 20)

struct spool_job {
	/* path NULL: into fd at offset; else a new segment with that head,
	 * made of the file spare where that is not NULL */
	const char *dir, *path, *spare;
	struct spool_head head;
	int fd; /* -1: none was made, or not to its end */
	uint64_t offset;
	struct span frame;
	int why; /* errno of what failed; 0: all is durable */
	int64_t us;
};

/* A work_fn; what it points to is the owner's, to the end. */
void spool_job_run(void *job);

#endif
