/*
 * One connection, one thing at a time:
 *
 *   on_up --> read what stands --> poll --> judge --> its statements, in
 *                                   ^                 order, one by one
 *                                   '----- timer ----------'
 */
#include "replicator/sync.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/decoder.h"
#include "replicator/risk.h"
#include "replicator/sync_query.h"

#define POLL_MS 500
#define POLL_SOON_MS 100
#define CALL_MS 5000
#define MAX_STEPS 4
/* transactions whose fate is looked up at once, twice a second */
#define LOOK_XIDS 50000

struct sync {
	struct sync_conf conf;
	struct pgconn *conn;
	struct timer *timer; /* until the next poll */
	struct pgcall *call; /* of the poll or a statement */
	bool known;          /* what stands has been read */
	bool changed;        /* its mode, not yet in the database */
	bool told_dead;      /* heard while a call was under way */
	struct rpo rpo;
	struct risk risk;
	enum rpo_step doing; /* its statements are under way */
	char *todo[MAX_STEPS];
	unsigned ntodo, at;
	struct sync_stats stats;
};

static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_notify(void *ctx, const char *channel, const char *payload);
static void on_read(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_poll(void *ctx);
static void on_facts(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_done(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void next_step(struct sync *s);
static void judge(struct sync *s, const struct rpo_facts *f);

/* behind an UPDATE of one row: which transaction it was */
#define OWN "RETURNING pg_current_xact_id()::text::int8"

static const char *const modes[] = { "off", "on", "remote_apply" };

struct sync *
sync_new(const struct sync_conf *conf)
{
	struct sync *s = mem_new(struct sync);

	s->conf = *conf;
	s->conf.conninfo = mem_strdup(conf->conninfo);
	s->conf.application = mem_strdup(conf->application);
	s->conf.standby = mem_strdup(conf->standby);
	s->stats.since_ms = clock_mono_ms();
	s->stats.at_risk = -1;
	s->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = s->conf.conninfo,
	    .application = s->conf.application,
	    .setup = "SET search_path = pg_catalog; "
		     "SET synchronous_commit = local; SET jit = off; "
		     "LISTEN gsb_peer",
	    .retry_first_ms = 100,
	    .retry_max_ms = 1000,
	    .on_up = on_up,
	    .on_down = on_down,
	    .on_notify = on_notify,
	    .ctx = s,
	});
	return s;
}

static void
drop_steps(struct sync *s)
{
	for (unsigned i = 0; i < s->ntodo; i++)
		mem_free(s->todo[i]);
	s->ntodo = s->at = 0;
	s->doing = RPO_NOTHING;
}

void
sync_free(struct sync **sp)
{
	struct sync *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	timer_cancel(&s->timer);
	pgconn_free(&s->conn);
	drop_steps(s);
	mem_free((void *)s->conf.conninfo);
	mem_free((void *)s->conf.application);
	mem_free((void *)s->conf.standby);
	mem_free(s);
}

static void
run(struct sync *s, const char *sql, pgcall_fn *fn)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, sql);
	s->call = pgconn_run(s->conn, &b, clock_mono_ms() + CALL_MS, fn, s);
}

static void
poll_in(struct sync *s, int64_t ms)
{
	timer_cancel(&s->timer);
	s->timer = timer_start((uint64_t)ms, on_poll, s);
}

static void
on_down(void *ctx, const struct err *why)
{
	struct sync *s = ctx;
	char quoted[512];

	log_warn("sync", "database=down why=%s",
		 log_quote(quoted, sizeof(quoted), err_text(why)));
	timer_cancel(&s->timer);
	s->call = NULL;
	s->known = false;
	s->stats.peer_streams = false;
	drop_steps(s);
	s->conf.on_change(s->conf.ctx);
}

/* Also brings the row to the mode that is configured. */
static void
on_up(void *ctx)
{
	struct sync *s = ctx;
	const char *mode = modes[s->conf.mode];
	STRBUF_AUTO sql = { 0 };

	s->changed = false;
	/* what is at risk as it was last written down, and our own that will
	 * be counted yet: those, and the one that wrote it down; else, when
	 * degraded, all since then */
	strbuf_addf(
	    &sql,
	    "WITH set AS (SELECT current_setting('synchronous_standby_names') "
	    "AS names), new AS (UPDATE gsb.sync SET mode = '%s', state = "
	    "CASE WHEN '%s' = 'off' THEN 'off' WHEN state IN ('on', "
	    "'remote_apply') AND names <> '' THEN '%s' ELSE 'degraded' END "
	    "FROM set RETURNING state, sure_xid), was AS (SELECT "
	    "detail -> 'out' AS out FROM gsb.status) "
	    "SELECT new.state, set.names, "
	    "coalesce((was.out ->> 'counted_xid')::int8, CASE WHEN "
	    "new.state = 'degraded' THEN new.sure_xid END, "
	    "pg_snapshot_xmax(pg_current_snapshot())::text::int8), "
	    "coalesce((was.out ->> 'at_risk')::int8 - "
	    "(was.out ->> 'own')::int8 - 1, 0), "
	    "coalesce((was.out ->> 'at_risk_since_us')::int8, 0), "
	    "pg_current_wal_flush_lsn(), pg_current_xact_id()::text::int8 "
	    "FROM new CROSS JOIN set LEFT JOIN was ON true",
	    mode, mode, mode);
	run(s, strbuf_text(&sql), on_read);
}

