/*
 * When a site may promise that what it acknowledges is on the peer too, and
 * when it must stop promising. Pure: facts in, one step out.
 *
 *   DEGRADED --streams, caught up: name--> NAMED --a moment--> ARMING
 *      ^                                     |                   |
 *      |<--------- the peer is away or stands still -------------|
 *      |                                                         v
 *      '--------------------------------------------------- ARMED (confirmed)
 */
#ifndef REPLICATOR_RPO_H
#define REPLICATOR_RPO_H

#include <stdbool.h>
#include <stdint.h>

enum rpo_state {
	RPO_DEGRADED, /* commits wait for nobody */
	RPO_NAMED,    /* the standby is named; the server is taking it in */
	RPO_ARMING,   /* until the peer has what was written before that */
	RPO_ARMED     /* every commit waits for the peer */
};

enum rpo_step {
	RPO_NOTHING,
	RPO_NAME,    /* name the standby */
	RPO_CONFIRM, /* write down that the promise holds */
	RPO_RELEASE  /* write down that it does not; name nobody */
};

struct rpo_facts {
	int64_t now_ms;
	bool streams;       /* the peer's replicator reads our log */
	bool waits;         /* some commit waits for it */
	uint64_t flush_lsn; /* what it has */
	uint64_t wal_lsn;   /* the end of what is flushed here */
};

struct rpo {
	int64_t timeout_ms;
	enum rpo_state state;
	uint64_t arm_lsn;  /* in ARMING: what it must have */
	uint64_t last_lsn; /* flush_lsn when it last moved */
	int64_t moved_ms;  /* when all was well, or it moved */
	int64_t named_ms;
	int64_t dead_ms; /* no arming before: somebody knows it is dead */
	char why[96];    /* of the last step */
};

void rpo_init(struct rpo *r, int64_t timeout_ms, enum rpo_state state,
	      int64_t now_ms);

/* The next step; the state follows when the caller has done it. */
enum rpo_step rpo_judge(struct rpo *r, const struct rpo_facts *f);

/* Somebody who knows says that the peer is dead. */
enum rpo_step rpo_dead(struct rpo *r, int64_t now_ms);

/* The step has been done. */
void rpo_done(struct rpo *r, enum rpo_step step, int64_t now_ms);

const char *rpo_name(enum rpo_state state);

#endif
