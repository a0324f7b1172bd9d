#include "replicator/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/httpd.h"
#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/decoder.h"

#define TICK_MS 500
#define HEARTBEAT_MS 1000
#define CALL_MS 5000
#define FORGET_MS 60000

/* One who asks and waits for what the database has to say. */
struct asker {
	TAILQ_ENTRY(asker) entry;
	struct report *report;
	struct httpd_req *req;
	struct pgcall *call;
	bool metrics;
};

struct report {
	struct report_conf conf;
	struct httpd *httpd;
	struct timer *tick;
	struct pgcall *writing;
	struct pgcall *telling; /* gsb.peer */
	struct pgcall *forgetting;
	int64_t forgot_ms; /* 0: never */
	bool touched;
	uint64_t written_lsn;
	int64_t written_ms;
	TAILQ_HEAD(askers, asker) askers;
};

static void on_tick(void *ctx);
static void on_written(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_told(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_forgotten(void *ctx, const struct pgresult *results, size_t n,
			 const struct err *err);
static void on_request(void *ctx, struct httpd_req *req);
static void on_health(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);

struct report *
report_new(const struct report_conf *conf, struct err *e)
{
	struct report *r = mem_new(struct report);

	r->conf = *conf;
	TAILQ_INIT(&r->askers);
	if (conf->listen != NULL && conf->listen[0] != '\0') {
		r->httpd = httpd_open(
		    &(struct httpd_conf){ .listen = conf->listen,
					  .max_conns = 64,
					  .on_request = on_request,
					  .ctx = r },
		    e);
		if (r->httpd == NULL) {
			mem_free(r);
			return NULL;
		}
	}
	r->tick = timer_start(TICK_MS, on_tick, r);
	return r;
}

void
report_free(struct report **rp)
{
	struct report *r = *rp;
	struct asker *a;

	*rp = NULL;
	if (r == NULL)
		return;
	while ((a = TAILQ_FIRST(&r->askers)) != NULL) {
		TAILQ_REMOVE(&r->askers, a, entry);
		pgconn_cancel(&a->call);
		mem_free(a);
	}
	httpd_close(&r->httpd);
	timer_cancel(&r->tick);
	pgconn_cancel(&r->writing);
	pgconn_cancel(&r->telling);
	pgconn_cancel(&r->forgetting);
	mem_free(r);
}

void
report_set_history(struct report *r, int64_t age_ms, int64_t kept)
{
	r->conf.conflicts_age_ms = age_ms;
	r->conf.conflicts_kept = kept;
}

void
report_touch(struct report *r)
{
	if (r != NULL)
		r->touched = true;
}

/* --- the row -----------------------------------------------------------------
 */

static void
write_row(struct report *r, struct pgconn *conn, const struct status *s)
{
	/* the row is only for readers that are alive: nobody waits for a disk
	 */
	static const struct pgstmt stmt = {
		.name = "status",
		.sql = "WITH c AS (SELECT set_config('synchronous_commit', "
		       "'off', true)) INSERT INTO gsb.status AS t (at, "
		       "in_state, in_lag_ms, applied, detail) SELECT now(), "
		       "$1::text, $2::int8, $3::pg_lsn, $4::jsonb FROM c "
		       "ON CONFLICT (one) DO UPDATE SET at = excluded.at, "
		       "in_state = excluded.in_state, "
		       "in_lag_ms = excluded.in_lag_ms, "
		       "applied = excluded.applied, detail = excluded.detail "
		       "RETURNING pg_current_xact_id()::text::int8",
		.nparams = 4
	};
	struct pgbatch *b = pgbatch_new();
	STRBUF_AUTO text = { 0 };
	char lsn[DECODER_LSN_SIZE];
	JSON_AUTO detail = status_json(s);

	json_write(detail, JSON_AS_MADE, &text);
	pgbatch_add(b, &stmt,
		    (struct pgparam[]){
			pgparam_text(status_in_state(s)),
			pgparam_int(s->lag_ms),
			pgparam_text(decoder_lsn(s->applied, lsn)),
			pgparam_text(strbuf_text(&text)),
		    });
	r->writing = pgconn_run(conn, &b, clock_mono_ms() + CALL_MS, on_written,
				r);
}

/* The history of conflicts is bounded by age and number. */
static void
forget(struct report *r, struct pgconn *conn)
{
	static const struct pgstmt stmt = {
		.name = "forget",
		.sql = "SELECT gsb.forget_conflicts($1::int8 * "
		       "interval '1 ms', $2::int8)",
		.nparams = 2
	};
	int64_t now = clock_mono_ms();
	struct pgbatch *b;

	if (r->forgetting != NULL ||
	    (r->forgot_ms != 0 && now - r->forgot_ms < FORGET_MS))
		return;
	r->forgot_ms = now;
	b = pgbatch_new();
	pgbatch_add(b, &stmt,
		    (struct pgparam[]){ pgparam_int(r->conf.conflicts_age_ms),
					pgparam_int(r->conf.conflicts_kept) });
	r->forgetting = pgconn_run(conn, &b, clock_mono_ms() + CALL_MS,
				   on_forgotten, r);
}

static void
on_forgotten(void *ctx, const struct pgresult *results, size_t n,
	     const struct err *err)
{
	struct report *r = ctx;

	r->forgetting = NULL;
	if (err != NULL)
		log_warn("report", "table=gsb.conflict why=\"%s\"",
			 err_text(err));
}

static void
on_tick(void *ctx)
{
	struct report *r = ctx;
	struct pgconn *conn = sync_connection(r->conf.sync);
	int64_t now = clock_mono_ms();
	struct status s;

	r->tick = timer_start(TICK_MS, on_tick, r);
	if (conn != NULL)
		forget(r, conn);
	if (conn == NULL || r->writing != NULL)
		return;
	r->conf.fill(r->conf.ctx, &s);
	if (!r->touched && s.applied == r->written_lsn &&
	    now - r->written_ms < HEARTBEAT_MS - TICK_MS / 10)
		return;
	r->touched = false;
	r->written_lsn = s.applied;
	r->written_ms = now;
	write_row(r, conn, &s);
}

static void
on_written(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct report *r = ctx;

	r->writing = NULL;
	if (err != NULL)
		log_warn("report", "table=gsb.status why=\"%s\"",
			 err_text(err));
	else
		sync_own(r->conf.sync,
			 (uint64_t)pgresult_int(&results[0], 0, 0));
}

void
report_peer(struct report *r, const struct stream_peer *peer, uint64_t applied)
{
	static const struct pgstmt stmt = {
		.name = "peer",
		.sql = "INSERT INTO gsb.peer AS p (system_id, timeline, lsn) "
		       "VALUES ($1::text, $2::int4, $3::pg_lsn) ON CONFLICT "
		       "(one) DO UPDATE SET system_id = excluded.system_id, "
		       "timeline = excluded.timeline, lsn = excluded.lsn, "
		       "at = now()",
		.nparams = 3
	};
	struct pgconn *conn = sync_connection(r->conf.sync);
	char id[24], lsn[DECODER_LSN_SIZE];
	struct pgbatch *b;

	if (conn == NULL || r->telling != NULL)
		return;
	snprintf(id, sizeof(id), "%llu", (unsigned long long)peer->system_id);
	b = pgbatch_new();
	pgbatch_add(b, &stmt,
		    (struct pgparam[]){
			pgparam_text(id),
			pgparam_int(peer->timeline),
			pgparam_text(decoder_lsn(applied, lsn)),
		    });
	r->telling = pgconn_run(conn, &b, clock_mono_ms() + CALL_MS, on_told,
				r);
}

static void
on_told(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct report *r = ctx;

	r->telling = NULL;
	if (err != NULL)
		log_warn("report", "table=gsb.peer why=\"%s\"", err_text(err));
}

/* --- HTTP --------------------------------------------------------------------
 */

/* Numbers that the database knows. */
static const struct {
	const char *path, *name;
} of_health[] = {
	{ "conflicts", "conflicts" },
	{ "parked", "parked" },
	{ "oldest_commit_wait_ms", "commit_wait_ms" },
	{ "out.retained_bytes", "retained_bytes" },
	{ "out.slot_safe_bytes", "out_slot_safe_bytes" },
	{ "out.lag_ms", "out_lag_ms" },
};

static void
put_kinds(struct strbuf *out, const json_t *health)
{
	const json_t *kinds = json_object_get(health, "kinds"), *count;
	const char *kind;

	strbuf_adds(out, "# HELP gsb_replicator_conflict_history Kept, by "
			 "kind.\n# TYPE gsb_replicator_conflict_history "
			 "gauge\n");
	json_object_foreach((json_t *)kinds, kind, count)
	    strbuf_addf(out,
			"gsb_replicator_conflict_history{kind=\"%s\"} "
			"%" PRId64 "\n",
			kind, (int64_t)json_integer_value(count));
}

static void
reply(struct report *r, struct httpd_req *req, bool metrics,
      const json_t *health)
{
	struct httpd_field fields[] = { { "Content-Type",
					  metrics ? "text/plain; version=0.0.4"
						  : "application/json" },
					{ NULL, NULL } };
	STRBUF_AUTO body = { 0 };
	struct status s;
	int64_t count;

	r->conf.fill(r->conf.ctx, &s);
	if (metrics) {
		status_metrics(&s, &body);
		put_kinds(&body, health);
		if (r->conf.more != NULL)
			r->conf.more(&body);
		for (size_t i = 0; i < sizeof(of_health) / sizeof(*of_health);
		     i++)
			if (json_get_int(health, of_health[i].path, &count,
					 NULL) == 1)
				strbuf_addf(&body,
					    "gsb_replicator_%s %" PRId64 "\n",
					    of_health[i].name, count);
	} else {
		JSON_AUTO all = status_json(&s);

		json_put(all, "health", json_deep_copy(health));
		json_write(all, JSON_AS_MADE, &body);
		strbuf_addc(&body, '\n');
	}
	httpd_reply(req, 200, fields, strbuf_span(&body));
}

static void
on_request(void *ctx, struct httpd_req *req)
{
	struct report *r = ctx;
	struct pgconn *conn = sync_connection(r->conf.sync);
	bool metrics = span_is(httpd_path(req), "/metrics");
	JSON_AUTO nothing = json_object();
	struct pgbatch *b;
	struct asker *a;

	if (!metrics && !span_is(httpd_path(req), "/status")) {
		httpd_reply(req, 404, NULL,
			    span_of("there are /status and /metrics\n"));
		return;
	}
	if (conn == NULL) {
		reply(r, req, metrics, nothing);
		return;
	}
	a = mem_new(struct asker);
	a->report = r;
	a->req = req;
	a->metrics = metrics;
	TAILQ_INSERT_TAIL(&r->askers, a, entry);
	b = pgbatch_new();
	pgbatch_add_sql(
	    b, metrics ? "SELECT gsb.health() || jsonb_build_object('kinds', "
			 "(SELECT jsonb_object_agg(kind, n) FROM (SELECT kind, "
			 "count(*) AS n FROM gsb.conflict WHERE undone IS NULL "
			 "GROUP BY kind) k))"
		       : "SELECT gsb.health()");
	a->call = pgconn_run(conn, &b, clock_mono_ms() + 1000, on_health, a);
}

static void
on_health(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct asker *a = ctx;
	struct report *r = a->report;
	struct httpd_req *req = a->req;
	bool metrics = a->metrics;
	JSON_AUTO health = NULL;

	TAILQ_REMOVE(&r->askers, a, entry);
	mem_free(a);
	if (err == NULL && pgresult_rows(&results[0]) == 1)
		health = json_read(span_of(pgresult_text(&results[0], 0, 0)),
				   NULL);
	if (health == NULL)
		health = json_object();
	reply(r, req, metrics, health);
}
