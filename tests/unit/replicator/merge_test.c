/*
 * The join is a lattice join: whatever the order, the grouping and the
 * number of times, the same state comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "catalog_rows.h"
#include "replicator/catalog.h"
#include "replicator/merge.h"

enum { COLUMNS = 32, ROUNDS = 20000 };

static const char declared[] = "[table item]\n"
			       "key = id\n"
			       "group.text = a, b\n"
			       "group.state = no, state\n"
			       "max.state = no, state(low < mid < high)\n"
			       "unique.mail = owner, mail\n";

struct fixture {
	struct tables *tables;
	struct catalog *catalog;
	const struct table *table;
};

/* A row that owns its values. */
struct row {
	char bytes[COLUMNS][8];
	struct span values[COLUMNS];
	bool absent[COLUMNS];
};

static int
setup(void **state)
{
	static struct fixture f;
	struct pgresult rows = catalog_rows(item_columns);
	struct err e = { 0 };

	f.tables = tables_read("t.ini", span_of(declared), &e);
	assert_non_null(f.tables);
	f.catalog = catalog_new(f.tables, &rows, true, &e);
	assert_non_null(f.catalog);
	f.table = &f.catalog->list[0];
	catalog_rows_free(&rows);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	catalog_free(&f->catalog);
	tables_free(&f->tables);
	return 0;
}

static void
put(struct row *r, size_t column, const void *bytes, size_t len)
{
	memcpy(r->bytes[column], bytes, len);
	r->values[column] = span_make(r->bytes[column], len);
}

static void
put_number(struct row *r, size_t column, int64_t n, int width)
{
	char bytes[8];

	for (int i = 0; i < width; i++)
		bytes[i] = (char)(n >> (8 * (width - 1 - i)));
	put(r, column, bytes, (size_t)width);
}

/* Few different values, so that ties and equal versions are common. */
static void
make(const struct table *t, struct row *r, unsigned *seed)
{
	static const char *const states[] = { "low", "mid", "high", "odd" };

	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < t->ncolumns; i++) {
		const char *name = t->columns[i].name;
		int pick = rand_r(seed) >> 4;

		if (strcmp(name, "no") == 0 && pick % 5 > 0)
			put_number(r, i, pick % 5 - 2, 4);
		else if (strcmp(name, "state") == 0)
			put(r, i, states[pick % 4], strlen(states[pick % 4]));
		else if (strncmp(name, "gsb_v_", 6) == 0)
			put_number(r, i, pick % 3, 8);
		else if (pick % 4 > 0)
			put(r, i, &"xyzw"[pick % 4], 1);
	}
}

static void
join(const struct table *t, const struct row *a, const struct row *b,
     struct row *out)
{
	struct merge_row ma = { a->values, a->absent };
	struct merge_row mb = { b->values, b->absent };
	unsigned char take[COLUMNS];

	merge_join(t, &ma, &mb, take);
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct row *from = take[i] ? b : a;

		if (from->values[i].at != NULL)
			put(out, i, from->bytes[i], from->values[i].len);
		out->absent[i] = from->absent[i];
	}
}

/* In what merges; derived columns do not. */
static bool
same(const struct table *t, const struct row *a, const struct row *b)
{
	for (size_t p = 0; p < t->nparams; p++) {
		size_t i = t->params[p];

		if (t->columns[i].role == COLUMN_KEY)
			continue;
		if ((a->values[i].at == NULL) != (b->values[i].at == NULL) ||
		    !span_eq(a->values[i], b->values[i]))
			return false;
	}
	return true;
}

static void
test_join_is_commutative_associative_idempotent(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 7;

	for (int i = 0; i < ROUNDS; i++) {
		struct row a, b, c, ab, ba, bc, left, right;
		unsigned began = seed;

		make(f->table, &a, &seed);
		make(f->table, &b, &seed);
		make(f->table, &c, &seed);
		join(f->table, &a, &b, &ab);
		join(f->table, &b, &a, &ba);
		join(f->table, &b, &c, &bc);
		join(f->table, &ab, &c, &left);
		join(f->table, &a, &bc, &right);
		if (!same(f->table, &ab, &ba))
			fail_msg("not commutative at seed %u", began);
		if (!same(f->table, &left, &right))
			fail_msg("not associative at seed %u", began);
		join(f->table, &ab, &a, &left);
		if (!same(f->table, &left, &ab))
			fail_msg("not idempotent at seed %u", began);
	}
}

