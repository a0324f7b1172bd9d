/* Messages in, data of COPY out; whatever is no new row is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "catalog_rows.h"
#include "io/pgitem.h"
#include "pgoutput.h"
#include "replicator/freshrows.h"

enum { ITEM = 500, TOMBSTONE = 501, OTHER = 502 };

static const struct catalog_column columns[] = {
	{ "id", "bigint", "kne", 20 },
	{ "name", "text", "te", 25 },
	{ "gsb_v_name", "bigint", "ne", 20 },
	{ "gsb_v_row", "bigint", "ne", 20 },
	{ 0 },
};

struct fixture {
	struct tables *tables;
	struct catalog *catalog;
	struct freshrows *rows;
	struct strbuf out;
};

static int
setup(void **state)
{
	static struct fixture f;
	struct pgresult rows = catalog_rows(columns);
	struct err e;

	f = (struct fixture){ 0 };
	f.tables = tables_read("t.ini", span_of("[table item]\nkey = id\n"),
			       &e);
	assert_non_null(f.tables);
	f.catalog = catalog_new(f.tables, &rows, true, &e);
	assert_non_null(f.catalog);
	catalog_rows_free(&rows);
	f.rows = freshrows_new(f.catalog);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	freshrows_free(&f->rows);
	catalog_free(&f->catalog);
	tables_free(&f->tables);
	strbuf_fini(&f->out);
	return 0;
}

/* From a copy of its own size that does not stay. */
static bool
feed(struct fixture *f)
{
	char *copy = malloc(f->out.len);
	bool fits;

	assert_non_null(copy);
	memcpy(copy, strbuf_text(&f->out), f->out.len);
	fits = freshrows_add(f->rows, span_make(copy, f->out.len));
	free(copy);
	strbuf_reset(&f->out);
	return fits;
}

static void
pgoutput_int8(struct strbuf *out, int64_t v)
{
	strbuf_addc(out, 'b');
	pgoutput_int(out, 8, 4);
	pgoutput_int(out, (uint64_t)v, 8);
}

/* Columns in an order of the peer's own; one is derived there. */
static void
introduce(struct fixture *f, const char *last)
{
	pgoutput_relation(&f->out, ITEM, "item", 5);
	pgoutput_column(&f->out, false, "name", 25);
	pgoutput_column(&f->out, true, "id", 20);
	pgoutput_column(&f->out, false, "gsb_v_row", 20);
	pgoutput_column(&f->out, false, "gsb_v_name", 20);
	pgoutput_column(&f->out, false, last, 25);
	assert_true(feed(f));
}

static void
row(struct fixture *f, char kind, const char *name, int64_t v)
{
	pgoutput_change(&f->out, kind, ITEM);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 5);
	pgoutput_datum(&f->out, name != NULL ? 'b' : 'n', name);
	pgoutput_int8(&f->out, 77);
	pgoutput_int8(&f->out, v);
	pgoutput_int8(&f->out, v);
	pgoutput_datum(&f->out, 'b', "derived");
}

