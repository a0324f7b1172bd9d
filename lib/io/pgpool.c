/*
 *   request --> waiters --> slot (a connection) --> the owner
 *
 * A slot is given back clean: after an error, a cancel or an unfinished
 * transaction a ROLLBACK goes through it first, which also waits until the
 * abandoned call has been read to its end. A transaction (pgtx.c) is a
 * request that keeps its slot from call to call.
 */
#include "io/pgpool.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "io/pgslot.h"

#define CLEAN_MS 5000
#define HOPE_MS 1000

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_retry(void *ctx);
static void on_impatient(void *ctx);
static void on_failed(void *ctx);
static void on_clean(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);

static void lose_slot(struct slot *s, const struct err *why);

void
pgslot_open(struct pgpool *p)
{
	struct slot *s = mem_new(struct slot);
	struct pgconn_conf conf = {
		.conninfo = p->conf.conninfo,
		.application = p->conf.application,
		.setup = p->conf.setup,
		.connect_ms = p->conf.connect_ms,
		.on_up = on_up,
		.on_down = on_down,
		.ctx = s,
	};

	s->pool = p;
	s->state = SLOT_OPENING;
	s->conn = pgconn_new(&conf);
	TAILQ_INSERT_TAIL(&p->slots, s, entry);
	p->nslots++;
}

static void
fail_soon(struct pgreq *r, const char *why)
{
	err_set(&r->err, ERR_CLOSED, "%s", why);
	r->end = loop_defer(on_failed, r);
}

static void
lose_req(struct pgreq *r)
{
	if (r == NULL)
		return;
	r->slot = NULL;
	if (r->call != NULL)
		fail_soon(r, "database: connection lost");
	r->call = NULL;
}

/*
 * Its requests stay behind without it: a transaction between two calls, or
 * one whose call has not been told that the connection is lost.
 */
static void
free_slot(struct slot *s)
{
	TAILQ_REMOVE(&s->pool->slots, s, entry);
	s->pool->nslots--;
	lose_req(s->req);
	lose_req(s->next);
	pgconn_free(&s->conn);
	mem_free(s);
}

struct pgpool *
pgpool_open(const struct pgpool_conf *conf)
{
	struct pgpool *p = mem_new(struct pgpool);

	assert(conf->size > 0 && conf->ready <= conf->size);
	p->conf = *conf;
	p->conf.conninfo = mem_strdup(conf->conninfo);
	p->conf.application = mem_strdup(conf->application);
	p->conf.setup = mem_strdup(conf->setup);
	TAILQ_INIT(&p->slots);
	TAILQ_INIT(&p->waiters);
	TAILQ_INIT(&p->others);
	pgslot_open(p);
	return p;
}

static void
leave_slot(struct pgreq *r)
{
	struct slot *s = r->slot;

	if (s->req == r)
		s->req = s->next;
	s->next = NULL;
}

static void
free_req(struct pgreq *r)
{
	if (r->batch != NULL)
		r->pool->nwaiters--;
	if (r->batch != NULL)
		TAILQ_REMOVE(&r->pool->waiters, r, entry);
	else
		TAILQ_REMOVE(&r->pool->others, r, entry);
	if (r->slot != NULL)
		leave_slot(r);
	pgbatch_free(&r->batch);
	timer_cancel(&r->patience);
	loop_defer_cancel(&r->end);
	mem_free(r);
}

void
pgpool_close(struct pgpool **pp)
{
	struct pgpool *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	while (!TAILQ_EMPTY(&p->slots))
		free_slot(TAILQ_FIRST(&p->slots));
	while (!TAILQ_EMPTY(&p->waiters))
		free_req(TAILQ_FIRST(&p->waiters));
	while (!TAILQ_EMPTY(&p->others))
		free_req(TAILQ_FIRST(&p->others));
	timer_cancel(&p->retry);
	timer_cancel(&p->stuck_timer);
	mem_free((char *)p->conf.conninfo);
	mem_free((char *)p->conf.application);
	mem_free((char *)p->conf.setup);
	mem_free(p);
}

bool
pgpool_up(const struct pgpool *p)
{
	return p->up;
}

const struct err *
pgpool_error(const struct pgpool *p)
{
	return &p->err;
}

