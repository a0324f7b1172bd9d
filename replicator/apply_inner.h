/* The inside of apply, for apply.c and apply_session.c alone. */
#ifndef REPLICATOR_APPLY_INNER_H
#define REPLICATOR_APPLY_INNER_H

#include <sys/queue.h>

#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/apply.h"
#include "replicator/extra.h"
#include "replicator/fetch.h"
#include "replicator/flusher.h"
#include "replicator/repair.h"
#include "replicator/statements.h"

enum apply_state {
	APPLY_DOWN,
	APPLY_SETUP,
	APPLY_READY,
	APPLY_TIDYING,
	APPLY_FETCHING,
	APPLY_SETTLING,
	APPLY_BACKING_OFF,
	APPLY_ASKING,
	APPLY_REPAIRING
};

/* groups after a row that was inserted there and known here */
#define DISTRUST 64
#define DISTRUST_HUGE 65536 /* of a huge transaction */
struct apply_group {
	TAILQ_ENTRY(apply_group) entry;
	struct apply *apply;
	struct batch *batch;
	struct pgcall *call; /* while it is under way */
	uint64_t from, to;   /* sent: the origin stands there, goes there */
	bool calm;           /* sent without sweeps */
	bool lazy;           /* its commit does not wait for the disk */
	bool whole;          /* no row of it lacks its TOAST any more */
};
TAILQ_HEAD(apply_groups, apply_group);

struct apply {
	struct apply_conf conf;
	enum apply_state state;
	struct pgconn *conn;
	struct pgcall *call;     /* of SETUP, TIDYING, ASKING */
	struct timer *timer;     /* in DOWN: next attempt; in BACKING_OFF */
	struct timer *tidy;      /* in the others, once a second */
	struct extra_fill *fill; /* in SETUP, behind call */
	struct fetch *fetch;
	struct repair *repair;
	struct flusher *flusher; /* from READY on; or NULL */
	struct tables *reading;  /* for the catalog that was asked for */
	struct tables *tables;   /* of the catalog; NULL: conf's */
	struct catalog *catalog;
	struct statements *statements;
	struct apply_groups groups;
	uint64_t progress, durable, submitted;
	uint64_t seen;           /* merged before this session; or 0 */
	uint64_t stands;         /* of the origin; behind progress while held */
	uint64_t hold;           /* where it stays; 0: nowhere */
	uint64_t rewind_to;      /* before the next set-up; 0: not */
	unsigned distrust;       /* groups yet to send that do not trust */
	int64_t progress_us;     /* commit time of what progress stands for */
	bool was_applied;        /* since the last tidying */
	bool fill_failed;        /* what waits in gsb.extra does not fit */
	bool keys_wait;          /* the last tidying left some */
	bool calm;               /* it left none, and no tombstone has come */
	uint64_t planned, since; /* rows merged before, since the last plans */
	unsigned untidy;         /* timers without a tidying */
	unsigned plans_age;      /* tidyings since the last plans */
	bool tidy_due;           /* before the next group is sent */
	struct err failure;      /* the first of a group that failed */
	unsigned failures;       /* in a row */
	/* it does not pass: the catalog is read again, groups are repaired */
	uint64_t reloaded_at, careful_at;
	struct apply_stats stats;
};

/* apply_session.c: the connection, its set-up, and what is asked on it. */
#define APPLY_CALL_MS (30 * 60 * 1000)
void apply_session_start(struct apply *a);
void apply_session_end(struct apply *a);
/* Drops everything and connects anew; the owner hears of it. Last. */
void apply_reset(struct apply *a, const struct err *why);
/* The same groups once more, after a while. */
void apply_retry(struct apply *a, const struct err *why);
/* Puts effective keys right; then READY. Nothing is under way. */
void apply_tidy(struct apply *a);

/* apply_settle.c: all that was under way when a group failed has ended. */
void apply_settle(struct apply *a);

/* apply.c: the queue. */
void apply_on_flushed(void *ctx, uint64_t lsn);
void apply_pump(struct apply *a);
void apply_drop_group(struct apply *a, struct apply_group *g);

#endif