void
sync_change(struct sync *s, enum sync_mode mode, int64_t timeout_ms)
{
	if (mode == s->conf.mode && timeout_ms == s->conf.timeout_ms)
		return;
	s->conf.mode = mode;
	s->conf.timeout_ms = timeout_ms;
	s->changed = true; /* the next poll begins as after a connect */
}

static void
add_step(struct sync *s, char *sql)
{
	s->todo[s->ntodo++] = sql;
}

/* Given texts; ALTER SYSTEM stands alone, it refuses a transaction. */
static void
add_naming(struct sync *s, const char *standby)
{
	add_step(s, mem_printf("ALTER SYSTEM SET synchronous_standby_names = "
			       "'%s'",
			       standby));
	add_step(s, mem_strdup("SELECT pg_reload_conf()"));
}

static uint64_t
lsn_of(const struct pgresult *res, int column)
{
	uint64_t lsn = 0;

	if (decoder_parse_lsn(span_of(pgresult_text(res, 0, column)), &lsn))
		return 0;
	return lsn;
}

static void
recall_risk(struct sync *s, const struct pgresult *res)
{
	int64_t since_us = pgresult_int(res, 0, 4);
	struct risk_look was = {
		.lsn = lsn_of(res, 5),
		.xid = (uint64_t)pgresult_int(res, 0, 2),
		.commits = (uint64_t)pgresult_int(res, 0, 3),
		.at_us = clock_wall_us(),
	};

	risk_restore(&s->risk, was, since_us != 0 ? since_us : was.at_us);
	sync_own(s, (uint64_t)pgresult_int(res, 0, 6));
}

static void
on_read(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct sync *s = ctx;
	struct span state, names;
	bool armed;

	s->call = NULL;
	if (err != NULL || pgresult_rows(&results[0]) != 1) {
		log_error("sync",
			  "why=\"%s\" order=\"run gsb-replicator "
			  "install\"",
			  err != NULL ? err_text(err) : "gsb.sync is empty");
		if (pgconn_is_up(s->conn))
			poll_in(s, POLL_MS * 2);
		return;
	}
	state = span_of(pgresult_text(&results[0], 0, 0));
	names = span_of(pgresult_text(&results[0], 0, 1));
	armed = s->conf.mode != SYNC_OFF && !span_is(state, "degraded") &&
		span_is(names, s->conf.standby);
	s->known = true;
	recall_risk(s, &results[0]);
	rpo_init(&s->rpo, s->conf.timeout_ms, armed ? RPO_ARMED : RPO_DEGRADED,
		 clock_mono_ms());
	log_state("sync", "mode=%s to=%s why=start", modes[s->conf.mode],
		  s->conf.mode == SYNC_OFF ? "off" : rpo_name(s->rpo.state));
	if (!armed && names.len > 0)
		add_naming(s, "");
	s->conf.on_change(s->conf.ctx);
	next_step(s);
}

static void
on_poll(void *ctx)
{
	struct sync *s = ctx;
	struct pgbatch *b;

	s->timer = NULL;
	if (!s->known || s->changed) {
		on_up(s);
		return;
	}
	b = pgbatch_new();
	pgbatch_add(b, &sync_query_facts,
		    (struct pgparam[]){
			pgparam_int((int64_t)risk_from(&s->risk)),
			pgparam_int((int64_t)risk_from(&s->risk) + LOOK_XIDS),
			pgparam_text(s->conf.standby) });
	s->call = pgconn_run(s->conn, &b, clock_mono_ms() + CALL_MS, on_facts,
			     s);
}

/* What the step says to the database, first to last. */
static void
begin_step(struct sync *s, enum rpo_step step)
{
	s->doing = step;
	switch (step) {
	case RPO_NOTHING:
		break;
	case RPO_NAME:
		add_naming(s, s->conf.standby);
		break;
	case RPO_CONFIRM:
		add_step(s, mem_printf("UPDATE gsb.sync SET state = mode, "
				       "since = now(), why = '%s' " OWN,
				       s->rpo.why));
		break;
	case RPO_RELEASE:
		if (s->rpo.state == RPO_ARMED)
			log_error("sync",
				  "alarm=degraded why=\"%s\" effect=\"commits "
				  "do not wait for the peer\"",
				  s->rpo.why);
		add_step(s, mem_printf("UPDATE gsb.sync SET state = "
				       "'degraded', since = now(), why = '%s', "
				       "degradations = degradations + 1, "
				       "sure_xid = %" PRIu64 " "
				       "WHERE state <> 'degraded' " OWN,
				       s->rpo.why, s->risk.sure.xid));
		add_naming(s, "");
		break;
	}
	next_step(s);
}

