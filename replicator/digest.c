/*
 *  shape --> edges --> sums --equal--> next slice
 *              ^ |       '--differ--v
 *              | '--it differed--> places --> rows --> on_found
 *              |   before                                 |
 *              '------------------ pause <----------------'
 *
 * The lower one of the two sites' edges counts, so no slice is larger than
 * slice_rows on either side, whatever one of them lacks. Hashes are what
 * costs: where the slice before differed this one is not summed up first.
 * Places are good in one snapshot, so that is kept until the rows of those
 * that differ have been read.
 */
#include "replicator/digest.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/timer.h"

#define SLICE_ROWS 16384
#define MAX_PARTS 65536
#define CALL_MS (10 * 60 * 1000)
#define BUSY_MS 200

enum side { HERE, THERE, SIDES };

struct sum {
	int64_t rows;
	char hashes[44];
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
	bool differed;      /* the slice before */
	char *above, *upto; /* the slice's own */
	char *edges[SIDES];
	int64_t estimated[SIDES];
	const char *columns[SIDES], *order[SIDES];
	struct sum sums[SIDES];
	struct digest_places places[SIDES];
	struct digest_list lists[SIDES];
	struct digest_found found;
	int64_t begun_us, rows;
};

static void on_shape(void *ctx, enum side side, const struct pgresult *res);
static void on_edge(void *ctx, enum side side, const struct pgresult *res);
static void on_order(void *ctx, enum side side, const struct pgresult *res);
static void on_sum(void *ctx, enum side side, const struct pgresult *res);
static void on_places(void *ctx, enum side side, const struct pgresult *res);
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
ANSWER(on_order_here, HERE, on_order)
ANSWER(on_sum_here, HERE, on_sum)
ANSWER(on_sum_there, THERE, on_sum)
ANSWER(on_places_here, HERE, on_places)
ANSWER(on_places_there, THERE, on_places)
ANSWER(on_rows_here, HERE, on_rows)
ANSWER(on_rows_there, THERE, on_rows)

/* A plan that reads all of a large table for each slice, because its size is
 * not known yet, would never end. */
static const char *
scans(const struct digest *d)
{
	return d->is_ranged ? "SET enable_seqscan = off"
			    : "SET enable_seqscan = on";
}

/* The second statement's answer counts. */
static void
ask(struct digest *d, enum side side, const char *first, const char *sql,
    const char *last, pgcall_fn *fn)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, first);
	pgbatch_add_sql(b, sql);
	if (last != NULL)
		pgbatch_add_sql(b, last);
	d->call[side] = pgconn_run(side == HERE ? d->conf.local : d->conf.peer,
				   &b, clock_mono_ms() + CALL_MS, fn, d);
}

static void
ask_both(struct digest *d, const struct strbuf *sql, pgcall_fn *here,
	 pgcall_fn *there)
{
	ask(d, HERE, scans(d), strbuf_text(sql), NULL, here);
	ask(d, THERE, scans(d), strbuf_text(sql), NULL, there);
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
	for (int s = HERE; s < SIDES; s++)
		mem_free(d->edges[s]);
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
list_places(struct digest *d)
{
	static const char begin_sql[] =
	    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
	STRBUF_AUTO sql = { 0 };

	digest_places_sql(&sql, &d->form, &d->slice);
	ask(d, HERE, begin_sql, strbuf_text(&sql), NULL, on_places_here);
	ask(d, THERE, begin_sql, strbuf_text(&sql), NULL, on_places_there);
}

static void
compare(struct digest *d)
{
	STRBUF_AUTO sql = { 0 };

	if (d->differed) {
		list_places(d);
		return;
	}
	digest_sum_sql(&sql, &d->form, &d->slice);
	ask_both(d, &sql, on_sum_here, on_sum_there);
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
	ask_both(d, &sql, on_edge_here, on_edge_there);
}

static void
end_at(struct digest *d, enum side side)
{
	d->slice.upto = d->upto = d->edges[side];
	d->edges[side] = NULL;
	d->last = d->upto == NULL;
	compare(d);
}

static void
on_edge(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;
	STRBUF_AUTO sql = { 0 };

	mem_free(d->edges[side]);
	d->edges[side] = NULL;
	if (pgresult_rows(res) == 1)
		d->edges[side] = mem_strdup(pgresult_text(res, 0, 0));
	if (d->call[HERE] != NULL || d->call[THERE] != NULL)
		return;
	if (d->edges[HERE] == NULL || d->edges[THERE] == NULL ||
	    strcmp(d->edges[HERE], d->edges[THERE]) == 0) {
		end_at(d, d->edges[HERE] != NULL ? HERE : THERE);
		return;
	}
	digest_order_sql(&sql, &d->form, d->edges[HERE], d->edges[THERE]);
	ask(d, HERE, scans(d), strbuf_text(&sql), NULL, on_order_here);
}

static void
on_order(void *ctx, enum side side, const struct pgresult *res)
{
	end_at(ctx, pgresult_bool(res, 0, 0) ? HERE : THERE);
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
on_sum(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;
	struct sum *a = &d->sums[HERE], *b = &d->sums[THERE];

	d->sums[side].rows = pgresult_int(res, 0, 0);
	snprintf(d->sums[side].hashes, sizeof(d->sums[side].hashes), "%s",
		 pgresult_text(res, 0, 1));
	if (d->call[HERE] != NULL || d->call[THERE] != NULL)
		return;
	if (a->rows != b->rows || strcmp(a->hashes, b->hashes) != 0) {
		list_places(d);
		return;
	}
	d->rows += a->rows;
	end_slice(d);
}

static void
read_rows(struct digest *d, enum side side, struct strbuf *places,
	  pgcall_fn *fn)
{
	STRBUF_AUTO sql = { 0 };

	digest_placed_sql(&sql, &d->form, strbuf_text(places));
	ask(d, side, scans(d), strbuf_text(&sql), "COMMIT", fn);
}

static void
on_places(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;
	struct digest_places *a = &d->places[HERE], *b = &d->places[THERE];
	STRBUF_AUTO here = { 0 };
	STRBUF_AUTO there = { 0 };

	digest_places_read(d->now, pgresult_text(res, 0, 0), &d->places[side]);
	if (d->call[HERE] != NULL || d->call[THERE] != NULL)
		return;
	d->rows += (int64_t)(a->n > b->n ? a->n : b->n);
	digest_places_unlike(a, b, &here, &there);
	read_rows(d, HERE, &here, on_rows_here);
	read_rows(d, THERE, &there, on_rows_there);
}

static void
on_rows(void *ctx, enum side side, const struct pgresult *res)
{
	struct digest *d = ctx;

	digest_read(d->now, res, &d->lists[side]);
	if (d->call[HERE] != NULL || d->call[THERE] != NULL)
		return;
	digest_join(d->now, &d->lists[HERE], &d->lists[THERE], &d->found);
	d->differed = d->found.n > 0;
	if (!d->differed) {
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
