/*
 *   pgconn_run --> queued --pump--> sent --read--> the owner
 *                     |               |
 *                     +-- fail_all ---+--> ending --on_end--> the owner
 *
 * On the wire a call is [Parse … Sync] statements Sync: what it must prepare
 * has a Sync of its own, so that an error of a statement never leaves a
 * later one unprepared. An abandoned call has fn NULL and is read to its end.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/pginner.h"

/* Bytes under way; libpq moves its whole backlog in memory. */
#define BYTES_OUT_MAX (1024 * 1024)
#define ABANDONED_MS 5000
#define ASK_AGAIN_MS 250
/* Each request to cancel gives at most one. */
#define RESUMES_MAX 8

static void on_deadline(void *ctx);
static void on_end(void *ctx);
static void on_cancelled(void *ctx);
static bool send_item(PGconn *pg, const struct pgitem *item);

static void
call_free(struct pgcall *call)
{
	timer_cancel(&call->deadline);
	loop_defer_cancel(&call->end);
	for (size_t i = 0; i < call->n; i++)
		PQclear(call->results[i].pg);
	pgbatch_free(&call->batch);
	mem_free(call->preps);
	mem_free(call->results);
	mem_free(call);
}

static void
move(struct pgcall *call, struct pgcall_list *to)
{
	if (call->list == &call->conn->sent)
		call->conn->bytes_out -= call->batch->bytes;
	if (call->list != NULL)
		TAILQ_REMOVE(call->list, call, entry);
	call->list = to;
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, call, entry);
	if (to == &call->conn->sent)
		call->conn->bytes_out += call->batch->bytes;
}

/* Ends later, from the loop. */
static void
end_soon(struct pgcall *call, const struct err *err)
{
	timer_cancel(&call->deadline);
	call->err = *err;
	move(call, &call->conn->ending);
	call->end = loop_defer(on_end, call);
}

struct pgcall *
pgconn_run(struct pgconn *c, struct pgbatch **batch, int64_t deadline_ms,
	   pgcall_fn *fn, void *ctx)
{
	struct pgcall *call = mem_new(struct pgcall);
	int64_t left = deadline_ms - clock_mono_ms();
	struct err e = { 0 };

	call->conn = c;
	call->batch = *batch;
	*batch = NULL;
	call->fn = fn;
	call->ctx = ctx;
	call->results = mem_array(struct pgresult, call->batch->count);
	if (c->state == PGCONN_DOWN) {
		err_set(&e, ERR_CLOSED, "%s",
			c->why.code != ERR_NONE ? err_text(&c->why)
						: "database: not connected");
		end_soon(call, &e);
		return call;
	}
	call->deadline = timer_start(left > 0 ? (uint64_t)left : 0, on_deadline,
				     call);
	move(call, &c->queued);
	if (c->state == PGCONN_UP)
		pgcall_pump(c);
	return call;
}

static unsigned
count(const struct pgcall_list *list)
{
	const struct pgcall *call;
	unsigned n = 0;

	for (call = TAILQ_FIRST(list); call != NULL;
	     call = TAILQ_NEXT(call, entry))
		n++;
	return n;
}

unsigned
pgconn_in_flight(const struct pgconn *c)
{
	return count(&c->queued) + count(&c->sent) + count(&c->ending);
}

static void
ask_to_cancel(struct pgconn *c)
{
	if (c->cancel == NULL)
		c->cancel = pgcancel_start(c->pg, on_cancelled, c);
}

static void
on_cancelled(void *ctx)
{
	struct pgconn *c = ctx;

	c->cancel = NULL;
	pgcall_pump(c);
}

/*
 * A request to cancel that reaches the server before the statement does
 * nothing, so it is made again until the call ends.
 */
static void
ask_again(struct pgcall *call)
{
	struct pgconn *c = call->conn;

	call->deadline = timer_start(ASK_AGAIN_MS, on_deadline, call);
	if (TAILQ_FIRST(&c->sent) == call && TAILQ_NEXT(call, entry) == NULL)
		ask_to_cancel(c);
}

/* The owner hears nothing more; what runs is cancelled if it runs alone. */
static void
abandon(struct pgcall *call)
{
	call->fn = NULL;
	call->patience_ends = clock_mono_ms() + ABANDONED_MS;
	timer_cancel(&call->deadline);
	ask_again(call);
}

