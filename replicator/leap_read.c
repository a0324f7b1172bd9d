/*
 * The rows of a leap, table by table:
 *
 *   DECLARE --> FETCH, two under way --none--> the next table
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/digest_sql.h"
#include "replicator/leap_inner.h"

#define FETCH_BYTES (512 << 10)
#define FETCHES 2

/* rows of a FETCH: as many as FETCH_BYTES hold, each not more than the next */
static const unsigned sizes[] = { 16, 64, 256, 1024, 4096 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void on_declared(void *ctx, const struct pgresult *results, size_t n,
			const struct err *err);
static void on_fetched(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);

/* Tombstones last: what they delete may have been referred to before. */
static const struct table *
table_of(const struct leap *l)
{
	return l->at < l->conf.catalog->n ? &l->conf.catalog->list[l->at]
					  : digest_tombstones();
}

/* Where values may be long, the rows that come next may all have one. */
static unsigned
largest_of(const struct table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].toastable)
			return SIZES - 2;
	return SIZES - 1;
}

static void
name_fetches(struct leap *l)
{
	l->largest = largest_of(table_of(l));
	l->fetch = arena_array(l->arena, struct pgstmt, SIZES);
	for (size_t i = 0; i < SIZES; i++) {
		l->fetch[i].name = arena_printf(l->arena, "leap_%zu_%zu", l->at,
						i);
		l->fetch[i].sql = arena_printf(l->arena, "FETCH %u FROM c%zu",
					       sizes[i], l->at);
		l->fetch[i].binary = true;
	}
}

void
leap_next_table(struct leap *l)
{
	struct pgbatch *b;
	STRBUF_AUTO sql = { 0 };
	char name[32];

	if (l->at > l->conf.catalog->n) {
		leap_all_read(l);
		return;
	}
	name_fetches(l);
	snprintf(name, sizeof(name), "c%zu", l->at);
	leap_cursor_sql(&sql, table_of(l), name, l->age);
	b = pgbatch_new();
	pgbatch_add_sql(b, strbuf_text(&sql));
	leap_run(l, b, on_declared);
}

static void
fetch(struct leap *l)
{
	while (!l->drained && !l->hold && l->under_way < FETCHES) {
		struct pgbatch *b = pgbatch_new();

		pgbatch_add(b, &l->fetch[l->size], NULL);
		l->under_way++;
		pgconn_run(l->conn, &b, clock_mono_ms() + LEAP_CALL_MS,
			   on_fetched, l);
	}
}

static void
on_declared(void *ctx, const struct pgresult *results, size_t n,
	    const struct err *err)
{
	struct leap *l = ctx;

	if (!leap_went_well(l, err))
		return;
	l->drained = false;
	l->size = 0;
	fetch(l);
}

/* Rows like those that came, but never many more at once. */
static void
choose_size(struct leap *l, const struct batch *b, size_t rows)
{
	unsigned size = l->size;

	while (size > 0 && b->bytes / rows * sizes[size] > FETCH_BYTES)
		size--;
	if (size == l->size && size < l->largest &&
	    b->bytes / rows * sizes[size + 1] <= FETCH_BYTES)
		size++;
	l->size = size;
}

static void
on_fetched(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct leap *l = ctx;
	struct batch *b;
	struct err e;
	int rows;

	if (!leap_went_well(l, err))
		return;
	l->under_way--;
	rows = pgresult_rows(&results[0]);
	l->drained = l->drained || rows == 0;
	if (rows > 0) {
		b = leap_batch(table_of(l), &results[0], &l->conf.beyond);
		if (b == NULL) {
			err_set(&e, ERR_REFUSED,
				"%s was written on both sites: what lost is "
				"in the log alone",
				table_of(l)->rel);
			leap_end(l, &e);
			return;
		}
		l->rows += (uint64_t)rows;
		choose_size(l, b, (size_t)rows);
		leap_give(l, b);
	}
	if (l->drained && l->under_way == 0) {
		l->at++;
		leap_next_table(l);
		return;
	}
	fetch(l);
}

void
leap_hold(struct leap *l, bool hold)
{
	if (l->hold == hold)
		return;
	l->hold = hold;
	if (!hold && l->fetch != NULL && l->call == NULL &&
	    l->at <= l->conf.catalog->n)
		fetch(l);
}
