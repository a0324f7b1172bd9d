/* Messages in, batches out: whole transactions, no echo, one state per key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "catalog_rows.h"
#include "pgoutput.h"
#include "pgoutput_message.h"
#include "replicator/intake.h"
#include "replicator/merge.h"

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
	struct intake *intake;
	struct strbuf out;
	struct err e;
};

static void
pgoutput_int8(struct strbuf *out, int64_t v)
{
	strbuf_addc(out, 'b');
	pgoutput_int(out, 8, 4);
	pgoutput_int(out, (uint64_t)v, 8);
}

static int
setup(void **state)
{
	static struct fixture f;
	struct pgresult rows = catalog_rows(columns);

	f = (struct fixture){ 0 };
	f.tables = tables_read("t.ini", span_of("[table item]\nkey = id\n"),
			       &f.e);
	assert_non_null(f.tables);
	f.catalog = catalog_new(f.tables, &rows, true, &f.e);
	assert_non_null(f.catalog);
	catalog_rows_free(&rows);
	f.intake = intake_new(&(struct intake_conf){ .catalog = f.catalog,
						     .own_origin = "gsb_backup",
						     .full_rows = 10,
						     .piece_bytes = 4096 });
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	intake_free(&f->intake);
	catalog_free(&f->catalog);
	tables_free(&f->tables);
	strbuf_fini(&f->out);
	return 0;
}

/* What stands in f->out, as one message, from a copy that does not stay. */
static int
feed(struct fixture *f)
{
	size_t n = f->out.len;
	char *copy = malloc(n + 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, strbuf_text(&f->out), n);
	rc = intake_message(f->intake, span_make(copy, n), &f->e);
	memset(copy, 'X', n);
	free(copy);
	strbuf_reset(&f->out);
	return rc;
}

static void
begin(struct fixture *f, uint64_t lsn)
{
	pgoutput_begin(&f->out, lsn, 77, 1);
	assert_int_equal(feed(f), 0);
}

static void
commit(struct fixture *f, uint64_t lsn)
{
	pgoutput_commit(&f->out, lsn, lsn + 8, (int64_t)lsn);
	assert_int_equal(feed(f), 0);
}

static void
introduce(struct fixture *f)
{
	pgoutput_relation(&f->out, ITEM, "item", 4);
	pgoutput_column(&f->out, true, "id", 20);
	pgoutput_column(&f->out, false, "name", 25);
	pgoutput_column(&f->out, false, "gsb_v_name", 20);
	pgoutput_column(&f->out, false, "gsb_v_row", 20);
	assert_int_equal(feed(f), 0);
}

static void
change(struct fixture *f, char kind, int64_t id, const char *name, int64_t v)
{
	pgoutput_change(&f->out, kind, ITEM);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 4);
	pgoutput_int8(&f->out, id);
	pgoutput_datum(&f->out, name != NULL ? 'b' : 'u', name);
	pgoutput_int8(&f->out, v);
	pgoutput_int8(&f->out, 256);
	assert_int_equal(feed(f), 0);
}

static void
insert(struct fixture *f, int64_t id, const char *name, int64_t v)
{
	change(f, 'I', id, name, v);
}

static void
test_whole_transactions_only(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	assert_int_equal(intake_ready(f->intake), INTAKE_EMPTY);
	begin(f, 0x100);
	introduce(f);
	insert(f, 1, "a", 257);
	assert_int_equal(intake_ready(f->intake), INTAKE_EMPTY);
	assert_true(intake_is_busy(f->intake));
	commit(f, 0x100);
	assert_int_equal(intake_ready(f->intake), INTAKE_SOME);
	begin(f, 0x200);
	insert(f, 2, "b", 258);
	commit(f, 0x200);
	b = intake_take(f->intake);
	assert_int_equal(b->transactions, 2);
	assert_int_equal(b->rows, 2);
	assert_true(b->begins && b->ends);
	assert_true(b->end_lsn == 0x208 && b->time_us == 0x200);
	/* the bytes outlived their message */
	assert_true(span_is(b->tables[0]->rows[0].values[1], "a"));
	assert_int_equal(merge_int8(b->tables[0]->rows[1].values[0]), 2);
	assert_false(intake_is_busy(f->intake));
	batch_free(&b);
}

static void
test_collapses_by_the_join(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	begin(f, 0x100);
	introduce(f);
	insert(f, 1, "new", 900);
	insert(f, 1, "old", 300);
	insert(f, 2, NULL, 300);
	insert(f, 2, "whole", 300);
	commit(f, 0x100);
	b = intake_take(f->intake);
	assert_int_equal(b->changes, 4);
	assert_int_equal(b->rows, 2);
	assert_true(span_is(b->tables[0]->rows[0].values[1], "new"));
	assert_true(span_is(b->tables[0]->rows[1].values[1], "whole"));
	assert_null(b->tables[0]->rows[1].absent);
	batch_free(&b);
}

