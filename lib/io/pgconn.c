/*
 *   DOWN -> RESOLVING -> CONNECTING -> SETUP -> UP
 *     ^          |            |          |      |
 *     +----------+------------+----------+------+   pgconn_lose
 *
 * Reading stops at each thing that is told to the owner and goes on in a
 * deferred call, so that the owner may free the connection in any callback.
 * The calls themselves are in pgcall.c.
 */
#include "io/pgconn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "io/pginner.h"

static const char *const state_names[] = { "down", "resolving", "connecting",
					   "setup", "up" };
static_assert(sizeof(state_names) / sizeof(state_names[0]) == PGCONN_UP + 1,
	      "one name for each state");

static void on_addr(void *ctx, const char *const *keywords,
		    const char *const *values, const struct err *err);
static void on_patience(void *ctx);
static void on_ready(void *ctx, unsigned events);
static void on_notice(void *ctx, const PGresult *res);
static void on_again(void *ctx);
static void on_down_told(void *ctx);
static void on_retry(void *ctx);

static void
set_state(struct pgconn *c, enum pgconn_state to, const char *why)
{
	log_debug("pgconn", "app=%s from=%s to=%s why=\"%s\"",
		  c->conf.application != NULL ? c->conf.application : "-",
		  state_names[c->state], state_names[to], why);
	c->state = to;
}

struct pgconn *
pgconn_new(const struct pgconn_conf *conf)
{
	struct pgconn *c = mem_new(struct pgconn);

	c->conf = *conf;
	c->conf.conninfo = mem_strdup(conf->conninfo);
	c->conf.application = mem_strdup(conf->application);
	c->conf.setup = mem_strdup(conf->setup);
	if (c->conf.connect_ms == 0)
		c->conf.connect_ms = 10000;
	TAILQ_INIT(&c->queued);
	TAILQ_INIT(&c->sent);
	TAILQ_INIT(&c->ending);
	pgconn_connect(c);
	return c;
}

/* Lets go of the server and of everything that was about it. */
static void
disconnect(struct pgconn *c)
{
	struct pgprep *p, *next;

	pgaddr_cancel(&c->addr);
	fdwatch_cancel(&c->watch);
	timer_cancel(&c->patience);
	timer_cancel(&c->retry);
	loop_defer_cancel(&c->again);
	pgcancel_forget(&c->cancel);
	PQfinish(c->pg);
	c->pg = NULL;
	c->broken = false;
	c->stale = false;
	for (p = c->preps; p != NULL; p = next) {
		next = p->hh.next;
		HASH_DEL(c->preps, p);
		mem_free(p);
	}
}

void
pgconn_free(struct pgconn **cp)
{
	struct pgconn *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	pgcall_drop_all(c);
	disconnect(c);
	loop_defer_cancel(&c->down);
	mem_free((char *)c->conf.conninfo);
	mem_free((char *)c->conf.application);
	mem_free((char *)c->conf.setup);
	mem_free(c);
}

void
pgconn_connect(struct pgconn *c)
{
	const char *extra[] = { "client_encoding", "UTF8", NULL, NULL, NULL };

	assert(c->state == PGCONN_DOWN && c->addr == NULL);
	if (c->conf.application != NULL) {
		extra[2] = "application_name";
		extra[3] = c->conf.application;
	}
	timer_cancel(&c->retry);
	c->patience = timer_start(c->conf.connect_ms, on_patience, c);
	c->addr = pgaddr_start(c->conf.conninfo, extra, on_addr, c);
	set_state(c, PGCONN_RESOLVING, "asked");
}

bool
pgconn_is_up(const struct pgconn *c)
{
	return c->state == PGCONN_UP;
}

