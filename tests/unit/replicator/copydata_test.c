#include "replicator/copydata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pgoutput.h"

static void
test_a_change(void **state)
{
	STRBUF_AUTO b = { 0 };
	struct copydata d;
	struct err e;

	strbuf_addc(&b, 'w');
	pgoutput_int(&b, 5, 8);
	pgoutput_int(&b, 0x1122334455667788, 8);
	pgoutput_int(&b, 9, 8);
	strbuf_adds(&b, "body");
	assert_int_equal(copydata_read(strbuf_span(&b), &d, &e), 0);
	assert_int_equal(d.kind, COPYDATA_CHANGE);
	assert_true(d.end_lsn == 0x1122334455667788);
	assert_true(span_is(d.body, "body"));
}

static void
test_a_keepalive(void **state)
{
	STRBUF_AUTO b = { 0 };
	struct copydata d;
	struct err e;

	strbuf_addc(&b, 'k');
	pgoutput_int(&b, 0xfedcba9876543210, 8);
	pgoutput_int(&b, 9, 8);
	pgoutput_int(&b, 1, 1);
	assert_int_equal(copydata_read(strbuf_span(&b), &d, &e), 0);
	assert_int_equal(d.kind, COPYDATA_KEEPALIVE);
	assert_true(d.end_lsn == 0xfedcba9876543210 && d.reply_wanted);
	strbuf_cut(&b, 17);
	assert_int_equal(copydata_read(strbuf_span(&b), &d, &e), -1);
}

static void
test_nonsense(void **state)
{
	struct copydata d;
	struct err e;

	assert_int_equal(copydata_read(span_of(""), &d, &e), -1);
	assert_int_equal(copydata_read(span_of("w123"), &d, &e), -1);
	assert_int_equal(
	    copydata_read(span_of("zzzzzzzzzzzzzzzzzzzzzzzzzzzz"), &d, &e), -1);
}

static void
test_a_status(void **state)
{
	char out[COPYDATA_STATUS_SIZE];
	STRBUF_AUTO want = { 0 };

	copydata_status(0x0102030405060708, 0x0102030405060708, -2, true, out);
	strbuf_addc(&want, 'r');
	for (int i = 0; i < 3; i++)
		pgoutput_int(&want, 0x0102030405060708, 8);
	pgoutput_int(&want, (uint64_t)-2, 8);
	pgoutput_int(&want, 1, 1);
	assert_int_equal(want.len, sizeof(out));
	assert_memory_equal(out, want.at, sizeof(out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_change),
		cmocka_unit_test(test_a_keepalive),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
