#include "site/dbhealth.h"

#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/pgconn.h"
#include "io/timer.h"

#define MODULE "dbhealth"
#define CALL_MS 2000 /* then the connection is given up */
/* Until then each one that asks waits anew: two bad answers at 100 ms from
 * each other, which make a fail-over, must not be one short pause. */
#define HANGS_MS (2 * DBHEALTH_MS)

struct dbhealth_ask {
	struct dbhealth *health;
	struct timer *timer;
	dbhealth_fn *fn;
	void *ctx;
	TAILQ_ENTRY(dbhealth_ask) link;
};

struct dbhealth {
	struct pgconn *conn;
	struct pgcall *call; /* the question under way */
	struct pgcall *dead; /* peer_dead under way */
	int64_t since_ms;    /* when it was asked */
	bool up;             /* the last word, for the log */
	TAILQ_HEAD(, dbhealth_ask) asks;
};

static const struct pgstmt own = {
	.name = "dbhealth_own",
	.sql = "SELECT (SELECT coalesce(md5(string_agg(name, ',' ORDER BY "
	       "name)), '') FROM company WHERE NOT disabled), "
	       "(SELECT coalesce(max(number), 0) FROM schema_step)",
};

static const struct pgstmt replication = {
	.name = "dbhealth_replication",
	.sql = "SELECT gsb.health()",
};

static const struct pgstmt peer_dead = {
	.name = "dbhealth_peer_dead",
	.sql = "SELECT gsb.peer_dead()",
};

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void question(struct dbhealth *d);
static void on_answer(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void tell(struct dbhealth *d, const struct dbhealth_report *report);
static void on_no_answer(void *ctx);
static void on_told(void *ctx, const struct pgresult *r, size_t n,
		    const struct err *err);

struct dbhealth *
dbhealth_new(const char *conninfo, const char *application)
{
	struct dbhealth *d = mem_new(struct dbhealth);
	struct pgconn_conf conf = {
		.conninfo = conninfo,
		.application = application,
		/* a NOTIFY is a commit, and would wait for the dead peer;
		 * compiling the statistics views takes longer than 400 ms */
		.setup = "SELECT set_config('synchronous_commit', 'local', "
			 "false), set_config('jit', 'off', false)",
		.connect_ms = 1000,
		.retry_first_ms = 50,
		.retry_max_ms = 500,
		.on_up = on_up,
		.on_down = on_down,
		.ctx = d,
	};

	TAILQ_INIT(&d->asks);
	d->conn = pgconn_new(&conf);
	return d;
}

void
dbhealth_free(struct dbhealth **dp)
{
	struct dbhealth *d = *dp;
	struct dbhealth_ask *a;

	*dp = NULL;
	if (d == NULL)
		return;
	while ((a = TAILQ_FIRST(&d->asks)) != NULL)
		dbhealth_cancel(&a);
	pgconn_free(&d->conn);
	mem_free(d);
}

static void
note(struct dbhealth *d, bool up, const char *why)
{
	if (d->up != up)
		log_state(MODULE, "database=%s why=\"%s\"", up ? "up" : "down",
			  why);
	d->up = up;
}

static void
on_up(void *ctx)
{
	note(ctx, true, "connected");
}

static void
on_down(void *ctx, const struct err *why)
{
	note(ctx, false, err_text(why));
}

struct dbhealth_ask *
dbhealth_ask(struct dbhealth *d, dbhealth_fn *fn, void *ctx)
{
	struct dbhealth_ask *a = mem_new(struct dbhealth_ask);
	bool hangs = d->call != NULL &&
		     clock_mono_ms() - d->since_ms >= HANGS_MS;
	bool away = hangs || !pgconn_is_up(d->conn);

	a->health = d;
	a->fn = fn;
	a->ctx = ctx;
	a->timer = timer_start(away ? 0 : DBHEALTH_MS, on_no_answer, a);
	TAILQ_INSERT_TAIL(&d->asks, a, link);
	if (!away && d->call == NULL)
		question(d);
	return a;
}

void
dbhealth_cancel(struct dbhealth_ask **ap)
{
	struct dbhealth_ask *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	TAILQ_REMOVE(&a->health->asks, a, link);
	timer_cancel(&a->timer);
	mem_free(a);
}

static void
question(struct dbhealth *d)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add(b, &own, NULL);
	pgbatch_add(b, &replication, NULL);
	d->since_ms = clock_mono_ms();
	d->call = pgconn_run(d->conn, &b, d->since_ms + CALL_MS, on_answer, d);
}

/* A database without the replicator's functions is up all the same. */
static void
on_answer(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct dbhealth *d = ctx;
	struct dbhealth_report report = { .companies = "" };

	d->call = NULL;
	report.up = err == NULL || (err->code == ERR_REFUSED && n > 0);
	if (n > 0) {
		report.companies = pgresult_text(&r[0], 0, 0);
		report.schema = pgresult_int(&r[0], 0, 1);
	}
	if (err == NULL && !pgresult_is_null(&r[1], 0, 0))
		report.replication = pgresult_text(&r[1], 0, 0);
	note(d, report.up, err != NULL ? err_text(err) : "answered");
	tell(d, &report);
}

/* fn may ask again, or cancel others; it does not free d. */
static void
tell(struct dbhealth *d, const struct dbhealth_report *report)
{
	struct dbhealth_ask *a;
	struct dbhealth_ask told;

	while ((a = TAILQ_FIRST(&d->asks)) != NULL) {
		told = *a;
		dbhealth_cancel(&a);
		told.fn(told.ctx, report);
	}
}

static void
on_no_answer(void *ctx)
{
	struct dbhealth_ask *a = ctx;
	struct dbhealth_ask told = *a;
	struct dbhealth_report report = { .companies = "" };

	a->timer = NULL;
	note(a->health, false,
	     pgconn_is_up(a->health->conn) ? "no answer" : "not connected");
	dbhealth_cancel(&a);
	told.fn(told.ctx, &report);
}

void
dbhealth_peer_dead(struct dbhealth *d)
{
	struct pgbatch *b;

	if (d->dead != NULL)
		return;
	b = pgbatch_new();
	pgbatch_add(b, &peer_dead, NULL);
	d->dead = pgconn_run(d->conn, &b, clock_mono_ms() + CALL_MS, on_told,
			     d);
}

static void
on_told(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct dbhealth *d = ctx;

	d->dead = NULL;
	if (err != NULL)
		log_warn(MODULE,
			 "the replicator was not told that its peer "
			 "is dead: why=\"%s\"",
			 err_text(err));
}
