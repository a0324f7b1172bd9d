/*
 * The session of apply: connecting, what must be known before the first
 * group, and what is asked between groups.
 */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/strbuf.h"
#include "replicator/apply_inner.h"
#include "replicator/envelope.h"
#include "replicator/merge.h"
#include "replicator/remedy.h"

#define TIDY_MS 1000
#define TIDY_IDLE 60 /* times that, without anything applied */
#define PLANS_AGE 60 /* likewise: who else writes may let tables grow */
#define RETRY ((struct retry_conf){ 10, 2000 })
#define PROGRESS_SQL                                                     \
	"SELECT coalesce(pg_replication_origin_session_progress(true), " \
	"'0/0')::text"

static void on_connect(void *ctx);
static void on_up(void *ctx);
static void on_set_up(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_filled(void *ctx, size_t filled, const struct err *err);
static void on_retry(void *ctx);
static void on_asked(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_tidy(void *ctx);
static void on_tidied(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_down(void *ctx, const struct err *why);

void
apply_session_start(struct apply *a)
{
	a->reloaded_at = a->careful_at = UINT64_MAX;
	a->timer = timer_start(0, on_connect, a);
}

void
apply_session_end(struct apply *a)
{
	struct apply_group *g;

	timer_cancel(&a->timer);
	timer_cancel(&a->tidy);
	extra_fill_cancel(&a->fill);
	fetch_cancel(&a->fetch);
	repair_cancel(&a->repair);
	flusher_free(&a->flusher);
	pgconn_free(&a->conn);
	a->call = NULL;
	while ((g = TAILQ_FIRST(&a->groups)) != NULL)
		apply_drop_group(a, g);
	err_clear(&a->failure);
}

static uint32_t
back_off(struct apply *a)
{
	a->failures++;
	return retry_wait_ms(&RETRY, a->failures, crypto_random_u32());
}

/* The catalog stays until the owner has let go of it. */
void
apply_reset(struct apply *a, const struct err *why)
{
	struct err copy = *why;
	char quoted[512];

	log_warn("apply", "reset=yes why=%s",
		 log_quote(quoted, sizeof(quoted), err_text(&copy)));
	apply_session_end(a);
	a->hold = 0;
	a->state = APPLY_DOWN;
	a->timer = timer_start(back_off(a), on_connect, a);
	a->conf.on_reset(a->conf.ctx, &copy); /* last */
}

uint64_t
apply_stands(const struct apply *a)
{
	return a->stands;
}

void
apply_abandon(struct apply *a)
{
	struct err e;

	err_set(&e, ERR_CANCELLED, "the stream ended inside a transaction");
	apply_reset(a, &e);
}

void
apply_rewind(struct apply *a, uint64_t to)
{
	struct err e;

	a->rewind_to = to;
	err_set(&e, ERR_CANCELLED, "another log of the peer is followed");
	apply_reset(a, &e);
}

static void
on_connect(void *ctx)
{
	struct apply *a = ctx;
	STRBUF_AUTO setup = { 0 };
	char lsn[DECODER_LSN_SIZE];

	a->timer = NULL;
	/* the name is made of the site's, it holds no quotes */
	if (a->rewind_to != 0)
		strbuf_addf(&setup,
			    "SELECT pg_replication_origin_advance('%s', '%s');",
			    a->conf.origin, decoder_lsn(a->rewind_to, lsn));
	strbuf_adds(&setup, "SET lock_timeout = '10s'; "
			    "SET idle_in_transaction_session_timeout = 0; ");
	envelope_session(&setup, a->conf.origin, a->conf.makes_origin);
	a->conn = pgconn_new(&(struct pgconn_conf){
	    .conninfo = a->conf.conninfo,
	    .application = a->conf.application,
	    .setup = strbuf_text(&setup),
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = a,
	});
}

static void
on_down(void *ctx, const struct err *why)
{
	apply_reset(ctx, why);
}

static const struct tables *
known_tables(const struct apply *a)
{
	return a->tables != NULL ? a->tables : a->conf.tables;
}

void
apply_reread(struct apply *a)
{
	struct err e;

	if (a->state == APPLY_DOWN || !tables_are_old(known_tables(a)))
		return;
	err_set(&e, ERR_CANCELLED, "%s was written", known_tables(a)->path);
	apply_reset(a, &e);
}

static void
on_up(void *ctx)
{
	struct apply *a = ctx;
	struct pgbatch *b = pgbatch_new();
	char *names;
	struct pgparam param;

	/* anew: adopt and release end the session to have them read */
	names = catalog_parameter(tables_again(&a->reading, known_tables(a)));
	param = pgparam_text(names);
	a->state = APPLY_SETUP;
	pgbatch_add_sql(b, PROGRESS_SQL);
	pgbatch_add(b, &catalog_query, &param);
	mem_free(names);
	pgbatch_add_sql(b, "SELECT coalesce(max(lsn), '0/0')::text "
			   "FROM gsb.seen");
	a->call = pgconn_run(a->conn, &b, clock_mono_ms() + APPLY_CALL_MS,
			     on_set_up, a);
}

static void
on_set_up(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct apply *a = ctx;
	struct catalog *fresh;
	struct err e;

	a->call = NULL;
	if (err != NULL) {
		if (err->code == ERR_REFUSED)
			apply_reset(a, err);
		return; /* else on_down follows */
	}
	fresh = catalog_new(a->reading != NULL ? a->reading : known_tables(a),
			    &results[1], true, &e);
	if (fresh == NULL) {
		apply_reset(a, &e);
		return;
	}
	statements_free(&a->statements);
	catalog_free(&a->catalog);
	if (a->reading != NULL) {
		tables_free(&a->tables);
		a->tables = a->reading;
		a->reading = NULL;
	}
	a->catalog = fresh;
	a->statements = statements_new(fresh);
	a->progress = a->submitted = envelope_lsn(&results[0], 0);
	a->seen = envelope_lsn(&results[2], 0);
	a->stands = a->progress;
	a->rewind_to = 0;
	a->calm = false;
	a->durable = a->progress; /* reading it has flushed it */
	a->fill = extra_fill_start(statements_extra(a->statements), a->conn,
				   on_filled, a);
}

static void
start_flusher(struct apply *a)
{
	a->flusher = flusher_new(
	    &(struct flusher_conf){ .conninfo = a->conf.conninfo,
				    .application = "gsb-replicator flush",
				    .origin = a->conf.origin,
				    .on_flushed = apply_on_flushed,
				    .ctx = a });
}

/* Columns that have come since have what came for them before. */
static void
on_filled(void *ctx, size_t filled, const struct err *err)
{
	struct apply *a = ctx;

	a->fill = NULL;
	if (err != NULL && err->code != ERR_REFUSED)
		return; /* on_down follows */
	a->fill_failed = err != NULL;
	if (err != NULL)
		log_error("apply", "why=\"values wait in gsb.extra: %s\"",
			  err_text(err));
	else if (filled > 0)
		log_info("apply", "filled=%zu", filled);
	a->state = APPLY_READY;
	a->failures = 0;
	a->was_applied = true;
	a->tidy = timer_start(TIDY_MS, on_tidy, a);
	if (a->conf.on_durable != NULL)
		start_flusher(a);
	a->conf.on_ready(a->conf.ctx, a->catalog, a->progress);
}

void
apply_retry(struct apply *a, const struct err *why)
{
	char quoted[512];

	log_warn("apply", "retry=%u sqlstate=%s why=%s", a->failures + 1,
		 why->sqlstate[0] != '\0' ? why->sqlstate : "-",
		 log_quote(quoted, sizeof(quoted), err_text(why)));
	a->stats.retries++;
	a->stats.stuck = true;
	a->tidy_due = a->tidy_due || remedy_wants_tidying(why);
	a->state = APPLY_BACKING_OFF;
	a->timer = timer_start(back_off(a), on_retry, a);
}

static void
on_retry(void *ctx)
{
	struct apply *a = ctx;
	struct apply_group *g = TAILQ_FIRST(&a->groups);
	struct pgbatch *b;
	struct err e;

	a->timer = NULL;
	if (g != NULL && !g->batch->begins) {
		err_set(&e, ERR_CANCELLED,
			"a transaction that came in pieces starts over");
		apply_reset(a, &e);
		return;
	}
	a->state = APPLY_ASKING;
	b = pgbatch_new();
	pgbatch_add_sql(b, "ROLLBACK");
	pgbatch_add_sql(b, PROGRESS_SQL);
	a->call = pgconn_run(a->conn, &b, clock_mono_ms() + APPLY_CALL_MS,
			     on_asked, a);
}

static void
on_asked(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct apply *a = ctx;
	struct err e;

	a->call = NULL;
	if (err != NULL) {
		if (pgconn_is_up(a->conn))
			apply_reset(a, err);
		return;
	}
	if (envelope_lsn(&results[1], 0) != a->stands) {
		err_set(&e, ERR_INVALID,
			"the origin %s is moved by somebody else",
			a->conf.origin);
		apply_reset(a, &e);
		return;
	}
	a->state = APPLY_READY;
	apply_pump(a);
}

/* --- effective keys, and what open local transactions had hidden --------- */

static void
on_tidy(void *ctx)
{
	struct apply *a = ctx;

	a->tidy = timer_start(TIDY_MS, on_tidy, a);
	/* local deletes leave something to tidy too */
	if (a->was_applied || a->keys_wait || ++a->untidy > TIDY_IDLE)
		a->tidy_due = true;
	if (a->tidy_due && a->state == APPLY_READY)
		apply_pump(a);
}

void
apply_tidy(struct apply *a)
{
	static const struct pgstmt setup = {
		.name = "tidy_setup",
		.sql = "SELECT pg_replication_origin_xact_setup($1::pg_lsn, "
		       "'2000-01-01 00:00:00+00'::timestamptz + $2::int8 * "
		       "'1 us'::interval), "
		       "set_config('synchronous_commit', 'off', true)",
		.nparams = 2
	};
	static const struct pgstmt tidy = { .name = "tidy",
					    .sql = merge_tidy_sql };
	static const struct pgstmt waits = { .name = "extra_waits",
					     .sql = extra_waits_sql };
	struct pgbatch *b = pgbatch_new();
	char lsn[DECODER_LSN_SIZE];

	a->state = APPLY_TIDYING;
	a->tidy_due = a->was_applied = false;
	a->untidy = 0;
	/* planning costs more than all else that a small group does */
	if (a->plans_age++ % PLANS_AGE == 0)
		pgbatch_add_sql(b, "DISCARD PLANS");
	/* else it would inherit the position of a group that failed */
	pgbatch_add(
	    b, &setup,
	    (struct pgparam[]){ pgparam_text(decoder_lsn(a->stands, lsn)),
				pgparam_int(a->progress_us) });
	pgbatch_add(b, &tidy, NULL);
	pgbatch_add(b, &waits, NULL);
	a->call = pgconn_run(a->conn, &b, clock_mono_ms() + APPLY_CALL_MS,
			     on_tidied, a);
}

static void
on_tidied(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct apply *a = ctx;

	a->call = NULL;
	if (err != NULL && !pgconn_is_up(a->conn))
		return; /* on_down follows */
	if (err != NULL)
		log_warn("apply", "why=\"keys could not be put right: %s\"",
			 err_text(err));
	a->keys_wait = err != NULL || pgresult_int(&results[n - 2], 0, 0) > 0;
	a->calm = !a->keys_wait;
	if (err == NULL && !a->fill_failed &&
	    pgresult_bool(&results[n - 1], 0, 0)) {
		struct err e;

		err_set(&e, ERR_CANCELLED, "a column has come");
		apply_reset(a, &e);
		return;
	}
	a->state = APPLY_READY;
	apply_pump(a);
}
