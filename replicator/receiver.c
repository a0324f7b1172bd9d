/*
 *  resolve --> PQconnectPoll --on_up--> ask, answer ... --on_copy--> stream
 *
 * Any error leads to fail(), which tells the owner once, from the loop.
 */
#include "replicator/receiver.h"

#include <assert.h>
#include <inttypes.h>
#include <libpq-fe.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "io/fdwatch.h"
#include "io/loop.h"
#include "io/pgaddr.h"

/* so much of what has come is told before the loop goes round */
#define TURN_BYTES (1 << 20)

enum receiver_phase {
	RECEIVER_CONNECTING,
	RECEIVER_IDLE,
	RECEIVER_ASKING,
	RECEIVER_COPYING,
	RECEIVER_DOWN
};

struct receiver {
	struct receiver_conf conf;
	enum receiver_phase phase;
	struct pgaddr *addr; /* while names are resolved */
	PGconn *pg;
	PGresult *answer; /* in ASKING: the end behind it is still to come */
	struct fdwatch *watch;
	struct loop_call *again; /* messages may be left in libpq's buffer */
	struct loop_call *down;  /* on_down is to be told */
	bool hold;
	struct err why;
};

static void on_resolved(void *ctx, const char *const *keywords,
			const char *const *values, const struct err *err);
static void on_socket(void *ctx, unsigned events);
static void on_again(void *ctx);
static void on_down(void *ctx);
static void read_stream(struct receiver *r);

static const char *const settings[] = {
	/* clang-format off */
	"replication", "database",
	"client_encoding", "UTF8",
	"keepalives", "1",
	"keepalives_idle", "5",
	"keepalives_interval", "2",
	"keepalives_count", "3",
	"tcp_user_timeout", "10000",
	/* clang-format on */
};
#define NSETTINGS (sizeof(settings) / sizeof(settings[0]))

struct receiver *
receiver_new(const struct receiver_conf *conf)
{
	struct receiver *r = mem_new(struct receiver);
	const char *pairs[NSETTINGS + 5];
	STRBUF_AUTO options = { 0 };

	r->conf = *conf;
	strbuf_addf(&options,
		    "-c datestyle=ISO -c intervalstyle=postgres "
		    "-c extra_float_digits=3 "
		    "-c logical_decoding_work_mem=%" PRId64 "kB",
		    conf->work_bytes >> 10);
	memcpy(pairs, settings, sizeof(settings));
	pairs[NSETTINGS] = "application_name";
	pairs[NSETTINGS + 1] = conf->application;
	pairs[NSETTINGS + 2] = "options";
	pairs[NSETTINGS + 3] = strbuf_text(&options);
	pairs[NSETTINGS + 4] = NULL;
	r->addr = pgaddr_start(conf->conninfo, pairs, on_resolved, r);
	return r;
}

static void
disconnect(struct receiver *r)
{
	pgaddr_cancel(&r->addr);
	loop_defer_cancel(&r->again);
	fdwatch_cancel(&r->watch);
	PQclear(r->answer);
	r->answer = NULL;
	PQfinish(r->pg);
	r->pg = NULL;
}

void
receiver_free(struct receiver **rp)
{
	struct receiver *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	disconnect(r);
	loop_defer_cancel(&r->down);
	mem_free(r);
}

/* libpq's buffers stay until the owner has been told: it may be reading. */
static void
fail(struct receiver *r, const struct err *why)
{
	if (r->phase == RECEIVER_DOWN)
		return;
	r->phase = RECEIVER_DOWN;
	r->why = *why;
	fdwatch_cancel(&r->watch);
	r->down = loop_defer(on_down, r);
}

static void
on_down(void *ctx)
{
	struct receiver *r = ctx;

	r->down = NULL;
	disconnect(r);
	r->conf.on_down(r->conf.ctx, &r->why);
}

/* libpq's own words, on one line. */
static void
fail_pg(struct receiver *r, const char *doing)
{
	struct span text = span_trim(span_of(PQerrorMessage(r->pg)));
	struct err e;

	err_set(&e, ERR_IO, "%s: %.*s", doing, SPAN_ARG(text));
	fail(r, &e);
}

static void
watch(struct receiver *r, unsigned events)
{
	/* libpq may have another socket under the same number */
	fdwatch_cancel(&r->watch);
	r->watch = fdwatch_start(PQsocket(r->pg), events, on_socket, r);
}

static void
on_resolved(void *ctx, const char *const *keywords, const char *const *values,
	    const struct err *err)
{
	struct receiver *r = ctx;

	r->addr = NULL;
	if (err != NULL) {
		fail(r, err);
		return;
	}
	r->pg = PQconnectStartParams(keywords, values, 0);
	assert(r->pg != NULL);
	if (PQstatus(r->pg) == CONNECTION_BAD)
		fail_pg(r, "connect");
	else
		watch(r, FDWATCH_WRITE);
}

static void
go_on_connecting(struct receiver *r)
{
	switch (PQconnectPoll(r->pg)) {
	case PGRES_POLLING_READING:
		watch(r, FDWATCH_READ);
		return;
	case PGRES_POLLING_WRITING:
		watch(r, FDWATCH_WRITE);
		return;
	case PGRES_POLLING_OK:
		PQsetnonblocking(r->pg, 1);
		r->phase = RECEIVER_IDLE;
		watch(r, FDWATCH_READ);
		r->conf.on_up(r->conf.ctx, PQserverVersion(r->pg));
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		break;
	}
	fail_pg(r, "connect");
}