static void
finish_step(struct sync *s)
{
	enum rpo_state was = s->rpo.state;
	enum rpo_step step = s->doing;

	drop_steps(s);
	rpo_done(&s->rpo, step, clock_mono_ms());
	if (step == RPO_RELEASE && was == RPO_ARMED)
		s->stats.degradations++;
	if (s->rpo.state != was) {
		s->stats.since_ms = clock_mono_ms();
		log_state("sync", "from=%s to=%s why=\"%s\"", rpo_name(was),
			  rpo_name(s->rpo.state), s->rpo.why);
	}
	if (s->told_dead) {
		judge(s, NULL);
		return;
	}
	poll_in(s, s->rpo.state == RPO_ARMED || s->conf.mode == SYNC_OFF
		       ? POLL_MS
		       : POLL_SOON_MS);
	if (s->rpo.state != was)
		s->conf.on_change(s->conf.ctx);
}

static void
next_step(struct sync *s)
{
	if (s->at < s->ntodo)
		run(s, s->todo[s->at++], on_done);
	else
		finish_step(s);
}

static void
on_done(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct sync *s = ctx;

	s->call = NULL;
	if (err == NULL) {
		if (pgresult_rows(&results[0]) == 1 && s->at == 1)
			sync_own(s, (uint64_t)pgresult_int(&results[0], 0, 0));
		next_step(s);
		return;
	}
	log_error("sync", "step=\"%s\" why=\"%s\"", s->todo[s->at - 1],
		  err_text(err));
	if (!pgconn_is_up(s->conn))
		return; /* on_down follows */
	drop_steps(s);
	poll_in(s, POLL_MS); /* which judges again */
}

/* What is said outweighs what is seen; f may be NULL when it was said. */
static void
judge(struct sync *s, const struct rpo_facts *f)
{
	enum rpo_step step = RPO_NOTHING;

	if (s->told_dead)
		step = rpo_dead(&s->rpo, clock_mono_ms());
	else if (s->conf.mode != SYNC_OFF)
		step = rpo_judge(&s->rpo, f);
	s->told_dead = false;
	begin_step(s, step);
}

/*
 * What has ended below the snapshot's oldest open transaction, was committed
 * and was not merged here, is counted once, and is the peer's when that has
 * flushed the log as it ends now.
 */
static void
count_risk(struct sync *s, const struct pgresult *res,
	   const struct rpo_facts *f)
{
	bool counts = !pgresult_is_null(res, 0, 5);

	risk_add(&s->risk,
		 (struct risk_look){
		     .lsn = f->wal_lsn,
		     .xid = (uint64_t)pgresult_int(res, 0, 4),
		     .commits = counts ? (uint64_t)pgresult_int(res, 0, 5) : 0,
		     .at_us = clock_wall_us() });
	risk_flushed(&s->risk, f->flush_lsn);
	s->stats.at_risk = counts ? (int64_t)risk_commits(&s->risk) : -1;
	s->stats.at_risk_since_us = risk_since_us(&s->risk);
	s->stats.counted_xid = risk_from(&s->risk);
	s->stats.own = s->risk.nown;
}

void
sync_own(struct sync *s, uint64_t xid)
{
	risk_own(&s->risk, xid);
	s->stats.own = s->risk.nown;
}

static void
on_facts(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct sync *s = ctx;
	struct rpo_facts f = { .now_ms = clock_mono_ms() };

	s->call = NULL;
	if (err != NULL) {
		if (pgconn_is_up(s->conn))
			poll_in(s, POLL_MS);
		return;
	}
	f.streams = pgresult_bool(&results[0], 0, 0);
	f.flush_lsn = lsn_of(&results[0], 1);
	f.wal_lsn = lsn_of(&results[0], 2);
	f.waits = pgresult_bool(&results[0], 0, 3);
	s->stats.peer_streams = f.streams;
	s->stats.out_lag_bytes = f.wal_lsn > f.flush_lsn
				     ? f.wal_lsn - f.flush_lsn
				     : 0;
	count_risk(s, &results[0], &f);
	/* what its commits wait for */
	if (s->conf.mode == SYNC_REMOTE_APPLY)
		f.flush_lsn = lsn_of(&results[0], 6);
	begin_step(s, s->conf.mode == SYNC_OFF ? RPO_NOTHING
					       : rpo_judge(&s->rpo, &f));
}

static void
on_notify(void *ctx, const char *channel, const char *payload)
{
	struct sync *s = ctx;

	if (strcmp(channel, "gsb_peer") != 0 || strcmp(payload, "dead") != 0 ||
	    s->conf.mode == SYNC_OFF || !s->known)
		return;
	s->told_dead = true;
	if (s->call != NULL)
		return; /* its end sees to it */
	timer_cancel(&s->timer);
	judge(s, NULL);
}

const char *
sync_state(const struct sync *s)
{
	if (!s->known)
		return "unknown";
	if (s->conf.mode == SYNC_OFF)
		return "off";
	return s->rpo.state == RPO_ARMED ? modes[s->conf.mode] : "degraded";
}

void
sync_stats(const struct sync *s, struct sync_stats *out)
{
	*out = s->stats;
}

struct pgconn *
sync_connection(struct sync *s)
{
	return pgconn_is_up(s->conn) ? s->conn : NULL;
}