static void
copied_head(struct strbuf *out)
{
	strbuf_add(out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

static void
copied_row(struct strbuf *out, const char *name, int64_t v)
{
	pgoutput_int(out, 4, 2);
	pgoutput_int(out, name != NULL ? strlen(name) : UINT32_MAX, 4);
	strbuf_adds(out, name != NULL ? name : "");
	pgoutput_int(out, 8, 4);
	pgoutput_int(out, 77, 8);
	for (int i = 0; i < 2; i++) {
		pgoutput_int(out, 8, 4);
		pgoutput_int(out, (uint64_t)v, 8);
	}
}

/* What waits is the statement and that data. */
static void
expect(struct fixture *f, struct strbuf *data)
{
	struct pgbatch *b = freshrows_take(f->rows);

	assert_non_null(b);
	assert_string_equal(STAILQ_FIRST(&b->items)->sql,
			    "COPY \"public\".\"item\" (\"name\", \"id\", "
			    "\"gsb_v_row\", \"gsb_v_name\") FROM STDIN "
			    "(FORMAT binary)");
	pgoutput_int(data, UINT16_MAX, 2);
	assert_int_equal(b->copy.len, data->len);
	assert_memory_equal(b->copy.at, data->at, data->len);
	strbuf_reset(data);
	pgbatch_free(&b);
}

static void
test_rows_become_data(void **state)
{
	struct fixture *f = *state;
	STRBUF_AUTO data = { 0 };

	assert_null(freshrows_take(f->rows));
	introduce(f, "gsb_key_name");
	copied_head(&data);
	for (int i = 0; i < 100; i++) {
		const char *name = i % 3 == 0 ? NULL : i % 3 == 1 ? "" : "x";

		row(f, 'I', name, 256 * (100 - i));
		assert_true(feed(f));
		copied_row(&data, name, 256 * (100 - i));
	}
	assert_int_equal(freshrows_bytes(f->rows), data.len);
	expect(f, &data);
	assert_int_equal(freshrows_bytes(f->rows), 0);
	assert_null(freshrows_take(f->rows));
	/* said again, and the next piece */
	introduce(f, "gsb_key_name");
	row(f, 'I', "y", 1);
	assert_true(feed(f));
	copied_head(&data);
	copied_row(&data, "y", 1);
	expect(f, &data);
	assert_int_equal(freshrows_count(f->rows), 101);
}

/* One sweep, below the oldest row. */
static void
test_the_end(void **state)
{
	struct fixture *f = *state;
	struct pgbatch *b = pgbatch_new();

	introduce(f, "gsb_key_name");
	freshrows_add_end(f->rows, b);
	assert_int_equal(pgbatch_count(b), 0);
	for (int64_t v = 900; v >= 300; v -= 300) {
		row(f, 'I', "x", v);
		assert_true(feed(f));
	}
	freshrows_add_end(f->rows, b);
	assert_int_equal(pgbatch_count(b), 1);
	assert_string_equal(STAILQ_FIRST(&b->items)->values[0], "300");
	pgbatch_free(&b);
}

static void
relation(struct fixture *f, uint32_t oid, const char *schema, const char *name)
{
	strbuf_addc(&f->out, 'R');
	pgoutput_int(&f->out, oid, 4);
	pgoutput_text(&f->out, schema);
	pgoutput_text(&f->out, name);
	strbuf_addc(&f->out, 'd');
	pgoutput_int(&f->out, 0, 2);
	assert_true(feed(f));
}

static void
empty_row(struct fixture *f, char kind, uint32_t oid)
{
	pgoutput_change(&f->out, kind, oid);
	strbuf_addc(&f->out, kind == 'D' ? 'K' : 'N');
	pgoutput_row(&f->out, 0);
}

static void
test_what_is_of_no_concern(void **state)
{
	struct fixture *f = *state;

	relation(f, OTHER, "public", "other");
	for (const char *kind = "IUD"; *kind != '\0'; kind++) {
		empty_row(f, *kind, OTHER);
		assert_true(feed(f));
	}
	strbuf_addc(&f->out, 'M');
	pgoutput_int(&f->out, 1, 1);
	pgoutput_int(&f->out, 9, 8);
	pgoutput_text(&f->out, "gsb.progress");
	pgoutput_int(&f->out, 0, 4);
	assert_true(feed(f));
	assert_int_equal(freshrows_bytes(f->rows), 0);
}

static void
test_what_is_refused(void **state)
{
	struct fixture *f = *state;

	introduce(f, "gsb_key_name");
	row(f, 'U', "x", 1);
	assert_false(feed(f));
	empty_row(f, 'D', ITEM);
	assert_false(feed(f));
	empty_row(f, 'I', ITEM); /* not so many columns */
	assert_false(feed(f));
	empty_row(f, 'I', OTHER); /* never introduced */
	assert_false(feed(f));
	relation(f, TOMBSTONE, "gsb", "tombstone");
	empty_row(f, 'I', TOMBSTONE);
	assert_false(feed(f));
	strbuf_addc(&f->out, 'T');
	pgoutput_int(&f->out, 0, 5);
	assert_false(feed(f));
	strbuf_addc(&f->out, 'M');
	pgoutput_int(&f->out, 1, 1);
	pgoutput_int(&f->out, 9, 8);
	pgoutput_text(&f->out, "gsb.barrier");
	pgoutput_int(&f->out, 0, 4);
	assert_false(feed(f));
	/* a column that is unknown here is kept elsewhere */
	introduce(f, "later");
	row(f, 'I', "x", 1);
	assert_false(feed(f));
}

/* Every beginning of a row, and one without an incarnation. */
static void
test_rows_that_are_broken(void **state)
{
	struct fixture *f = *state;
	STRBUF_AUTO whole = { 0 };

	introduce(f, "gsb_key_name");
	row(f, 'I', "x", 1);
	strbuf_add_span(&whole, strbuf_span(&f->out));
	for (size_t n = 1; n < whole.len; n++) {
		strbuf_reset(&f->out);
		strbuf_add(&f->out, whole.at, n);
		assert_false(feed(f));
	}
	strbuf_add_span(&f->out, strbuf_span(&whole));
	strbuf_addc(&f->out, '\0');
	assert_false(feed(f));
	strbuf_add_span(&f->out, strbuf_span(&whole));
	f->out.at[8] = 't';
	assert_false(feed(f));
	pgoutput_change(&f->out, 'I', ITEM);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 5);
	for (int i = 0; i < 5; i++)
		pgoutput_datum(&f->out, 'n', NULL);
	assert_false(feed(f));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rows_become_data),      T(test_the_end),
		T(test_what_is_of_no_concern), T(test_what_is_refused),
		T(test_rows_that_are_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
