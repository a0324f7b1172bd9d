/*
 *  open --> save --> try --ok--> try the next range ... --> close
 *            '--fails--> back to the savepoint, then
 *                        one row: park it; more: its two halves
 */
#include "replicator/repair.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "replicator/envelope.h"

#define STEP_MS 60000

struct repair {
	struct repair_conf conf;
	repair_fn *fn;
	void *ctx;
	struct pgcall *call;
	struct statements_range *stack; /* to be tried, the last one next */
	size_t n, room;
	struct statements_range now; /* is being tried */
	struct err failure;          /* of what is being tried */
	size_t parked;
};

static void on_opened(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_saved(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_tried(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_undone(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_parked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_closed(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);

static void
run(struct repair *r, struct pgbatch *b, pgcall_fn *fn)
{
	r->call = pgconn_run(r->conf.conn, &b, clock_mono_ms() + STEP_MS, fn,
			     r);
}

static void
push(struct repair *r, const struct batch_table *in, size_t from, size_t to)
{
	if (from >= to)
		return;
	if (r->n == r->room) {
		r->stack = mem_resize(r->stack, r->room * sizeof(*r->stack),
				      (r->room * 2 + 16) * sizeof(*r->stack));
		r->room = r->room * 2 + 16;
	}
	r->stack[r->n++] = (struct statements_range){ .in = in,
						      .from = from,
						      .to = to };
}

struct repair *
repair_start(const struct repair_conf *conf, repair_fn *fn, void *ctx)
{
	struct repair *r = mem_new(struct repair);
	struct pgbatch *b = pgbatch_new();

	r->conf = *conf;
	r->fn = fn;
	r->ctx = ctx;
	for (size_t i = conf->batch->ntables; i-- > 0;)
		push(r, conf->batch->tables[i], 0,
		     conf->batch->tables[i]->nrows);
	if (conf->batch->begins)
		envelope_begin(b, conf->from);
	statements_add_tombstones(conf->statements, b, conf->batch);
	if (pgbatch_count(b) == 0)
		pgbatch_add_sql(b, "SELECT");
	run(r, b, on_opened);
	return r;
}

void
repair_cancel(struct repair **rp)
{
	struct repair *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	pgconn_cancel(&r->call);
	mem_free(r->stack);
	mem_free(r);
}

static void
end(struct repair *r, const struct err *err)
{
	repair_fn *fn = r->fn;
	void *ctx = r->ctx;
	size_t parked = r->parked;

	repair_cancel(&r);
	fn(ctx, parked, err); /* err is not of r */
}

static void
close_up(struct repair *r)
{
	const struct batch *batch = r->conf.batch;
	struct pgbatch *b = pgbatch_new();

	for (size_t i = 0; i < batch->nrejects; i++)
		envelope_park(b, &batch->rejects[i], batch->end_lsn, "");
	envelope_barriers(b, batch);
	if (batch->ends)
		envelope_commit(b, batch, r->conf.to);
	else
		pgbatch_add_sql(b, "SELECT");
	run(r, b, on_closed);
}

static void
try_next(struct repair *r)
{
	struct pgbatch *b;

	if (r->n == 0) {
		close_up(r);
		return;
	}
	r->now = r->stack[--r->n];
	/* alone: a statement that cannot be prepared fails before it */
	b = pgbatch_new();
	pgbatch_add_sql(b, "SAVEPOINT gsb_repair");
	run(r, b, on_saved);
}

static void
on_saved(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct repair *r = ctx;
	struct pgbatch *b;

	r->call = NULL;
	if (err != NULL) {
		end(r, err);
		return;
	}
	b = pgbatch_new();
	statements_add_rows(r->conf.statements, b, &r->now);
	pgbatch_add_sql(b, "RELEASE gsb_repair");
	run(r, b, on_tried);
}

static void
on_opened(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct repair *r = ctx;

	r->call = NULL;
	if (err != NULL)
		end(r, err);
	else
		try_next(r);
}

static void
park(struct repair *r)
{
	struct arena *a = arena_new();
	const struct batch_table *in = r->now.in;
	const struct batch_row *row = &in->rows[r->now.from];
	struct batch_reject rj = {
		.rel = in->table->rel,
		.key = envelope_key(a, in->table, row),
		.why = err_text(&r->failure),
		.payload = envelope_payload(a, in->table, row),
	};
	struct pgbatch *b = pgbatch_new();
	char quoted[512];

	log_error("apply", "parked=%s key=%s sqlstate=%s why=%s", rj.rel,
		  rj.key, r->failure.sqlstate,
		  log_quote(quoted, sizeof(quoted), rj.why));
	envelope_park(b, &rj, r->conf.batch->end_lsn, r->failure.sqlstate);
	r->parked++;
	arena_free(&a);
	run(r, b, on_parked);
}

static void
on_tried(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct repair *r = ctx;
	struct pgbatch *b;

	r->call = NULL;
	if (err == NULL) {
		try_next(r);
		return;
	}
	if (err->code != ERR_REFUSED || r->conf.is_transient(err)) {
		end(r, err);
		return;
	}
	/* alone: what comes with it would be prepared before it */
	r->failure = *err;
	b = pgbatch_new();
	pgbatch_add_sql(b, "ROLLBACK TO gsb_repair");
	run(r, b, on_undone);
}

static void
on_undone(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct repair *r = ctx;
	size_t from = r->now.from, to = r->now.to;
	size_t middle = from + (to - from) / 2;

	r->call = NULL;
	if (err != NULL) {
		end(r, err);
		return;
	}
	if (to - from == 1) {
		park(r);
		return;
	}
	push(r, r->now.in, middle, to);
	push(r, r->now.in, from, middle);
	try_next(r);
}

static void
on_parked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	on_opened(ctx, results, n, err);
}

static void
on_closed(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct repair *r = ctx;

	r->call = NULL;
	end(r, err);
}