static int64_t
number(const struct fixture *f, const struct row *r, const char *name)
{
	return merge_int8(r->values[table_column(f->table, name)]);
}

static void
test_the_higher_incarnation_wins_whole(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 3;
	struct row a, b, out;
	size_t row = f->table->row;

	for (int i = 0; i < 1000; i++) {
		make(f->table, &a, &seed);
		make(f->table, &b, &seed);
		put_number(&a, row, 5, 8);
		put_number(&b, row, 9, 8);
		join(f->table, &a, &b, &out);
		assert_true(same(f->table, &out, &b));
	}
}

static void
test_a_rank_beats_a_version(void **state)
{
	struct fixture *f = *state;
	const struct table *t = f->table;
	size_t st = table_column(t, "state"), no = table_column(t, "no");
	size_t v = table_column(t, "gsb_v_state");
	unsigned seed = 1;
	struct row a, b, out;

	make(t, &a, &seed);
	b = a;
	for (size_t i = 0; i < t->ncolumns; i++)
		b.values[i].at = a.values[i].at ? b.bytes[i] : NULL;
	put(&a, st, "high", 4);
	put(&b, st, "mid", 3);
	put_number(&a, no, -1, 4);
	put_number(&b, no, -1, 4);
	put_number(&a, v, 10, 8);
	put_number(&b, v, 20, 8);
	join(t, &a, &b, &out);
	assert_int_equal(number(f, &out, "gsb_v_state"), 10);
	put_number(&b, no, 0, 4); /* the counter before the label */
	join(t, &a, &b, &out);
	assert_int_equal(number(f, &out, "gsb_v_state"), 20);
}

static void
test_what_did_not_come_is_as_it_was(void **state)
{
	struct fixture *f = *state;
	const struct table *t = f->table;
	size_t body = table_column(t, "body");
	unsigned seed = 1;
	struct row a, b, out;

	make(t, &a, &seed);
	b = a;
	for (size_t i = 0; i < t->ncolumns; i++)
		b.values[i].at = a.values[i].at ? b.bytes[i] : NULL;
	put(&a, body, "{}", 2);
	b.absent[body] = true;
	b.values[body] = (struct span){ 0 };
	put_number(&b, table_column(t, "gsb_v_text"), 99, 8);
	join(t, &a, &b, &out);
	assert_false(out.absent[body]);
	assert_true(span_is(out.values[body], "{}"));
	assert_int_equal(number(f, &out, "gsb_v_text"), 99);
	join(t, &b, &a, &out);
	assert_true(span_is(out.values[body], "{}"));
}

/* Its value may be one that was made here: what came before is older. */
static void
test_what_did_not_come_is_not_of_an_older_version(void **state)
{
	struct fixture *f = *state;
	const struct table *t = f->table;
	size_t body = table_column(t, "body"), row = t->row;
	size_t v = t->groups[t->columns[body].group].version;
	unsigned seed = 1;

	for (int i = 0; i < 4; i++) {
		bool born = i & 1, first = i & 2;
		struct row a, b, out;

		make(t, &a, &seed);
		make(t, &b, &seed);
		put(&a, body, "{}", 2);
		put_number(&a, row, 5, 8);
		put_number(&b, row, born ? 9 : 5, 8);
		put_number(&a, v, 6, 8);
		put_number(&b, v, 10, 8);
		b.absent[body] = true;
		b.values[body] = (struct span){ 0 };
		if (first)
			join(t, &b, &a, &out);
		else
			join(t, &a, &b, &out);
		assert_true(out.absent[body]);
		assert_int_equal(merge_int8(out.values[v]), 10);
	}
}

static void
test_int8_is_big_endian_and_signed(void **state)
{
	assert_int_equal(merge_int8(span_make("\0\0\0\0\0\0\1\2", 8)), 258);
	assert_int_equal(merge_int8(span_make("\xff\xff\xff\xff\xff\xff\xff"
					      "\xfe",
					      8)),
			 -2);
	assert_int_equal(merge_int8((struct span){ 0 }), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_join_is_commutative_associative_idempotent),
		cmocka_unit_test(test_the_higher_incarnation_wins_whole),
		cmocka_unit_test(test_a_rank_beats_a_version),
		cmocka_unit_test(test_what_did_not_come_is_as_it_was),
		cmocka_unit_test(
		    test_what_did_not_come_is_not_of_an_older_version),
		cmocka_unit_test(test_int8_is_big_endian_and_signed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
