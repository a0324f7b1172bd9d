/* The inside of run, for run*.c alone. */
#ifndef REPLICATOR_RUN_INNER_H
#define REPLICATOR_RUN_INNER_H

#include "replicator/apply.h"
#include "replicator/heal.h"
#include "replicator/intake.h"
#include "replicator/lag.h"
#include "replicator/large.h"
#include "replicator/leap.h"
#include "replicator/meeting.h"
#include "replicator/parked.h"
#include "replicator/report.h"
#include "replicator/run.h"
#include "replicator/run_leap.h"
#include "replicator/run_spool.h"
#include "replicator/spool.h"
#include "replicator/spool_mark.h"
#include "replicator/stream.h"
#include "replicator/sync.h"

/* of what is on its way to the database: reading stops above the first and
 * goes on below the second */
#define RUN_QUEUE_HIGH (4 << 20)
#define RUN_QUEUE_LOW (1 << 20)

struct run {
	struct run_conf conf;
	char *own_name, *peer_name; /* gsb_<site> */
	struct meeting *meeting;
	struct apply *apply;
	struct large *large;
	char *large_origin;
	struct sync *sync;
	struct report *report;
	struct heal *heal;
	struct control *control;
	struct stream *stream; /* while apply is ready, as intake */
	struct intake *intake;
	struct timer *linger;
	struct spool *spool;
	struct spool_mark *mark;
	struct loop_call *feeding;
	struct timer *calm; /* then all has been merged for a while */
	bool behind;  /* intake is fed from the spool, the stream goes there */
	bool suspect; /* of the spool something was lost, until the peer says */
	bool has_met; /* the peer, since the start */
	bool full;    /* the spool has its utmost size */
	bool hold;
	bool swollen;            /* memory to give back when all is quiet */
	uint64_t seen;           /* all below it that concerns us has come */
	int64_t behind_since_us; /* wall clock of the oldest not applied */
	int64_t apply_ms;
	int64_t sent_us, received_us; /* the last commit that came */
	struct lag lag;
	const struct catalog *catalog; /* apply's, as intake */
	struct leap *leap;             /* while the stream rests for it */
	struct leap_stats leap_stats;
	unsigned leap_attempts;
	int64_t leap_begun_ms, leap_rests_ms; /* until then: no other */
	struct parked *parked; /* rows that are tried again; or NULL */
	struct timer *retry;   /* when they will be */
	struct timer *drain;   /* at its latest */
	void (*on_drained)(void *ctx);
	void *drain_ctx;
};

/* run.c */
void run_acknowledge(struct run *r);
/* All that came as a whole is applied. */
bool run_is_idle(const struct run *r);
/* Commits of the peer wait until what is merged here is durable. */
bool run_is_awaited(const struct run *r);
void run_count(struct run *r, const struct batch *b);
/* All that was to be waited for has come: the last act. */
void run_drain_goes_on(struct run *r);

/* run_submit.c */
void run_submit(struct run *r);
void run_submit_what_is_due(struct run *r);

/* run_large.c: what the large ones ask of the others. */
void run_large_new(struct run *r);
/* LARGE_OTHER: not of theirs; -1: it makes no sense, as was logged. */
int run_large_message(struct run *r, struct span bytes);
/* Barriers wait for the large ones before them. */
void run_large_hold_back(struct run *r, struct batch *b);

/* run_parked.c */
void run_parked_retry(struct run *r);
void run_parked_stop(struct run *r);

/* run_status.c; ctx is the run */
const char *run_peer_site(const char *site);
unsigned run_site_number(const char *site); /* in versions */
void run_status(void *ctx, struct status *out);
/* Something has waited to be merged for a while. */
bool run_is_behind(void *ctx);

#endif