static void
test_unchanged_toast_stays_marked(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	begin(f, 0x100);
	introduce(f);
	insert(f, 1, NULL, 300);
	commit(f, 0x100);
	b = intake_take(f->intake);
	assert_non_null(b->tables[0]->rows[0].absent);
	assert_true(b->tables[0]->rows[0].absent[1]);
	assert_false(b->tables[0]->rows[0].absent[0]);
	batch_free(&b);
}

static void
test_our_own_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct intake_stats st;
	struct batch *b;

	begin(f, 0x100);
	pgoutput_origin(&f->out, "gsb_backup");
	assert_int_equal(feed(f), 0);
	introduce(f);
	insert(f, 1, "echo", 257);
	commit(f, 0x100);
	assert_int_equal(intake_ready(f->intake), INTAKE_EMPTY);
	assert_false(intake_is_busy(f->intake));
	assert_true(intake_end_lsn(f->intake) == 0x108);
	intake_stats(f->intake, &st);
	assert_int_equal(st.echo_transactions, 1);
	assert_true(st.echo_bytes > 0);
	/* somebody else's origin is not ours; the relation was learned */
	begin(f, 0x200);
	pgoutput_origin(&f->out, "import");
	assert_int_equal(feed(f), 0);
	insert(f, 2, "b", 258);
	commit(f, 0x200);
	b = intake_take(f->intake);
	assert_int_equal(b->rows, 1);
	batch_free(&b);
}

static void
tombstone(struct fixture *f, int64_t v)
{
	pgoutput_change(&f->out, 'U', TOMBSTONE);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 4);
	pgoutput_datum(&f->out, 'b', "public.item");
	pgoutput_datum(&f->out, 'b', "1");
	pgoutput_int8(&f->out, v);
	pgoutput_int8(&f->out, v - 1);
	assert_int_equal(feed(f), 0);
}

static void
test_tombstones_and_barriers(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	begin(f, 0x100);
	strbuf_addc(&f->out, 'R');
	pgoutput_int(&f->out, TOMBSTONE, 4);
	pgoutput_text(&f->out, "gsb");
	pgoutput_text(&f->out, "tombstone");
	strbuf_addc(&f->out, 'd');
	pgoutput_int(&f->out, 4, 2);
	pgoutput_column(&f->out, true, "rel", 25);
	pgoutput_column(&f->out, true, "key", 25);
	pgoutput_column(&f->out, false, "v", 20);
	pgoutput_column(&f->out, false, "seen", 20);
	assert_int_equal(feed(f), 0);
	tombstone(f, 600);
	tombstone(f, 900);
	tombstone(f, 700);
	pgoutput_message(&f->out, "gsb.barrier", "token");
	assert_int_equal(feed(f), 0);
	pgoutput_message(&f->out, "somebody.else", "word");
	assert_int_equal(feed(f), 0);
	commit(f, 0x100);
	b = intake_take(f->intake);
	assert_int_equal(b->ntombstones, 1);
	assert_int_equal(b->tombstones[0].v, 900);
	assert_int_equal(b->tombstones[0].seen, 899);
	assert_int_equal(b->nbarriers, 1);
	assert_true(span_is(b->barriers[0], "token"));
	batch_free(&b);
}

static void
test_empty_transactions_only_move_the_end(void **state)
{
	struct fixture *f = *state;

	begin(f, 0x100);
	commit(f, 0x100);
	assert_int_equal(intake_ready(f->intake), INTAKE_EMPTY);
	assert_true(intake_end_lsn(f->intake) == 0x108);
}

static void
test_full_by_rows(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	introduce(f);
	for (int i = 0; i < 10; i++) {
		assert_int_not_equal(intake_ready(f->intake), INTAKE_FULL);
		begin(f, 0x100 + (uint64_t)i * 16);
		insert(f, i, "n", 300);
		commit(f, 0x100 + (uint64_t)i * 16);
	}
	assert_int_equal(intake_ready(f->intake), INTAKE_FULL);
	/* it may grow while there is enough to do */
	intake_hurry(f->intake, true);
	assert_int_equal(intake_ready(f->intake), INTAKE_SOME);
	intake_hurry(f->intake, false);
	assert_int_equal(intake_ready(f->intake), INTAKE_FULL);
	b = intake_take(f->intake);
	assert_int_equal(b->rows, 10);
	assert_true(b->tables[0]->rows[9].fresh);
	batch_free(&b);
}