void
pgconn_cancel(struct pgcall **cp)
{
	struct pgcall *call = *cp;

	*cp = NULL;
	if (call == NULL)
		return;
	assert(call->fn != NULL);
	if (call->list == &call->conn->sent) {
		abandon(call);
		return;
	}
	move(call, NULL);
	call_free(call);
}

void
pgconn_cancel_commit(struct pgconn *c)
{
	struct pgcall *call = TAILQ_FIRST(&c->sent);

	if (call != NULL && call->batch->commits)
		ask_to_cancel(c);
}

/* An error behind the COMMIT does not undo it. */
static bool
has_committed(const struct pgcall *call)
{
	return call->batch->commits && call->n > call->batch->commit_at;
}

static void
on_deadline(void *ctx)
{
	struct pgcall *call = ctx;
	bool sent = call->list == &call->conn->sent;
	pgcall_fn *fn = call->fn;
	struct err e = { 0 };

	call->deadline = NULL;
	if (fn == NULL && clock_mono_ms() < call->patience_ends) {
		ask_again(call);
		return;
	}
	if (fn == NULL) {
		err_set(&e, ERR_TIMEOUT,
			"database: a cancelled call did not end in %d ms",
			ABANDONED_MS);
		pgconn_lose(call->conn, &e);
		return;
	}
	if (sent && call->batch->commits &&
	    (!call->failed || has_committed(call)))
		err_set(&e, ERR_UNCERTAIN,
			"database: no answer to COMMIT in time");
	else
		err_set(&e, ERR_TIMEOUT, "database: no answer in time%s",
			sent ? "" : ", not sent");
	if (!sent) {
		move(call, NULL);
		pgcall_end(call, &e);
		return;
	}
	abandon(call);
	fn(call->ctx, NULL, 0, &e);
}

static void
on_end(void *ctx)
{
	struct pgcall *call = ctx;

	call->end = NULL;
	move(call, NULL);
	pgcall_end(call, &call->err);
}

void
pgcall_end(struct pgcall *call, const struct err *err)
{
	for (size_t i = 0; i < call->n; i++)
		call->results[i].at_risk = call->at_risk;
	timer_cancel(&call->deadline);
	if (call->fn != NULL)
		call->fn(call->ctx, call->results, call->n, err);
	call_free(call);
}

/*
 * PostgreSQL 15 sends a request to cancel as two signals. The second can hit
 * what stands behind the COMMIT whose wait the first has ended: that is sent
 * once more.
 */
static bool
resume(struct pgcall *call)
{
	struct pgconn *c = call->conn;
	const struct pgitem *item = STAILQ_FIRST(&call->batch->items);

	if (!call->failed || !has_committed(call) || !call->at_risk ||
	    call->resumed >= RESUMES_MAX ||
	    strcmp(call->err.sqlstate, "57014") != 0 ||
	    TAILQ_NEXT(call, entry) != NULL)
		return false;
	call->resumed++;
	call->failed = false;
	err_clear(&call->err);
	for (size_t i = 0; i < call->n; i++)
		item = STAILQ_NEXT(item, entry);
	for (; item != NULL; item = STAILQ_NEXT(item, entry))
		if (!send_item(c->pg, item))
			c->broken = true;
	if (!PQpipelineSync(c->pg))
		c->broken = true;
	pgcall_pump(c);
	return true;
}

void
pgcall_end_read(struct pgcall *call)
{
	if (resume(call))
		return;
	move(call, NULL);
	pgcall_pump(call->conn);
	if (call->failed && has_committed(call))
		call->err.code = ERR_UNCERTAIN;
	pgcall_end(call, call->failed ? &call->err : NULL);
}

static struct err
loss_of(const struct pgcall *call, const struct err *why)
{
	struct err e = *why;

	if (call->failed && !has_committed(call))
		return call->err;
	e.code = ERR_CLOSED;
	if (call->list != &call->conn->sent || !call->batch->commits)
		return e;
	/* The server said good-bye before it came to the COMMIT. */
	if (call->err.code != ERR_NONE && call->n < call->batch->commit_at &&
	    call->batch->commit_at != SIZE_MAX)
		return e;
	e.code = ERR_UNCERTAIN;
	return e;
}

static void
fail_list(struct pgcall_list *list, const struct err *why)
{
	struct pgcall *call;
	struct err e;

	while ((call = TAILQ_FIRST(list)) != NULL) {
		e = loss_of(call, why);
		end_soon(call, &e);
	}
}

void
pgcall_fail_all(struct pgconn *c, const struct err *why)
{
	fail_list(&c->sent, why);
	fail_list(&c->queued, why);
}

