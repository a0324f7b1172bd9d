/*
 *  shape --> edge here --> edge there --> buckets --equal--> next slice
 *              ^                             '--differ--> rows --> on_found
 *              '------------------- pause <-------------------------'
 *
 * An edge that is found here is looked for below it there, so no slice is
 * larger than slice_rows on either side, whatever one of them lacks.
 */
#include "replicator/digest.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/timer.h"

#define SLICE_ROWS 16384
#define BUCKETS 1024
#define MAX_PARTS 65536
#define CALL_MS (10 * 60 * 1000)
#define BUSY_MS 200

enum side { HERE, THERE, SIDES };

struct bucket {
	int64_t rows;
	char sum[44];
};

struct digest {
	struct digest_conf conf;
	struct digest_form form;
	struct digest_slice slice;
	struct arena *arena; /* of the table */
	struct arena *now;   /* of the slice */
	struct pgcall *call[SIDES];
	struct timer *pause;
	bool is_ranged;
	bool last;          /* slice */
	char *above, *upto; /* the slice's own */
	int64_t estimated[SIDES];
	const char *columns[SIDES], *order[SIDES];
	struct bucket *buckets[SIDES];
	struct digest_list lists[SIDES];
	struct digest_found found;
	int64_t begun_us, rows;
};

static void on_shape(void *ctx, enum side side, const struct pgresult *res);
static void on_edge(void *ctx, enum side side, const struct pgresult *res);
static void on_buckets(void *ctx, enum side side, const struct pgresult *res);
static void on_rows(void *ctx, enum side side, const struct pgresult *res);
static void next_slice(struct digest *d);
static void on_pause(void *ctx);

typedef void side_fn(void *ctx, enum side side, const struct pgresult *res);

static void
end(struct digest *d, const struct err *err)
{
	struct err copy = { 0 };
	struct digest_conf conf = d->conf;
	int64_t rows = d->rows;

	if (err != NULL)
		copy = *err;
	digest_cancel(&d);
	conf.on_end(conf.ctx, rows, err != NULL ? &copy : NULL);
}

static void
on_answer(struct digest *d, enum side side, side_fn *fn,
	  const struct pgresult *results, const struct err *err)
{
	struct err e;

	d->call[side] = NULL;
	if (err == NULL) {
		fn(d, side, &results[1]);
		return;
	}
	e = *err;
	err_prefix(&e, "%s, %s", d->conf.table->rel,
		   side == HERE ? "here" : "at the peer");
	end(d, &e);
}

/* One entry for each side and question: a call has room for one pointer. */
#define ANSWER(name, which, next)                                             \
	static void name(void *ctx, const struct pgresult *results, size_t n, \
			 const struct err *err)                               \
	{                                                                     \
		on_answer(ctx, which, next, results, err);                    \
	}
ANSWER(on_shape_here, HERE, on_shape)
ANSWER(on_shape_there, THERE, on_shape)
ANSWER(on_edge_here, HERE, on_edge)
ANSWER(on_edge_there, THERE, on_edge)
ANSWER(on_buckets_here, HERE, on_buckets)
ANSWER(on_buckets_there, THERE, on_buckets)
ANSWER(on_rows_here, HERE, on_rows)
ANSWER(on_rows_there, THERE, on_rows)

static void
ask(struct digest *d, enum side side, const struct strbuf *sql, pgcall_fn *fn)
{
	struct pgbatch *b = pgbatch_new();

	/* a plan that reads all of a large table for each slice, because its
	 * size is not known yet, would never end */
	pgbatch_add_sql(b, d->is_ranged ? "SET enable_seqscan = off"
					: "SET enable_seqscan = on");
	pgbatch_add_sql(b, strbuf_text(sql));
	d->call[side] = pgconn_run(side == HERE ? d->conf.local : d->conf.peer,
				   &b, clock_mono_ms() + CALL_MS, fn, d);
}

static void
ask_both(struct digest *d, const struct strbuf *sql, pgcall_fn *here,
	 pgcall_fn *there)
{
	ask(d, HERE, sql, here);
	ask(d, THERE, sql, there);
}

struct digest *
digest_start(const struct digest_conf *conf)
{
	struct digest *d = mem_new(struct digest);
	STRBUF_AUTO sql = { 0 };

	d->conf = *conf;
	if (d->conf.slice_rows == 0)
		d->conf.slice_rows = SLICE_ROWS;
	d->arena = arena_new();
	d->now = arena_new();
	d->form = (struct digest_form){ .t = conf->table,
					.oldest = conf->oldest };
	digest_shape_sql(&sql, conf->table);
	ask_both(d, &sql, on_shape_here, on_shape_there);
	return d;
}

void
digest_cancel(struct digest **dp)
{
	struct digest *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	timer_cancel(&d->pause);
	pgconn_cancel(&d->call[HERE]);
	pgconn_cancel(&d->call[THERE]);
	arena_free(&d->arena);
	arena_free(&d->now);
	mem_free(d->above);
	mem_free(d->upto);
	mem_free(d);
}

