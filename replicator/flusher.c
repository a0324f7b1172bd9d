#include "replicator/flusher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/envelope.h"

/* From one flush to the next: each costs the processor what a small group
 * does, and keeps the disk from whoever waits for it. */
#define EVERY_MS 100
#define AWAITED_MS 10
#define REFUSED_MS 1000
#define CALL_MS 60000

struct flusher {
	struct flusher_conf conf;
	char *origin;
	struct pgconn *conn;
	struct pgcall *call;
	struct timer *timer; /* until it may begin */
	int64_t last_ms;     /* it began; 0: none did */
	bool wanted;
	bool awaited; /* a commit waits for it */
	bool refused; /* the last one */
};

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_timer(void *ctx);
static void on_flushed(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);

struct flusher *
flusher_new(const struct flusher_conf *conf)
{
	struct flusher *f = mem_new(struct flusher);

	f->conf = *conf;
	f->origin = mem_strdup(conf->origin);
	f->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = conf->conninfo,
	    .application = conf->application,
	    .setup = "SET search_path = pg_catalog",
	    .retry_first_ms = 50,
	    .retry_max_ms = 1000,
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = f,
	});
	return f;
}

void
flusher_free(struct flusher **fp)
{
	struct flusher *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	timer_cancel(&f->timer);
	pgconn_free(&f->conn);
	mem_free(f->origin);
	mem_free(f);
}

bool
flusher_is_up(const struct flusher *f)
{
	return f != NULL && pgconn_is_up(f->conn) && !f->refused;
}

static void
flush(struct flusher *f)
{
	static const struct pgstmt stmt = {
		.name = "flush",
		.sql = "SELECT coalesce(pg_replication_origin_progress($1, "
		       "true), '0/0')::text",
		.nparams = 1,
	};
	struct pgparam origin = pgparam_text(f->origin);
	struct pgbatch *b = pgbatch_new();
	int64_t now = clock_mono_ms();

	f->wanted = f->awaited = false;
	f->last_ms = now;
	pgbatch_add(b, &stmt, &origin);
	f->call = pgconn_run(f->conn, &b, now + CALL_MS, on_flushed, f);
}

static int64_t
pause_ms(const struct flusher *f)
{
	if (f->refused)
		return REFUSED_MS;
	return f->awaited ? AWAITED_MS : EVERY_MS;
}

static void
go_on(struct flusher *f)
{
	int64_t wait_ms = f->last_ms + pause_ms(f) - clock_mono_ms();

	if (!f->wanted || f->call != NULL || f->timer != NULL ||
	    !pgconn_is_up(f->conn))
		return;
	if (wait_ms > 0)
		f->timer = timer_start((uint64_t)wait_ms, on_timer, f);
	else
		flush(f);
}

void
flusher_ask(struct flusher *f, bool awaited)
{
	f->wanted = true;
	if (awaited && !f->awaited) {
		f->awaited = true;
		timer_cancel(&f->timer);
	}
	go_on(f);
}

static void
on_timer(void *ctx)
{
	struct flusher *f = ctx;

	f->timer = NULL;
	go_on(f);
}

static void
on_up(void *ctx)
{
	go_on(ctx);
}

/* Its call has ended, as one that is to be made again. */
static void
on_down(void *ctx, const struct err *why)
{
}

static void
on_refused(struct flusher *f, const struct err *err)
{
	char quoted[512];

	if (!f->refused)
		log_error("flusher",
			  "why=%s effect=\"each group waits for the disk\" "
			  "order=\"run gsb-replicator install\"",
			  log_quote(quoted, sizeof(quoted), err_text(err)));
	f->refused = true;
}

static void
on_flushed(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct flusher *f = ctx;

	f->call = NULL;
	if (err != NULL) {
		if (err->code == ERR_REFUSED)
			on_refused(f, err);
		flusher_ask(f, false);
		return;
	}
	if (f->refused)
		log_info("flusher", "effect=\"groups need not wait for the "
				    "disk any more\"");
	f->refused = false;
	go_on(f);
	f->conf.on_flushed(f->conf.ctx, envelope_lsn(&results[0], 0));
}
