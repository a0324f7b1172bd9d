/*
 *  fetch --> merge --ok--> end
 *              |--passes by itself--> wait --> merge
 *              '--does not--> BEGIN --> repair (parks) --> COMMIT --> end
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/strbuf.h"
#include "io/timer.h"
#include "replicator/mend_inner.h"
#include "replicator/merge.h"
#include "replicator/remedy.h"
#include "replicator/repair.h"

#define CALL_MS 120000
#define TRIES 20
#define RETRY ((struct retry_conf){ 20, 2000 })

struct mend_rows {
	struct mend_rows_conf conf;
	mend_rows_fn *fn;
	void *ctx;
	struct pgcall *call;
	struct timer *timer;
	struct repair *repair;
	struct batch *batch;
	struct digest_list there; /* in the batch's arena */
	size_t bytes, parked;
	unsigned failures;
};

/* A row that was parked before is not parked once more. */
static const char forget_older[] =
    "DELETE FROM gsb.parked o USING gsb.parked n WHERE o.rel = n.rel "
    "AND o.key = n.key AND o.sqlstate = n.sqlstate AND o.id < n.id";

static void on_fetched(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void merge(struct mend_rows *r);
static void on_wait(void *ctx);
static void on_rolled_back(void *ctx, const struct pgresult *results, size_t n,
			   const struct err *err);
static void on_merged(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_begun(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_repaired(void *ctx, size_t parked, const struct err *err);
static void on_closed(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);

struct mend_rows *
mend_rows_start(const struct mend_rows_conf *conf, mend_rows_fn *fn, void *ctx)
{
	struct mend_rows *r = mem_new(struct mend_rows);
	struct pgbatch *b = pgbatch_new();
	struct pgparam keys = pgparam_text(conf->keys);

	r->conf = *conf;
	r->conf.keys = NULL;
	r->fn = fn;
	r->ctx = ctx;
	pgbatch_add(b, conf->fetch, &keys);
	r->call = pgconn_run(conf->peer, &b, clock_mono_ms() + CALL_MS,
			     on_fetched, r);
	return r;
}

void
mend_rows_cancel(struct mend_rows **rp)
{
	struct mend_rows *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	pgconn_cancel(&r->call);
	timer_cancel(&r->timer);
	repair_cancel(&r->repair);
	batch_free(&r->batch);
	mem_free(r);
}

static void
end(struct mend_rows *r, const struct err *err)
{
	struct err copy = { 0 };
	struct batch *batch = r->batch;
	struct digest_list there = r->there;
	mend_rows_fn *fn = r->fn;
	void *ctx = r->ctx;
	size_t bytes = r->bytes, parked = r->parked;

	if (err != NULL)
		copy = *err;
	r->batch = NULL;
	mend_rows_cancel(&r);
	fn(ctx, &there, bytes, parked, err != NULL ? &copy : NULL);
	batch_free(&batch);
}

/* --- the peer's rows as a batch ------------------------------------------ */

static struct span
copied(struct arena *a, struct span v)
{
	if (v.at != NULL)
		v.at = arena_dup(a, v.at, v.len + 1);
	return v;
}

static void
add_row(struct mend_rows *r, struct batch_table *in, const struct pgresult *res,
	int row)
{
	const struct digest_form *f = r->conf.form;
	struct batch *b = r->batch;
	struct span *values = arena_array(b->arena, struct span,
					  f->t->ncolumns);
	int column = 2;

	for (size_t i = 0; i < f->t->nparams; i++) {
		size_t c = f->t->params[i];

		if (f->missing != NULL && f->missing[c])
			continue;
		values[c] = copied(b->arena, pgresult_bytes(res, row, column));
		r->bytes += values[c].len;
		column++;
	}
	batch_join(b, in, values, NULL);
}

static void
add_tombstone(struct mend_rows *r, const struct pgresult *res, int row)
{
	struct batch *b = r->batch;

	b->tombstones[b->ntombstones++] = (struct batch_tombstone){
		.rel = copied(b->arena, pgresult_bytes(res, row, 2)),
		.key = copied(b->arena, pgresult_bytes(res, row, 3)),
		.v = pgresult_int(res, row, 4),
		.seen = pgresult_int(res, row, 5),
	};
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct digest_row *)a)->key,
		      ((const struct digest_row *)b)->key);
}