void
pgpool_stats(const struct pgpool *p, struct pgpool_stats *out)
{
	*out = (struct pgpool_stats){
		.open = p->nslots - pgslot_count(p, SLOT_OPENING),
		.busy = pgslot_count(p, SLOT_BUSY),
		.waiting = p->nwaiters,
		.served = p->served,
		.failed = p->failed,
	};
}

/* The waiting request fails; told from the loop. */
static void
fail_waiter(struct pgreq *r, const struct err *why)
{
	pgreq_leave_queue(r);
	pgbatch_free(&r->batch);
	r->err = *why;
	r->end = loop_defer(on_failed, r);
}

/* One that is spare goes when the others have become free. */
static void
rest(struct slot *s)
{
	struct pgpool *p = s->pool;

	s->state = SLOT_IDLE;
	timer_cancel(&p->stuck_timer);
	if (p->nslots > p->conf.size && !pgslot_all_write(p))
		free_slot(s);
	pgslot_serve(p);
}

/* One after the other, so that they do not all come at once. */
static void
keep_ready(struct pgpool *p)
{
	if (p->up && p->retry == NULL && p->nslots < p->conf.ready &&
	    pgslot_count(p, SLOT_OPENING) == 0)
		pgslot_open(p);
}

/* A user has left the connection, the only one or one of two. */
static void
release(struct slot *s)
{
	struct pgbatch *b;

	if (!pgconn_is_up(s->conn)) {
		s->state = SLOT_CLEANING; /* on_down comes */
		return;
	}
	if (s->req != NULL) {
		pgslot_serve(s->pool);
		return;
	}
	if (pgconn_in_flight(s->conn) == 0 && !pgconn_in_transaction(s->conn)) {
		rest(s);
		return;
	}
	s->state = SLOT_CLEANING;
	b = pgbatch_new();
	pgbatch_add_sql(b, "ROLLBACK");
	pgconn_run(s->conn, &b, clock_mono_ms() + CLEAN_MS, on_clean, s);
}

static void
on_clean(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct slot *s = ctx;

	if (!pgconn_is_up(s->conn))
		return; /* on_down comes */
	if (err != NULL) {
		lose_slot(s, err);
		return;
	}
	rest(s);
}

void
pgreq_init(struct pgreq *r, struct pgpool *p, struct pgbatch **batch,
	   int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();
	struct err e = { 0 };

	r->pool = p;
	r->batch = *batch;
	*batch = NULL;
	r->deadline_ms = deadline_ms;
	r->writes = !r->last || r->batch->commits;
	r->quick = r->batch->quick && !r->writes;
	r->patience = timer_start(left > 0 ? (uint64_t)left : 0, on_impatient,
				  r);
	TAILQ_INSERT_TAIL(&p->waiters, r, entry);
	p->nwaiters++;
	if (!p->up && p->err.code != ERR_NONE) {
		fail_waiter(r, &p->err);
		return;
	}
	pgslot_serve(p);
	if (r->slot != NULL || p->nwaiters <= p->conf.max_waiters)
		return;
	err_set(&e, ERR_LIMIT, "database: %u requests wait already",
		p->conf.max_waiters);
	fail_waiter(r, &e);
}

struct pgreq *
pgpool_run(struct pgpool *p, struct pgbatch **batch, int64_t deadline_ms,
	   pgcall_fn *fn, void *ctx)
{
	struct pgreq *r = mem_new(struct pgreq);

	r->fn = fn;
	r->ctx = ctx;
	r->last = true;
	pgreq_init(r, p, batch, deadline_ms);
	return r;
}

void
pgreq_drop(struct pgreq *r)
{
	struct slot *s = r->slot;

	pgconn_cancel(&r->call);
	free_req(r);
	if (s != NULL)
		release(s);
}

void
pgpool_cancel(struct pgreq **rp)
{
	struct pgreq *r = *rp;

	*rp = NULL;
	if (r != NULL)
		pgreq_drop(r);
}

void
pgreq_run(struct pgreq *r, struct pgbatch **batch)
{
	assert(r->call == NULL && r->end == NULL && r->batch == NULL);
	if (r->slot != NULL) {
		r->call = pgconn_run(r->slot->conn, batch, r->deadline_ms,
				     pgreq_called, r);
		return;
	}
	pgbatch_free(batch);
	fail_soon(r, "database: connection lost");
}

