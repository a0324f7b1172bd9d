/*
 *  ask which are lacking --none--> done
 *     '--some--> connect to the peer --> read them --> join --> done
 */
#include "replicator/fetch.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"

#define FETCH_MS 15000

struct fetch {
	struct fetch_conf conf;
	fetch_fn *fn;
	void *ctx;
	int64_t deadline_ms;
	struct pgcall *call; /* on either connection */
	struct pgconn *peer;
	size_t **lacking; /* per table of the batch, ordinals */
	size_t *nlacking;
	size_t rows;
};

static void on_lacking(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_up(void *ctx);
static void on_down(void *ctx, const struct err *why);
static void on_rows(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);

static bool
is_partial(const struct batch_table *t)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (t->rows[i].absent != NULL)
			return true;
	return false;
}

bool
fetch_is_needed(const struct batch *b)
{
	for (size_t i = 0; i < b->ntables; i++)
		if (is_partial(b->tables[i]))
			return true;
	return false;
}

struct fetch *
fetch_start(const struct fetch_conf *conf, fetch_fn *fn, void *ctx)
{
	struct fetch *f = mem_new(struct fetch);
	struct pgbatch *ask = pgbatch_new();
	const struct batch *b = conf->batch;

	f->conf = *conf;
	f->conf.peer = mem_strdup(conf->peer);
	f->conf.application = mem_strdup(conf->application);
	f->fn = fn;
	f->ctx = ctx;
	f->deadline_ms = clock_mono_ms() + FETCH_MS;
	f->lacking = mem_array(size_t *, b->ntables);
	f->nlacking = mem_array(size_t, b->ntables);
	for (size_t i = 0; i < b->ntables; i++)
		statements_add_lacking(conf->statements, ask, b->tables[i]);
	f->call = pgconn_run(conf->local, &ask, f->deadline_ms, on_lacking, f);
	return f;
}

void
fetch_cancel(struct fetch **fp)
{
	struct fetch *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	pgconn_cancel(&f->call);
	pgconn_free(&f->peer);
	for (size_t i = 0; i < f->conf.batch->ntables; i++)
		mem_free(f->lacking[i]);
	mem_free(f->lacking);
	mem_free(f->nlacking);
	mem_free((void *)f->conf.peer);
	mem_free((void *)f->conf.application);
	mem_free(f);
}

static void
end(struct fetch *f, const struct err *err)
{
	fetch_fn *fn = f->fn;
	void *ctx = f->ctx;
	size_t rows = f->rows;
	struct err copy = { 0 };

	if (err != NULL)
		copy = *err;
	fetch_cancel(&f);
	fn(ctx, rows, err != NULL ? &copy : NULL);
}

static void
on_lacking(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct fetch *f = ctx;
	const struct batch *b = f->conf.batch;
	size_t at = 0, total = 0;

	f->call = NULL;
	if (err != NULL) {
		end(f, err);
		return;
	}
	for (size_t i = 0; i < b->ntables; i++) {
		int rows;

		if (!is_partial(b->tables[i]))
			continue;
		assert(at < n);
		rows = pgresult_rows(&results[at]);
		f->lacking[i] = mem_array(size_t, (size_t)rows);
		f->nlacking[i] = (size_t)rows;
		for (int k = 0; k < rows; k++)
			f->lacking[i][k] = (size_t)pgresult_int(&results[at], k,
								0);
		total += (size_t)rows;
		at++;
	}
	if (total == 0) {
		end(f, NULL);
		return;
	}
	f->peer = pgconn_new(&(struct pgconn_conf){
	    .conninfo = f->conf.peer,
	    .application = f->conf.application,
	    .setup = "SET search_path = pg_catalog; "
		     "SET default_transaction_read_only = on",
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = f,
	});
}

static void
on_down(void *ctx, const struct err *why)
{
	end(ctx, why);
}

static void
on_up(void *ctx)
{
	struct fetch *f = ctx;
	struct pgbatch *ask = pgbatch_new();

	for (size_t i = 0; i < f->conf.batch->ntables; i++)
		if (f->nlacking[i] > 0)
			statements_add_fetch(f->conf.statements, ask,
					     f->conf.batch->tables[i],
					     f->lacking[i], f->nlacking[i]);
	f->call = pgconn_run(f->peer, &ask, f->deadline_ms, on_rows, f);
}

static void
join_row(struct batch *b, struct batch_table *in, const struct pgresult *res,
	 int row)
{
	const struct table *t = in->table;
	struct span *values = arena_array(b->arena, struct span, t->ncolumns);
	int at = 0;

	for (size_t i = 0; i < t->nparams; i++) {
		struct span v;

		if (in->missing != NULL && in->missing[t->params[i]])
			continue;
		v = pgresult_bytes(res, row, at++);
		if (v.at != NULL)
			v.at = arena_dup(b->arena, v.at, v.len + 1);
		values[t->params[i]] = v;
	}
	if (t->changed != TABLE_NONE) /* it was read, it is no edit */
		values[t->changed] = (struct span){ 0 };
	batch_join(b, in, values, NULL);
}

static void
on_rows(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct fetch *f = ctx;
	size_t at = 0;

	f->call = NULL;
	if (err != NULL) {
		end(f, err);
		return;
	}
	for (size_t i = 0; i < f->conf.batch->ntables; i++) {
		if (f->nlacking[i] == 0)
			continue;
		assert(at < n);
		for (int k = 0; k < pgresult_rows(&results[at]); k++) {
			join_row(f->conf.batch, f->conf.batch->tables[i],
				 &results[at], k);
			f->rows++;
		}
		at++;
	}
	end(f, NULL);
}
