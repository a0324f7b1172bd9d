/* The inside of large, for large.c and large_early.c alone. */
#ifndef REPLICATOR_LARGE_INNER_H
#define REPLICATOR_LARGE_INNER_H

#include <sys/queue.h>

#include "io/loop.h"
#include "replicator/apply.h"
#include "replicator/intake.h"
#include "replicator/large.h"
#include "replicator/streamed.h"

#define LARGE_APPLICATION "gsb-replicator apply"

struct item {
	STAILQ_ENTRY(item) entry;
	struct streamed_whole whole;
	int64_t sent_us, received_us;
	char *token; /* a barrier's; else NULL */
	size_t len;
};

struct large {
	struct large_conf conf;
	struct streamed *streamed;
	STAILQ_HEAD(, item) queue;
	struct apply *apply;
	const struct catalog *catalog; /* while apply is ready */
	const struct catalog *known;   /* of large_ready */
	struct early *early;
	struct intake *intake; /* of the first, until it is read */
	struct loop_call *next;
	int64_t unable_ms; /* clock_mono_ms of the last file that failed; 0 */
	struct large_stats stats;
};

/* large.c: the first of the queue is committed; b as in on_done. Last. */
void large_finish(struct large *l, const struct batch *b);
/* With the first of the queue. */
void large_go_on_soon(struct large *l);

/* large_early.c: something of one has come. */
void large_early_follow(struct large *l);
/* As on_void of streamed.h. */
void large_early_void(void *ctx, const struct streamfile *file, uint32_t part);
/* One has committed; known: it need not be applied. While one is early. */
void large_early_make_way(struct large *l, const struct streamed_whole *whole,
			  bool known);

#endif