/* --- what there is to compare -------------------------------------------- */

static bool
names_column(const json_t *columns, const char *name)
{
	for (size_t i = 0; i < json_array_size(columns); i++)
		if (strcmp(json_string_value(json_array_get(columns, i)),
			   name) == 0)
			return true;
	return false;
}

/* Sites may be a schema step apart: only what both have is compared; and not
 * what an edit has changed. */
static int
match_columns(struct digest *d, struct err *e)
{
	const struct table *t = d->conf.table;
	JSON_AUTO there = json_read(span_of(d->columns[THERE]), NULL);
	bool *missing = arena_array(d->arena, bool, t->ncolumns);
	bool any = false;

	for (size_t i = 0; i < t->nparams; i++) {
		const struct column *c = &t->columns[t->params[i]];

		if (c->role != COLUMN_CHANGED && names_column(there, c->name))
			continue;
		if (c->role == COLUMN_KEY || c->role == COLUMN_ROW)
			return err_set(e, ERR_NOT_FOUND,
				       "%s has no column %s at the peer; run "
				       "gsb-replicator install there",
				       t->rel, c->name);
		missing[t->params[i]] = true;
		any = true;
	}
	d->form.missing = any ? missing : NULL;
	return 0;
}

static unsigned
parts_for(int64_t rows, unsigned slice_rows)
{
	unsigned parts = 1;

	while (parts < MAX_PARTS && rows > (int64_t)parts * slice_rows)
		parts *= 2;
	return parts;
}

static void
begin(struct digest *d)
{
	struct err e;

	if (d->columns[HERE] == NULL || d->columns[THERE] == NULL) {
		err_set(&e, ERR_NOT_FOUND, "there is no table %s %s",
			d->conf.table->rel,
			d->columns[HERE] == NULL ? "here" : "at the peer");
		end(d, &e);
		return;
	}
	if (match_columns(d, &e) != 0) {
		end(d, &e);
		return;
	}
	d->is_ranged = strcmp(d->order[HERE], d->order[THERE]) == 0;
	d->slice.buckets = BUCKETS;
	if (!d->is_ranged)
		d->slice.nparts = parts_for(d->estimated[HERE] >
						    d->estimated[THERE]
						? d->estimated[HERE]
						: d->estimated[THERE],
					    d->conf.slice_rows);
	next_slice(d);
}

static void
on_shape(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;

	if (pgresult_rows(res) == 1) {
		d->estimated[side] = pgresult_int(res, 0, 0);
		d->columns[side] = arena_strdup(d->arena,
						pgresult_text(res, 0, 1));
		d->order[side] = arena_strdup(d->arena,
					      pgresult_text(res, 0, 2));
	}
	if (d->call[HERE] == NULL && d->call[THERE] == NULL)
		begin(d);
}

/* --- slices -------------------------------------------------------------- */

static void
compare(struct digest *d)
{
	STRBUF_AUTO sql = { 0 };

	digest_buckets_sql(&sql, &d->form, &d->slice);
	ask_both(d, &sql, on_buckets_here, on_buckets_there);
}

static void
next_slice(struct digest *d)
{
	STRBUF_AUTO sql = { 0 };

	d->begun_us = clock_mono_us();
	if (!d->is_ranged) {
		d->last = d->slice.part + 1 >= d->slice.nparts;
		compare(d);
		return;
	}
	d->last = false;
	d->slice.above = d->above;
	d->slice.upto = NULL;
	digest_edge_sql(&sql, &d->form, &d->slice, d->conf.slice_rows);
	ask(d, HERE, &sql, on_edge_here);
}

static void
on_edge(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;
	STRBUF_AUTO sql = { 0 };

	if (pgresult_rows(res) == 1) {
		mem_free(d->upto);
		d->upto = mem_strdup(pgresult_text(res, 0, 0));
		d->slice.upto = d->upto;
	}
	if (side == HERE) {
		digest_edge_sql(&sql, &d->form, &d->slice, d->conf.slice_rows);
		ask(d, THERE, &sql, on_edge_there);
		return;
	}
	d->last = d->slice.upto == NULL;
	compare(d);
}

static void
end_slice(struct digest *d)
{
	int64_t took_ms = (clock_mono_us() - d->begun_us) / 1000;

	if (d->last) {
		end(d, NULL);
		return;
	}
	d->slice.part++;
	if (d->is_ranged) {
		mem_free(d->above);
		d->above = d->upto;
		d->upto = NULL;
	}
	if (d->conf.pause_factor > 0)
		d->pause = timer_start((uint64_t)took_ms * d->conf.pause_factor,
				       on_pause, d);
	else
		next_slice(d);
}

static void
on_pause(void *ctx)
{
	struct digest *d = ctx;

	d->pause = NULL;
	if (d->conf.is_busy != NULL && d->conf.is_busy(d->conf.busy_ctx))
		d->pause = timer_start(BUSY_MS, on_pause, d);
	else
		next_slice(d);
}