/* Sends what it can; the socket tells when the rest may go. */
static void
flush(struct receiver *r)
{
	int rc = PQflush(r->pg);
	bool reads = r->phase != RECEIVER_COPYING || !r->hold;

	if (rc < 0)
		fail_pg(r, "send");
	else
		fdwatch_set(r->watch, (reads ? FDWATCH_READ : 0) |
					  (rc == 1 ? FDWATCH_WRITE : 0));
}

void
receiver_ask(struct receiver *r, const char *command)
{
	if (r->phase == RECEIVER_DOWN)
		return;
	assert(r->phase == RECEIVER_IDLE);
	r->phase = RECEIVER_ASKING;
	if (PQsendQuery(r->pg, command) == 0)
		fail_pg(r, "ask");
	else
		flush(r);
}

const char *
receiver_field(const struct receiver_row *row, int column)
{
	const PGresult *res = (const PGresult *)row;

	return column < PQnfields(res) ? PQgetvalue(res, 0, column) : "";
}

/* The whole answer: the end behind it has come too. */
static void
on_answer(struct receiver *r, PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	if (status != PGRES_TUPLES_OK && status != PGRES_COPY_BOTH) {
		fail_pg(r, "the peer answers");
	} else if (status == PGRES_COPY_BOTH) {
		r->phase = RECEIVER_COPYING;
		flush(r);
		r->again = loop_defer(on_again, r);
		r->conf.on_copy(r->conf.ctx);
	} else {
		r->phase = RECEIVER_IDLE;
		r->conf.on_answer(r->conf.ctx,
				  PQntuples(res) > 0
				      ? (const struct receiver_row *)res
				      : NULL);
	}
	PQclear(res);
}

static void
go_on_asking(struct receiver *r)
{
	if (PQconsumeInput(r->pg) == 0) {
		fail_pg(r, "ask");
		return;
	}
	flush(r);
	while (r->phase == RECEIVER_ASKING && PQisBusy(r->pg) == 0) {
		PGresult *res = PQgetResult(r->pg);

		if (res != NULL && PQresultStatus(res) != PGRES_COPY_BOTH) {
			PQclear(r->answer);
			r->answer = res;
			continue;
		}
		if (res == NULL) {
			res = r->answer;
			r->answer = NULL;
		}
		on_answer(r, res);
		return;
	}
}

/* Notices and the end of the connection, between questions. */
static void
go_on_idling(struct receiver *r)
{
	if (PQconsumeInput(r->pg) == 0)
		fail_pg(r, "wait");
}

static void
on_socket(void *ctx, unsigned events)
{
	struct receiver *r = ctx;

	switch (r->phase) {
	case RECEIVER_CONNECTING:
		go_on_connecting(r);
		return;
	case RECEIVER_IDLE:
		go_on_idling(r);
		return;
	case RECEIVER_ASKING:
		go_on_asking(r);
		return;
	case RECEIVER_COPYING:
		if ((events & FDWATCH_WRITE) != 0)
			flush(r);
		if (r->phase == RECEIVER_COPYING && !r->hold)
			read_stream(r);
		return;
	case RECEIVER_DOWN:
		return;
	}
}

static void
on_again(void *ctx)
{
	struct receiver *r = ctx;

	r->again = NULL;
	if (r->phase == RECEIVER_COPYING && !r->hold)
		read_stream(r);
}

/*
 * What libpq has read; to the owner. Its bytes, or -1 when that is the end:
 * *end is then as PQgetCopyData says, or 0 where the owner could make no sense
 * of it.
 */
static int64_t
tell(struct receiver *r, int *end)
{
	char *bytes = NULL;
	int64_t told = 0;
	bool ok = true;

	*end = 0;
	while (ok && !r->hold && r->phase == RECEIVER_COPYING &&
	       (*end = PQgetCopyData(r->pg, &bytes, 1)) > 0) {
		told += *end;
		ok = r->conf.on_data(r->conf.ctx,
				     span_make(bytes, (size_t)*end));
		PQfreemem(bytes);
	}
	if (!ok)
		*end = 0;
	return ok && *end >= 0 ? told : -1;
}

static void
end_stream(struct receiver *r, int end)
{
	struct err e;

	if (end == 0) {
		err_set(&e, ERR_INVALID, "the stream makes no sense");
		fail(r, &e);
		return;
	}
	/* the reason follows behind the end */
	if (end == -1 && PQisBusy(r->pg) == 0)
		PQclear(PQgetResult(r->pg));
	fail_pg(r, "the stream ended");
}

/* libpq reads 16 KiB at a time: on until there is no more. */
static void
read_stream(struct receiver *r)
{
	int64_t told, all = 0;
	int end;

	do {
		if (PQconsumeInput(r->pg) == 0) {
			fail_pg(r, "receive");
			return;
		}
		told = tell(r, &end);
		all += told;
	} while (told > 0 && all < TURN_BYTES && !r->hold &&
		 r->phase == RECEIVER_COPYING);
	if (told < 0)
		end_stream(r, end);
	else
		r->conf.on_pause(r->conf.ctx);
}

void
receiver_send(struct receiver *r, struct span bytes)
{
	if (r->phase != RECEIVER_COPYING)
		return;
	if (PQputCopyData(r->pg, bytes.at, (int)bytes.len) < 0)
		fail_pg(r, "send");
	else
		flush(r);
}

void
receiver_hold(struct receiver *r, bool hold)
{
	if (r->hold == hold)
		return;
	r->hold = hold;
	if (r->phase != RECEIVER_COPYING)
		return;
	flush(r);
	if (!hold && r->again == NULL)
		r->again = loop_defer(on_again, r);
}