static void
drop_list(struct pgcall_list *list)
{
	struct pgcall *call;

	while ((call = TAILQ_FIRST(list)) != NULL) {
		move(call, NULL);
		call_free(call);
	}
}

void
pgcall_drop_all(struct pgconn *c)
{
	drop_list(&c->sent);
	drop_list(&c->queued);
	drop_list(&c->ending);
}

static struct pgprep *
prep_get(struct pgconn *c, const struct pgstmt *stmt)
{
	struct pgprep *p;

	HASH_FIND_STR(c->preps, stmt->name, p);
	if (p != NULL)
		return p;
	p = mem_new(struct pgprep);
	p->name = stmt->name;
	HASH_ADD_KEYPTR(hh, c->preps, p->name, strlen(p->name), p);
	return p;
}

/* What is not prepared on this connection yet. False: it is broken. */
static bool
send_preps(struct pgcall *call)
{
	struct pgconn *c = call->conn;
	const struct pgitem *item;
	struct pgprep *p;

	call->preps = mem_array(struct pgprep *, call->batch->count);
	for (item = STAILQ_FIRST(&call->batch->items); item != NULL;
	     item = STAILQ_NEXT(item, entry)) {
		if (item->stmt == NULL)
			continue;
		p = prep_get(c, item->stmt);
		if (p->state != PGPREP_NEW)
			continue;
		if (!PQsendPrepare(c->pg, p->name, item->stmt->sql,
				   (int)item->stmt->nparams, item->stmt->types))
			return false;
		p->state = PGPREP_SENT;
		call->preps[call->npreps++] = p;
	}
	call->prepared = call->npreps == 0;
	return call->prepared || PQpipelineSync(c->pg);
}

static bool
send_item(PGconn *pg, const struct pgitem *item)
{
	const struct pgstmt *s = item->stmt;

	if (s == NULL)
		return PQsendQueryParams(pg, item->sql, (int)item->nparams,
					 NULL, item->values, item->lengths,
					 item->formats, 0);
	return PQsendQueryPrepared(pg, s->name, (int)item->nparams,
				   item->values, item->lengths, item->formats,
				   s->binary);
}

/* Outside the pipeline: pgread.c sends what follows, and goes back to it. */
static bool
send_copy(struct pgcall *call)
{
	PGconn *pg = call->conn->pg;

	call->prepared = true;
	return PQexitPipelineMode(pg) &&
	       PQsendQuery(pg, STAILQ_FIRST(&call->batch->items)->sql);
}

static bool
send_call(struct pgcall *call)
{
	PGconn *pg = call->conn->pg;
	const struct pgitem *item;

	if (call->batch->copies)
		return send_copy(call);
	if (!send_preps(call))
		return false;
	for (item = STAILQ_FIRST(&call->batch->items); item != NULL;
	     item = STAILQ_NEXT(item, entry))
		if (!send_item(pg, item))
			return false;
	return PQpipelineSync(pg);
}

/* True when the next call may go out now. */
static bool
has_room(const struct pgconn *c)
{
	const struct pgcall *next = TAILQ_FIRST(&c->queued);
	const struct pgcall *last = TAILQ_LAST(&c->sent, pgcall_list);

	if (next == NULL || c->cancel != NULL || c->stale)
		return false;
	if (last == NULL)
		return true;
	if (last->fn == NULL)
		return false; /* a request to cancel could meet the next */
	if (last->batch->copies || next->batch->copies)
		return false;
	return c->bytes_out + next->batch->bytes <= BYTES_OUT_MAX;
}

void
pgcall_pump(struct pgconn *c)
{
	int rc = 0;

	if (c->watch == NULL)
		return; /* broken; go_on tells it */
	while (rc == 0 && has_room(c)) {
		struct pgcall *call = TAILQ_FIRST(&c->queued);

		move(call, &c->sent);
		rc = send_call(call) ? 0 : -1;
	}
	if (rc == 0)
		rc = PQflush(c->pg);
	if (rc < 0)
		c->broken = true;
	/* Sending may read, and libpq then closes its socket: not watched any
	 * more at once, for the loop may look at it before it goes on here. */
	if (PQstatus(c->pg) == CONNECTION_BAD)
		fdwatch_cancel(&c->watch);
	if (c->broken || c->watch == NULL)
		pgconn_go_on_soon(c); /* reads what still came, then tells */
	else
		fdwatch_set(c->watch, rc > 0 ? FDWATCH_READ | FDWATCH_WRITE
					     : FDWATCH_READ);
}
