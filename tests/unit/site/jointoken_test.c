#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/token.h"
#include "site/jointoken.h"

static const char key[] =
    "k1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

static void
test_token_there_and_back(void **state)
{
	struct err e = { 0 };
	struct keyring *keys = keyring_parse("test", span_of(key), &e);
	struct arena *arena = arena_new();
	const struct jointoken t = { .company = "acme",
				     .meeting = 123456789,
				     .participant = "p1",
				     .name = "Eva \"E\"",
				     .host = true,
				     .row = "m1",
				     .no = 3,
				     .lobby = true };
	struct jointoken back;
	STRBUF_AUTO sb = { 0 };

	assert_non_null(keys);
	jointoken_make(keys, &t, 1000, &sb);
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 999, arena, &back, &e), 0);
	assert_string_equal(back.company, "acme");
	assert_int_equal(back.meeting, 123456789);
	assert_string_equal(back.participant, "p1");
	assert_string_equal(back.name, "Eva \"E\"");
	assert_true(back.host);
	assert_false(back.guest);
	assert_string_equal(back.row, "m1");
	assert_int_equal(back.no, 3);
	assert_false(back.early);
	assert_true(back.lobby);
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 1000, arena, &back, &e), -1);
	sb.at[sb.len - 1] ^= 1;
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 999, arena, &back, &e), -1);
	arena_free(&arena);
	keyring_free(&keys);
}

/* n and n-1 work beside each other. */
static void
test_a_token_of_the_version_before(void **state)
{
	struct err e = { 0 };
	struct keyring *keys = keyring_parse("test", span_of(key), &e);
	struct arena *arena = arena_new();
	struct jointoken t;
	STRBUF_AUTO sb = { 0 };

	token_make(keys, "join",
		   span_of("{\"c\":\"acme\",\"h\":false,\"m\":7,"
			   "\"n\":\"N\",\"p\":\"P\"}"),
		   1000, &sb);
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 999, arena, &t, &e), 0);
	assert_string_equal(t.row, "");
	assert_false(t.early);
	arena_free(&arena);
	keyring_free(&keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_there_and_back),
		cmocka_unit_test(test_a_token_of_the_version_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
