#include "replicator/decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "pgoutput.h"
#include "pgoutput_message.h"

struct fixture {
	struct arena *arena;
	struct strbuf bytes;
	struct decoder_message m;
	struct err e;
};

static int
setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	f->arena = arena_new();
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	strbuf_fini(&f->bytes);
	mem_free(f);
	return 0;
}

/* From an exact heap copy, so that ASan sees a read past the end. */
static int
read_bytes(struct fixture *f)
{
	char *copy = mem_alloc(f->bytes.len);
	int rc;

	if (f->bytes.len > 0)
		memcpy(copy, f->bytes.at, f->bytes.len);
	rc = decoder_read(span_make(copy, f->bytes.len), f->arena, &f->m,
			  &f->e);
	mem_free(copy);
	return rc;
}

static void
test_begin_and_commit(void **state)
{
	struct fixture *f = *state;

	pgoutput_begin(&f->bytes, 0x1122334455667788, -5, 42);
	assert_int_equal(read_bytes(f), 0);
	assert_int_equal(f->m.kind, DECODER_BEGIN);
	assert_true(f->m.lsn == 0x1122334455667788);
	assert_true(f->m.time_us == -5);
	assert_int_equal(f->m.xid, 42);
	strbuf_reset(&f->bytes);
	pgoutput_commit(&f->bytes, 0x10, 0x40, 9);
	assert_int_equal(read_bytes(f), 0);
	assert_true(f->m.lsn == 0x10 && f->m.end_lsn == 0x40);
	assert_true(f->m.time_us == 9);
}

static void
test_relation(void **state)
{
	struct fixture *f = *state;

	pgoutput_relation(&f->bytes, 16400, "account", 2);
	pgoutput_column(&f->bytes, true, "id", 20);
	pgoutput_column(&f->bytes, false, "name", 25);
	assert_int_equal(read_bytes(f), 0);
	assert_int_equal(f->m.oid, 16400);
	assert_string_equal(f->m.relation->schema, "public");
	assert_string_equal(f->m.relation->name, "account");
	assert_int_equal(f->m.relation->ncolumns, 2);
	assert_true(f->m.relation->columns[0].key);
	assert_false(f->m.relation->columns[1].key);
	assert_string_equal(f->m.relation->columns[1].name, "name");
	assert_int_equal(f->m.relation->columns[1].type, 25);
	assert_int_equal(f->m.relation->columns[1].typmod, -1);
}

static void
test_rows(void **state)
{
	struct fixture *f = *state;
	struct span whole;

	pgoutput_change(&f->bytes, 'U', 7);
	strbuf_addc(&f->bytes, 'K');
	pgoutput_row(&f->bytes, 1);
	pgoutput_datum(&f->bytes, 'b', "old");
	strbuf_addc(&f->bytes, 'N');
	pgoutput_row(&f->bytes, 4);
	pgoutput_datum(&f->bytes, 'b', "new");
	pgoutput_datum(&f->bytes, 't', "");
	pgoutput_datum(&f->bytes, 'n', NULL);
	pgoutput_datum(&f->bytes, 'u', NULL);
	whole = strbuf_span(&f->bytes);
	assert_int_equal(decoder_read(whole, f->arena, &f->m, &f->e), 0);
	assert_int_equal(f->m.old.n, 1);
	assert_true(span_is(f->m.old.columns[0].bytes, "old"));
	assert_int_equal(f->m.row.n, 4);
	assert_int_equal(f->m.row.columns[0].kind, DATUM_BINARY);
	assert_true(span_is(f->m.row.columns[0].bytes, "new"));
	assert_int_equal(f->m.row.columns[1].kind, DATUM_TEXT);
	assert_int_equal(f->m.row.columns[1].bytes.len, 0);
	assert_int_equal(f->m.row.columns[2].kind, DATUM_NULL);
	assert_int_equal(f->m.row.columns[3].kind, DATUM_UNCHANGED);
}

static void
test_delete_and_message(void **state)
{
	struct fixture *f = *state;
	struct span whole;

	pgoutput_change(&f->bytes, 'D', 7);
	strbuf_addc(&f->bytes, 'K');
	pgoutput_row(&f->bytes, 1);
	pgoutput_datum(&f->bytes, 'b', "k");
	whole = strbuf_span(&f->bytes);
	assert_int_equal(decoder_read(whole, f->arena, &f->m, &f->e), 0);
	assert_true(span_is(f->m.old.columns[0].bytes, "k"));
	assert_int_equal(f->m.row.n, 0);
	strbuf_reset(&f->bytes);
	pgoutput_message(&f->bytes, "gsb.barrier", "token");
	whole = strbuf_span(&f->bytes);
	assert_int_equal(decoder_read(whole, f->arena, &f->m, &f->e), 0);
	assert_true(f->m.transactional);
	assert_true(span_is(f->m.name, "gsb.barrier"));
	assert_true(span_is(f->m.content, "token"));
}

/* Every cut of a message is refused, and so is a byte too many. */
static void
test_cuts_are_refused(void **state)
{
	struct fixture *f = *state;
	size_t whole;

	pgoutput_change(&f->bytes, 'I', 7);
	strbuf_addc(&f->bytes, 'N');
	pgoutput_row(&f->bytes, 2);
	pgoutput_datum(&f->bytes, 'b', "abc");
	pgoutput_datum(&f->bytes, 'n', NULL);
	assert_int_equal(read_bytes(f), 0);
	whole = f->bytes.len;
	strbuf_addc(&f->bytes, 0);
	assert_int_equal(read_bytes(f), -1);
	while (whole-- > 0) {
		strbuf_cut(&f->bytes, whole);
		assert_int_equal(read_bytes(f), -1);
		assert_int_equal(f->e.code, ERR_INVALID);
	}
}

static void
test_unknown_is_refused(void **state)
{
	struct fixture *f = *state;

	strbuf_adds(&f->bytes, "Zxxxx");
	assert_int_equal(read_bytes(f), -1);
	assert_non_null(strstr(f->e.text, "0x5a"));
}

static void
test_lsn(void **state)
{
	char buf[DECODER_LSN_SIZE];
	uint64_t lsn = 1;

	assert_string_equal(decoder_lsn(0x16B374D848, buf), "16/B374D848");
	assert_string_equal(decoder_lsn(UINT64_MAX, buf), "FFFFFFFF/FFFFFFFF");
	assert_int_equal(decoder_parse_lsn(span_of("16/B374d848"), &lsn), 0);
	assert_true(lsn == 0x16B374D848);
	assert_int_equal(decoder_parse_lsn(span_of("0/0"), &lsn), 0);
	assert_true(lsn == 0);
	assert_int_equal(decoder_parse_lsn(span_of("0"), &lsn), -1);
	assert_int_equal(decoder_parse_lsn(span_of("0/"), &lsn), -1);
	assert_int_equal(decoder_parse_lsn(span_of("0/g"), &lsn), -1);
	assert_int_equal(decoder_parse_lsn(span_of("0/123456789"), &lsn), -1);
	assert_int_equal(decoder_parse_lsn(span_of(""), &lsn), -1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_begin_and_commit),
		T(test_relation),
		T(test_rows),
		T(test_delete_and_message),
		T(test_cuts_are_refused),
		T(test_unknown_is_refused),
		T(test_lsn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