/* Else it would be inserted where it is known. */
static void
test_an_edited_row_is_not_fresh(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	introduce(f);
	begin(f, 0x100);
	insert(f, 1, "n", 300);
	change(f, 'U', 1, "edited", 400);
	change(f, 'U', 2, "m", 400);
	change(f, 'I', 2, "m", 500);
	commit(f, 0x100);
	b = intake_take(f->intake);
	assert_int_equal(b->rows, 2);
	assert_true(b->tables[0]->rows[0].fresh);
	assert_false(b->tables[0]->rows[1].fresh);
	batch_free(&b);
}

static void
test_a_huge_one_is_cut(void **state)
{
	struct fixture *f = *state;
	struct batch *b;
	int64_t id = 0;

	begin(f, 0x900);
	introduce(f);
	while (intake_ready(f->intake) == INTAKE_EMPTY)
		insert(f, ++id, "some words", 300);
	b = intake_take(f->intake);
	assert_true(b->begins);
	assert_false(b->ends);
	batch_free(&b);
	insert(f, ++id, "the last", 300);
	commit(f, 0x900);
	/* its end must not wait for a full batch */
	assert_int_equal(intake_ready(f->intake), INTAKE_FULL);
	b = intake_take(f->intake);
	assert_false(b->begins);
	assert_true(b->ends && b->end_lsn == 0x908);
	batch_free(&b);
}

static void
test_a_cut_connection(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	begin(f, 0x100);
	introduce(f);
	insert(f, 1, "a", 300);
	commit(f, 0x100);
	/* between transactions nothing is lost */
	assert_true(intake_cut(f->intake));
	assert_int_equal(intake_ready(f->intake), INTAKE_SOME);
	b = intake_take(f->intake);
	batch_free(&b);
	/* inside one it is dropped, and the start goes back before it */
	begin(f, 0x200);
	introduce(f);
	insert(f, 2, "b", 300);
	assert_true(intake_cut(f->intake));
	assert_int_equal(intake_ready(f->intake), INTAKE_EMPTY);
	assert_true(intake_end_lsn(f->intake) == 0x108);
	/* the peer introduces its relations again */
	begin(f, 0x200);
	pgoutput_change(&f->out, 'I', ITEM);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 0);
	assert_int_equal(feed(f), -1);
}

static void
test_a_cut_after_a_piece_is_told(void **state)
{
	struct fixture *f = *state;
	struct batch *b;
	int64_t id = 0;

	begin(f, 0x900);
	introduce(f);
	while (intake_ready(f->intake) == INTAKE_EMPTY)
		insert(f, ++id, "some words", 300);
	b = intake_take(f->intake);
	batch_free(&b);
	assert_false(intake_cut(f->intake));
}

static void
test_what_cannot_be_used_is_rejected(void **state)
{
	struct fixture *f = *state;
	struct batch *b;

	begin(f, 0x100);
	introduce(f);
	pgoutput_change(&f->out, 'I', ITEM);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 4);
	pgoutput_datum(&f->out, 't', "7");
	pgoutput_datum(&f->out, 'n', NULL);
	pgoutput_int8(&f->out, 300);
	pgoutput_int8(&f->out, 256);
	assert_int_equal(feed(f), 0);
	commit(f, 0x100);
	b = intake_take(f->intake);
	assert_int_equal(b->rows, 0);
	assert_int_equal(b->nrejects, 1);
	assert_string_equal(b->rejects[0].rel, "public.item");
	assert_non_null(strstr(b->rejects[0].payload, "\"7\""));
	batch_free(&b);
}

static void
test_order_of_messages(void **state)
{
	struct fixture *f = *state;

	pgoutput_commit(&f->out, 1, 2, 3);
	assert_int_equal(feed(f), -1);
	begin(f, 0x100);
	pgoutput_begin(&f->out, 0x200, 0, 1);
	assert_int_equal(feed(f), -1);
	pgoutput_change(&f->out, 'I', 999);
	strbuf_addc(&f->out, 'N');
	pgoutput_row(&f->out, 0);
	assert_int_equal(feed(f), -1);
	assert_non_null(strstr(f->e.text, "999"));
	assert_int_equal(feed(f), -1); /* an empty message */
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_whole_transactions_only),
		T(test_collapses_by_the_join),
		T(test_unchanged_toast_stays_marked),
		T(test_our_own_is_dropped),
		T(test_tombstones_and_barriers),
		T(test_empty_transactions_only_move_the_end),
		T(test_full_by_rows),
		T(test_an_edited_row_is_not_fresh),
		T(test_a_huge_one_is_cut),
		T(test_a_cut_connection),
		T(test_a_cut_after_a_piece_is_told),
		T(test_what_cannot_be_used_is_rejected),
		T(test_order_of_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