static void
count_rows(struct digest *d)
{
	int64_t rows[SIDES] = { 0 };

	for (size_t i = 0; i < BUCKETS; i++)
		for (int s = HERE; s < SIDES; s++)
			rows[s] += d->buckets[s][i].rows;
	d->rows += rows[HERE] > rows[THERE] ? rows[HERE] : rows[THERE];
}

static void
compare_buckets(struct digest *d)
{
	STRBUF_AUTO sql = { 0 };
	STRBUF_AUTO list = { 0 };

	count_rows(d);
	for (size_t i = 0; i < BUCKETS; i++) {
		const struct bucket *a = &d->buckets[HERE][i];
		const struct bucket *b = &d->buckets[THERE][i];

		if (a->rows != b->rows || strcmp(a->sum, b->sum) != 0)
			strbuf_addf(&list, "%s%zu", list.len > 0 ? ", " : "",
				    i);
	}
	if (list.len == 0) {
		end_slice(d);
		return;
	}
	digest_rows_sql(&sql, &d->form, &d->slice, strbuf_text(&list));
	ask_both(d, &sql, on_rows_here, on_rows_there);
}

static void
on_buckets(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;

	if (d->buckets[side] == NULL)
		d->buckets[side] = arena_array(d->arena, struct bucket,
					       BUCKETS);
	memset(d->buckets[side], 0, BUCKETS * sizeof(struct bucket));
	for (int i = 0; i < pgresult_rows(res); i++) {
		struct bucket *b =
		    &d->buckets[side][pgresult_int(res, i, 0) & (BUCKETS - 1)];
		struct span sum = pgresult_bytes(res, i, 2);

		b->rows = pgresult_int(res, i, 1);
		if (sum.len < sizeof(b->sum))
			memcpy(b->sum, sum.at, sum.len);
	}
	if (d->call[HERE] == NULL && d->call[THERE] == NULL)
		compare_buckets(d);
}

static void
on_rows(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;

	digest_read(d->now, res, &d->lists[side]);
	if (d->call[HERE] != NULL || d->call[THERE] != NULL)
		return;
	digest_join(d->now, &d->lists[HERE], &d->lists[THERE], &d->found);
	if (d->found.n == 0) {
		digest_go_on(d);
		return;
	}
	d->conf.on_found(d->conf.ctx, &d->found);
}

void
digest_go_on(struct digest *d)
{
	arena_reset(d->now);
	end_slice(d);
}

const struct digest_form *
digest_form(const struct digest *d)
{
	return &d->form;
}

void
digest_progress(const struct digest *d, struct digest_progress *out)
{
	out->rows = d->rows;
	out->estimated = d->estimated[HERE] > d->estimated[THERE]
			     ? d->estimated[HERE]
			     : d->estimated[THERE];
	if (out->estimated < out->rows)
		out->estimated = out->rows;
}

/* --- lists --------------------------------------------------------------- */

void
digest_read(struct arena *a, const struct pgresult *result,
	    struct digest_list *out)
{
	out->n = (size_t)pgresult_rows(result);
	out->rows = arena_array(a, struct digest_row, out->n);
	for (size_t i = 0; i < out->n; i++) {
		/* text has the same bytes in both formats */
		out->rows[i].key = arena_span(
		    a, pgresult_bytes(result, (int)i, 0));
		out->rows[i].hash = pgresult_int(result, (int)i, 1);
	}
}

/* Which of the two comes first; 0: both. */
static int
first_of(const struct digest_list *a, size_t i, const struct digest_list *b,
	 size_t k)
{
	if (i == a->n || k == b->n)
		return (i == a->n) - (k == b->n);
	return strcmp(a->rows[i].key, b->rows[k].key);
}

void
digest_join(struct arena *a, const struct digest_list *here,
	    const struct digest_list *there, struct digest_found *out)
{
	size_t i = 0, k = 0;

	out->arena = a;
	out->keys = arena_array(a, struct digest_key, here->n + there->n);
	out->n = 0;
	while (i < here->n || k < there->n) {
		int by = first_of(here, i, there, k);
		struct digest_key key = { .is_here = by <= 0,
					  .is_there = by >= 0 };

		if (key.is_there) {
			key.key = there->rows[k].key;
			key.there = there->rows[k++].hash;
		}
		if (key.is_here) {
			key.key = here->rows[i].key;
			key.here = here->rows[i++].hash;
		}
		if (by != 0 || key.here != key.there)
			out->keys[out->n++] = key;
	}
}

char *
digest_keys_text(const struct digest_key *keys, size_t n)
{
	struct strbuf text = { 0 };

	strbuf_addc(&text, '[');
	for (size_t i = 0; i < n; i++) {
		strbuf_adds(&text, i > 0 ? "," : "");
		strbuf_adds(&text, keys[i].key);
	}
	strbuf_addc(&text, ']');
	return strbuf_take(&text);
}
