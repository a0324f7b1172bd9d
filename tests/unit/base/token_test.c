#include "base/token.h"

#include "base/unit.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int
with_ring(void **state)
{
	*state = keyring_parse("keys", span_of("k1 " KEY "\n"), NULL);
	return *state != NULL ? 0 : -1;
}

static int
without_ring(void **state)
{
	keyring_free((struct keyring **)state);
	return 0;
}

static void
test_round_trip(void **state)
{
	STRBUF_AUTO token = { 0 };
	STRBUF_AUTO out = { 0 };
	struct err e = { 0 };

	token_make(*state, "ticket", span_of("{\"a\":1}"), 1000, &token);
	assert_int_equal(strspn(strbuf_text(&token),
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				"uvwxyz0123456789-_."),
			 token.len);
	unit_works(
	    token_read(*state, "ticket", strbuf_span(&token), 999, &out, &e),
	    &e);
	assert_string_equal(strbuf_text(&out), "{\"a\":1}");
}

static void
test_expiry_and_kind(void **state)
{
	STRBUF_AUTO token = { 0 };
	STRBUF_AUTO out = { 0 };
	struct err e = { 0 };

	token_make(*state, "ticket", span_of("x"), 1000, &token);
	unit_fails(
	    token_read(*state, "ticket", strbuf_span(&token), 1000, &out, &e),
	    &e, "expired 0 s ago");
	assert_int_equal(e.code, ERR_TIMEOUT);
	unit_fails(token_read(*state, "join", strbuf_span(&token), 1, &out, &e),
		   &e, "for ticket, not for join");
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(out.len, 0);
}

static void
test_every_change_is_noticed(void **state)
{
	STRBUF_AUTO token = { 0 };
	STRBUF_AUTO out = { 0 };
	struct err e = { 0 };

	token_make(*state, "t", span_of(""), 2000, &token);
	unit_works(token_read(*state, "t", strbuf_span(&token), 1, &out, &e),
		   &e);
	for (size_t i = 0; i < token.len; i++) {
		char was = token.at[i];

		token.at[i] ^= 1;
		assert_int_equal(
		    token_read(*state, "t", strbuf_span(&token), 1, &out, &e),
		    -1);
		token.at[i] = was;
		assert_int_equal(token_read(*state, "t", span_make(token.at, i),
					    1, &out, &e),
				 -1);
	}
	unit_fails(token_read(*state, "t", span_of("a.b.c"), 1, &out, &e), &e,
		   "not a token");
	strbuf_addc(&token, '.');
	assert_int_equal(
	    token_read(*state, "t", strbuf_span(&token), 1, &out, &e), -1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, with_ring, without_ring)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_expiry_and_kind),
		TEST(test_every_change_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
