/*
 *  peer: look --> here: gsb.heal --> peer: drop what is lost
 *                                      --> peer: make what is not there
 */
#include "replicator/rejoin.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/pgconn.h"
#include "replicator/decoder.h"

#define REJOIN_MS 30000

struct rejoin {
	struct rejoin_conf conf;
	rejoin_fn *fn;
	void *ctx;
	struct pgconn *here, *there;
	struct pgcall *call;
	int64_t deadline_ms;
	bool is_lost;
};

static void on_there(void *ctx);
static void on_looked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_here(void *ctx);
static void on_marked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_dropped(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_made(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_down(void *ctx, const struct err *why);

static struct pgconn *
connect_to(struct rejoin *r, const char *conninfo, void (*on_up)(void *ctx))
{
	return pgconn_new(&(struct pgconn_conf){
	    .conninfo = conninfo,
	    .application = "gsb-replicator rejoin",
	    .setup = "SET search_path = pg_catalog; "
		     "SET synchronous_commit = local",
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = r,
	});
}

struct rejoin *
rejoin_start(const struct rejoin_conf *conf, rejoin_fn *fn, void *ctx)
{
	struct rejoin *r = mem_new(struct rejoin);

	r->conf.local = mem_strdup(conf->local);
	r->conf.peer = mem_strdup(conf->peer);
	r->conf.slot = mem_strdup(conf->slot);
	r->conf.why = mem_strdup(conf->why);
	r->fn = fn;
	r->ctx = ctx;
	r->deadline_ms = clock_mono_ms() + REJOIN_MS;
	r->there = connect_to(r, r->conf.peer, on_there);
	return r;
}

void
rejoin_cancel(struct rejoin **rp)
{
	struct rejoin *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	pgconn_free(&r->here);
	pgconn_free(&r->there);
	mem_free((void *)r->conf.local);
	mem_free((void *)r->conf.peer);
	mem_free((void *)r->conf.slot);
	mem_free((void *)r->conf.why);
	mem_free(r);
}

static void
end(struct rejoin *r, uint64_t from, const struct err *err)
{
	struct err copy = { 0 };
	rejoin_fn *fn = r->fn;
	void *ctx = r->ctx;

	if (err != NULL)
		copy = *err;
	rejoin_cancel(&r);
	fn(ctx, from, err != NULL ? &copy : NULL);
}

static void
on_down(void *ctx, const struct err *why)
{
	end(ctx, 0, why);
}

static void
run(struct rejoin *r, struct pgconn *conn, const struct strbuf *sql,
    pgcall_fn *fn)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, strbuf_text(sql));
	r->call = pgconn_run(conn, &b, r->deadline_ms, fn, r);
}

/* The slot's name is made of the site's, it holds no quotes. */
static void
on_there(void *ctx)
{
	struct rejoin *r = ctx;
	STRBUF_AUTO sql = { 0 };

	strbuf_addf(&sql,
		    "SELECT pg_is_in_recovery(), EXISTS (SELECT FROM "
		    "pg_publication WHERE pubname = 'gsb'), EXISTS (SELECT "
		    "FROM pg_replication_slots WHERE slot_name = '%s' AND "
		    "(wal_status = 'lost' OR database <> "
		    "current_database()))",
		    r->conf.slot);
	run(r, r->there, &sql, on_looked);
}

static void
on_looked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct rejoin *r = ctx;
	struct err e;

	r->call = NULL;
	if (err != NULL) {
		end(r, 0, err);
		return;
	}
	if (pgresult_bool(&results[0], 0, 0)) {
		err_set(&e, ERR_REFUSED,
			"the peer is a standby that was not promoted yet");
		end(r, 0, &e);
		return;
	}
	if (!pgresult_bool(&results[0], 0, 1)) {
		err_set(&e, ERR_NOT_FOUND,
			"the peer has no publication gsb: run gsb-replicator "
			"install there");
		end(r, 0, &e);
		return;
	}
	r->is_lost = pgresult_bool(&results[0], 0, 2);
	r->here = connect_to(r, r->conf.local, on_here);
}

static void
on_here(void *ctx)
{
	static const struct pgstmt stmt = {
		.name = "heal_mark",
		/* positions in a log that is not followed any more */
		.sql = "WITH gone AS (DELETE FROM gsb.seen) "
		       "INSERT INTO gsb.heal AS h (why) VALUES ($1) "
		       "ON CONFLICT (one) DO UPDATE SET why = excluded.why, "
		       "since = clock_timestamp()",
		.nparams = 1
	};
	struct rejoin *r = ctx;
	struct pgbatch *b = pgbatch_new();
	struct pgparam why = pgparam_text(r->conf.why);

	pgbatch_add(b, &stmt, &why);
	r->call = pgconn_run(r->here, &b, r->deadline_ms, on_marked, r);
}

static void
make_slot(struct rejoin *r)
{
	STRBUF_AUTO sql = { 0 };

	strbuf_addf(&sql,
		    "SELECT coalesce((SELECT confirmed_flush_lsn FROM "
		    "pg_replication_slots WHERE slot_name = '%s'), (SELECT "
		    "lsn FROM pg_create_logical_replication_slot('%s', "
		    "'pgoutput')))",
		    r->conf.slot, r->conf.slot);
	run(r, r->there, &sql, on_made);
}

static void
on_marked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct rejoin *r = ctx;
	STRBUF_AUTO sql = { 0 };

	r->call = NULL;
	if (err != NULL) {
		end(r, 0, err);
		return;
	}
	if (!r->is_lost) {
		make_slot(r);
		return;
	}
	strbuf_addf(&sql, "SELECT pg_drop_replication_slot('%s')",
		    r->conf.slot);
	run(r, r->there, &sql, on_dropped);
}

static void
on_dropped(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct rejoin *r = ctx;

	r->call = NULL;
	if (err != NULL)
		end(r, 0, err);
	else
		make_slot(r);
}

static void
on_made(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct rejoin *r = ctx;
	uint64_t from = 0;
	struct err e = { 0 };

	r->call = NULL;
	if (err != NULL)
		e = *err;
	else if (decoder_parse_lsn(span_of(pgresult_text(&results[0], 0, 0)),
				   &from) != 0)
		err_set(&e, ERR_INVALID, "the peer says no position");
	end(r, from, e.code != ERR_NONE ? &e : NULL);
}