void
pgpool_cancel_commits(struct pgpool *p)
{
	struct slot *s;

	for (s = TAILQ_FIRST(&p->slots); s != NULL; s = TAILQ_NEXT(s, entry))
		if (s->state == SLOT_BUSY)
			pgconn_cancel_commit(s->conn);
}

void
pgreq_called(void *ctx, const struct pgresult *results, size_t n,
	     const struct err *err)
{
	struct pgreq *r = ctx;
	struct slot *s = r->slot;
	struct pgpool *p = r->pool;
	pgcall_fn *fn = r->fn;
	void *owner = r->ctx;

	r->call = NULL;
	p->served += err == NULL;
	p->failed += err != NULL;
	if (err != NULL || r->last) {
		free_req(r);
		release(s);
	}
	fn(owner, results, n, err);
}

static void
on_failed(void *ctx)
{
	struct pgreq *r = ctx;
	struct err why = r->err;
	pgcall_fn *fn = r->fn;
	void *owner = r->ctx;

	r->end = NULL;
	r->pool->failed++;
	free_req(r);
	fn(owner, NULL, 0, &why);
}

static void
on_impatient(void *ctx)
{
	struct pgreq *r = ctx;
	struct err e = { 0 };

	r->patience = NULL;
	err_set(&e, ERR_TIMEOUT, "database: no connection was free in time");
	fail_waiter(r, &e);
}

static void
on_up(void *ctx)
{
	struct slot *s = ctx;
	struct pgpool *p = s->pool;
	bool was_up = p->up;

	s->state = SLOT_IDLE;
	p->failures = 0;
	p->up = true;
	err_clear(&p->err);
	pgslot_serve(p);
	keep_ready(p);
	if (!was_up && p->conf.on_change != NULL)
		p->conf.on_change(p->conf.ctx, true, NULL);
}

/* The last connection has gone, or the only attempt has failed. */
static void
become_down(struct pgpool *p, const struct err *why)
{
	bool was_up = p->up || p->err.code == ERR_NONE;

	p->up = false;
	p->err = *why;
	p->err.code = ERR_CLOSED;
	while (!TAILQ_EMPTY(&p->waiters))
		fail_waiter(TAILQ_FIRST(&p->waiters), &p->err);
	if (was_up && p->conf.on_change != NULL)
		p->conf.on_change(p->conf.ctx, false, &p->err);
}

/*
 * A lost connection says little about the server: the pool is down only
 * when another one cannot be had, or when the server hangs. Once a second:
 * a server that takes connections and drops them is down as well.
 */
static bool
has_hope(struct pgpool *p, bool was_open, const struct err *why)
{
	int64_t now = clock_mono_ms();

	if (!was_open || why->code != ERR_CLOSED)
		return false;
	if (p->nslots > 0)
		return true; /* one is being opened */
	if (p->hoped_ms != 0 && now - p->hoped_ms < HOPE_MS)
		return false;
	p->hoped_ms = now;
	timer_cancel(&p->retry);
	pgslot_open(p);
	return true;
}

static void
lose_slot(struct slot *s, const struct err *why)
{
	static const struct retry_conf retry = { 50, 1000 };
	struct pgpool *p = s->pool;
	bool was_open = s->state != SLOT_OPENING;
	struct err e = *why;
	unsigned wait;

	p->failures += !was_open;
	free_slot(s);
	wait = retry_wait_ms(&retry, p->failures, (uint32_t)random());
	if (p->retry == NULL)
		p->retry = timer_start(wait, on_retry, p);
	if (p->nslots == pgslot_count(p, SLOT_OPENING) &&
	    !has_hope(p, was_open, &e))
		become_down(p, &e);
}

static void
on_down(void *ctx, const struct err *why)
{
	lose_slot(ctx, why);
}

static void
on_retry(void *ctx)
{
	struct pgpool *p = ctx;

	p->retry = NULL;
	if (p->nslots == 0)
		pgslot_open(p);
	pgslot_serve(p);
	keep_ready(p);
}
