/* The inside of a pool, for pgpool and pgtx alone. */
#ifndef IO_PGSLOT_H
#define IO_PGSLOT_H

#include <sys/queue.h>

#include "io/pginner.h"
#include "io/pgpool.h"

enum slot_state { SLOT_OPENING, SLOT_IDLE, SLOT_BUSY, SLOT_CLEANING };

struct slot {
	TAILQ_ENTRY(slot) entry;
	struct pgpool *pool;
	struct pgconn *conn;
	enum slot_state state;
	struct pgreq *req;  /* BUSY */
	struct pgreq *next; /* sent behind it; both are quick */
};

struct pgreq {
	TAILQ_ENTRY(pgreq) entry;
	struct pgpool *pool;
	struct slot *slot;      /* has one */
	struct pgcall *call;    /* runs in it */
	struct pgbatch *batch;  /* waits */
	struct timer *patience; /* waits */
	struct loop_call *end;  /* has failed, to be told */
	struct err err;
	int64_t deadline_ms;
	bool last;   /* the call that ends it */
	bool quick;  /* may share a connection */
	bool writes; /* a commit is in it, or to come */
	pgcall_fn *fn;
	void *ctx;
};

struct pgtx {
	struct pgreq req;
};

struct pgpool {
	struct pgpool_conf conf;
	TAILQ_HEAD(, slot) slots;
	TAILQ_HEAD(, pgreq) waiters;
	TAILQ_HEAD(, pgreq) others; /* all requests that do not wait */
	unsigned nslots, nwaiters;
	bool up;
	struct err err;
	unsigned failures;
	int64_t hoped_ms;    /* last time that one was reopened at once */
	struct timer *retry; /* no connection is opened meanwhile */
	/* one waits to read, and all write: for how long? for too long */
	struct timer *stuck_timer;
	bool stuck;
	uint64_t served, failed;
};

/* pgserve.c: who gets which. */
unsigned pgslot_count(const struct pgpool *p, enum slot_state state);
void pgreq_leave_queue(struct pgreq *r);
/* A commit may wait for the other site, and all of them for seconds. */
bool pgslot_all_write(const struct pgpool *p);
/* Gives idle connections to waiters, opens more if they do not suffice. */
void pgslot_serve(struct pgpool *p);

/* pgpool.c */
void pgslot_open(struct pgpool *p);
pgcall_fn pgreq_called;

/* A request of which batch, deadline and owner are set joins the pool. */
void pgreq_init(struct pgreq *r, struct pgpool *p, struct pgbatch **batch,
		int64_t deadline_ms);
/* It ends; no callback comes. */
void pgreq_drop(struct pgreq *r);
/* Runs in the slot that it has, or fails when that is gone. */
void pgreq_run(struct pgreq *r, struct pgbatch **batch);

#endif