static void
read_rows(struct mend_rows *r, const struct pgresult *res)
{
	const struct digest_form *f = r->conf.form;
	size_t n = (size_t)pgresult_rows(res);
	struct batch *b = r->batch = batch_new();
	struct batch_table *in = arena_make(b->arena, struct batch_table);

	b->begins = b->ends = false; /* BEGIN and COMMIT are ours */
	digest_read(b->arena, res, &r->there);
	if (f->t == digest_tombstones()) {
		b->tombstones = arena_array(b->arena, struct batch_tombstone,
					    n);
		for (size_t i = 0; i < n; i++)
			add_tombstone(r, res, (int)i);
	} else {
		in->table = f->t;
		in->missing = f->missing;
		b->tables = arena_array(b->arena, struct batch_table *, 1);
		b->tables[b->ntables++] = in;
		for (size_t i = 0; i < n; i++)
			add_row(r, in, res, (int)i);
	}
	if (n > 0) /* a list of one needs no order */
		qsort(r->there.rows, n, sizeof(*r->there.rows), by_key);
}

static void
on_fetched(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct mend_rows *r = ctx;

	r->call = NULL;
	if (err != NULL) {
		end(r, err);
		return;
	}
	read_rows(r, &results[0]);
	if (r->there.n == 0)
		end(r, NULL);
	else
		merge(r);
}

/* --- merging it ---------------------------------------------------------- */

static void
run(struct mend_rows *r, struct pgbatch *b, pgcall_fn *fn)
{
	r->call = pgconn_run(r->conf.merge, &b, clock_mono_ms() + CALL_MS, fn,
			     r);
}

static void
merge(struct mend_rows *r)
{
	struct pgbatch *b = pgbatch_new();

	statements_add_all(r->conf.statements, b, r->batch, false);
	pgbatch_commits(b);
	run(r, b, on_merged);
}

/* Not twice the same moment: whom it met may try again too. */
static void
wait_and_merge(struct mend_rows *r, const struct err *why)
{
	if (++r->failures > TRIES || !pgconn_is_up(r->conf.merge)) {
		end(r, why);
		return;
	}
	r->timer = timer_start(
	    retry_wait_ms(&RETRY, r->failures, crypto_random_u32()), on_wait,
	    r);
}

/* A transaction that failed may stand open. */
static void
on_wait(void *ctx)
{
	struct mend_rows *r = ctx;
	struct pgbatch *b = pgbatch_new();

	r->timer = NULL;
	pgbatch_add_sql(b, "ROLLBACK");
	run(r, b, on_rolled_back);
}

static void
on_rolled_back(void *ctx, const struct pgresult *results, size_t n,
	       const struct err *err)
{
	struct mend_rows *r = ctx;

	r->call = NULL;
	if (err != NULL)
		end(r, err);
	else
		merge(r);
}

static void
on_merged(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct mend_rows *r = ctx;
	struct pgbatch *b;

	r->call = NULL;
	if (err == NULL) {
		end(r, NULL);
		return;
	}
	if (remedy_is_transient(err)) {
		wait_and_merge(r, err);
		return;
	}
	b = pgbatch_new();
	pgbatch_add_sql(b, "BEGIN");
	run(r, b, on_begun);
}

static void
on_begun(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct mend_rows *r = ctx;

	r->call = NULL;
	if (err != NULL) {
		end(r, err);
		return;
	}
	r->repair = repair_start(
	    &(struct repair_conf){
		.conn = r->conf.merge,
		.statements = r->conf.statements,
		.batch = r->batch,
		.is_transient = remedy_is_transient,
	    },
	    on_repaired, r);
}

static void
on_repaired(void *ctx, size_t parked, const struct err *err)
{
	struct mend_rows *r = ctx;
	struct pgbatch *b;

	r->repair = NULL;
	if (err != NULL) {
		wait_and_merge(r, err);
		return;
	}
	r->parked = parked;
	b = pgbatch_new();
	pgbatch_add_sql(b, forget_older);
	pgbatch_commit(b);
	run(r, b, on_closed);
}

static void
on_closed(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct mend_rows *r = ctx;

	r->call = NULL;
	end(r, err);
}