bool
pgconn_in_transaction(const struct pgconn *c)
{
	return c->pg != NULL && PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

void
pgconn_error(const struct pgconn *c, struct err *e)
{
	const char *text = PQerrorMessage(c->pg);
	int len = (int)strcspn(text, "\n");

	if (c->fatal.code != ERR_NONE)
		*e = c->fatal;
	else if (len == 0)
		err_set(e, ERR_CLOSED, "database: connection lost");
	else
		err_set(e, ERR_CLOSED, "database: %.*s", len, text);
}

/* libpq may have put another socket under the same number: watch anew. */
static void
watch(struct pgconn *c, unsigned events)
{
	fdwatch_cancel(&c->watch);
	c->watch = fdwatch_start(PQsocket(c->pg), events, on_ready, c);
}

static void
lose_by_libpq(struct pgconn *c)
{
	struct err e = { 0 };

	pgconn_error(c, &e);
	pgconn_lose(c, &e);
}

static void
on_addr(void *ctx, const char *const *keywords, const char *const *values,
	const struct err *err)
{
	struct pgconn *c = ctx;

	c->addr = NULL;
	if (err != NULL) {
		pgconn_lose(c, err);
		return;
	}
	c->pg = PQconnectStartParams(keywords, values, 0);
	assert(c->pg != NULL);
	if (PQstatus(c->pg) == CONNECTION_BAD) {
		lose_by_libpq(c);
		return;
	}
	PQsetNoticeReceiver(c->pg, on_notice, c);
	set_state(c, PGCONN_CONNECTING, "resolved");
	watch(c, FDWATCH_WRITE);
}

static void
on_patience(void *ctx)
{
	struct pgconn *c = ctx;
	struct err e = { 0 };

	c->patience = NULL;
	err_set(&e, ERR_TIMEOUT, "database: not connected within %u ms (%s)",
		c->conf.connect_ms, state_names[c->state]);
	pgconn_lose(c, &e);
}

static void
become_up(struct pgconn *c)
{
	if (PQenterPipelineMode(c->pg) != 1) {
		lose_by_libpq(c);
		return;
	}
	timer_cancel(&c->patience);
	c->failures = 0;
	watch(c, FDWATCH_READ);
	set_state(c, PGCONN_UP, "connected");
	pgcall_pump(c);
	if (c->state == PGCONN_UP)
		c->conf.on_up(c->conf.ctx);
}

static void
begin_setup(struct pgconn *c)
{
	if (PQsetnonblocking(c->pg, 1) != 0) {
		lose_by_libpq(c);
		return;
	}
	if (c->conf.setup == NULL) {
		become_up(c);
		return;
	}
	set_state(c, PGCONN_SETUP, "authenticated");
	if (PQsendQuery(c->pg, c->conf.setup) != 1)
		lose_by_libpq(c);
	else
		watch(c, FDWATCH_READ | FDWATCH_WRITE);
}

static void
go_on_connecting(struct pgconn *c)
{
	PostgresPollingStatusType todo;

	fdwatch_cancel(&c->watch); /* libpq may close the descriptor */
	todo = PQconnectPoll(c->pg);
	if (todo == PGRES_POLLING_OK)
		begin_setup(c);
	else if (todo == PGRES_POLLING_FAILED)
		lose_by_libpq(c);
	else
		watch(c, todo == PGRES_POLLING_READING ? FDWATCH_READ
						       : FDWATCH_WRITE);
}

static void
go_on_setup(struct pgconn *c)
{
	PGresult *res;
	bool bad;

	if (PQconsumeInput(c->pg) != 1 || PQflush(c->pg) < 0) {
		lose_by_libpq(c);
		return;
	}
	fdwatch_set(c->watch, FDWATCH_READ);
	while (!PQisBusy(c->pg)) {
		res = PQgetResult(c->pg);
		if (res == NULL) {
			become_up(c);
			return;
		}
		bad = PQresultStatus(res) == PGRES_FATAL_ERROR;
		PQclear(res);
		if (bad) {
			lose_by_libpq(c);
			return;
		}
	}
}

/* One notification to the owner; false when there was none. */
static bool
tell_notification(struct pgconn *c)
{
	PGnotify *n = PQnotifies(c->pg);

	if (n == NULL)
		return false;
	pgconn_go_on_soon(c);
	if (c->conf.on_notify != NULL)
		c->conf.on_notify(c->conf.ctx, n->relname, n->extra);
	PQfreemem(n);
	return true;
}

/* Connecting again is the one way to prepare everything anew. */
static void
lose_stale(struct pgconn *c)
{
	struct err e = { 0 };

	err_set(&e, ERR_CLOSED, "database: prepared statements are stale");
	pgconn_lose(c, &e);
}

/*
 * What has come goes to its owners, one at a time; only then is a loss of
 * the connection told, so that an answer that still arrived counts.
 */
static void
go_on(struct pgconn *c)
{
	struct pgcall *call;

	if (PQstatus(c->pg) == CONNECTION_BAD)
		fdwatch_cancel(&c->watch); /* libpq has closed its socket */
	call = pgcall_read(c);
	if (call != NULL) {
		pgconn_go_on_soon(c);
		pgcall_end_read(call);
		return;
	}
	if (c->state != PGCONN_UP || tell_notification(c))
		return;
	if (c->broken || PQstatus(c->pg) == CONNECTION_BAD)
		lose_by_libpq(c);
	else if (c->stale && TAILQ_EMPTY(&c->sent))
		lose_stale(c);
	else
		pgcall_pump(c);
}

void
pgconn_go_on_soon(struct pgconn *c)
{
	if (c->again == NULL)
		c->again = loop_defer(on_again, c);
}

static void
on_again(void *ctx)
{
	struct pgconn *c = ctx;

	c->again = NULL;
	go_on(c);
}

static void
on_ready(void *ctx, unsigned events)
{
	struct pgconn *c = ctx;

	switch (c->state) {
	case PGCONN_CONNECTING:
		go_on_connecting(c);
		return;
	case PGCONN_SETUP:
		go_on_setup(c);
		return;
	case PGCONN_UP:
		PQconsumeInput(c->pg); /* its failure shows in PQstatus */
		if (c->again == NULL)
			go_on(c);
		return;
	case PGCONN_DOWN:
	case PGCONN_RESOLVING:
		break;
	}
	assert(!"a descriptor is watched without a connection");
}

static void
on_notice(void *ctx, const PGresult *res)
{
	struct pgconn *c = ctx;
	struct pgcall *call = TAILQ_FIRST(&c->sent);
	const char *severity = PQresultErrorField(
	    res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (text == NULL)
		return;
	if (severity != NULL && strcmp(severity, "FATAL") == 0)
		err_set(&c->fatal, ERR_CLOSED, "database: %s", text);
	/* The wait for the synchronous standby was cancelled. */
	if (function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0 &&
	    call != NULL)
		call->at_risk = true;
	log_debug("pgconn", "notice=\"%s\"", text);
}

void
pgconn_lose(struct pgconn *c, const struct err *why)
{
	c->why = *why;
	disconnect(c);
	err_clear(&c->fatal);
	c->failures++;
	set_state(c, PGCONN_DOWN, err_text(&c->why));
	pgcall_fail_all(c, &c->why);
	c->down = loop_defer(on_down_told, c);
}

static void
on_down_told(void *ctx)
{
	struct pgconn *c = ctx;
	struct retry_conf retry = { c->conf.retry_first_ms,
				    c->conf.retry_max_ms };
	struct err why = c->why;

	c->down = NULL;
	if (retry.first_ms > 0)
		c->retry = timer_start(
		    retry_wait_ms(&retry, c->failures, (uint32_t)random()),
		    on_retry, c);
	c->conf.on_down(c->conf.ctx, &why);
}

static void
on_retry(void *ctx)
{
	struct pgconn *c = ctx;

	c->retry = NULL;
	pgconn_connect(c);
}
