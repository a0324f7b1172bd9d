#include "http/field.h"

#include "base/unit.h"

/* One byte changed in any one bit, but a letter's case, is another name. */
static void
check_neighbours(int id, const char *name)
{
	size_t n = strlen(name);

	for (size_t bit = 0; bit < n * 8; bit++) {
		size_t i = bit / 8;
		char other[40];

		if (bit % 8 == 5 && name[i] != '-')
			continue;
		memcpy(other, name, n + 1);
		other[i] = (char)(name[i] ^ 1 << bit % 8);
		assert_int_not_equal(http_field_id(span_make(other, n)), id);
	}
}

static void
test_every_name_is_found(void **state)
{
	for (int id = 1; id < HTTP_FIELD_COUNT; id++) {
		const char *name = http_field_name((enum http_field)id);
		char other[40];

		if (id == HTTP_FIELD_GSB_OTHER)
			continue;
		assert_int_equal(http_field_id(span_of(name)), id);
		for (size_t i = 0; i <= strlen(name); i++)
			other[i] = name[i] >= 'a' && name[i] <= 'z'
				       ? (char)(name[i] - 32)
				       : name[i];
		assert_int_equal(http_field_id(span_of(other)), id);
		check_neighbours(id, name);
	}
}

static void
test_other_names(void **state)
{
	assert_int_equal(http_field_id(span_of("X-Own")), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_id(span_of("")), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_id(span_of(NULL)), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_id(span_of("gsb-anything")),
			 HTTP_FIELD_GSB_OTHER);
	assert_int_equal(http_field_id(span_of("GSB-")), HTTP_FIELD_GSB_OTHER);
	assert_int_equal(http_field_id(span_of("GSBX")), HTTP_FIELD_OTHER);
	assert_string_equal(http_field_name(HTTP_FIELD_COUNT), "");
}

static void
test_hop_by_hop(void **state)
{
	static const char *const hop[] = { "Connection",
					   "Keep-Alive",
					   "Proxy-Authenticate",
					   "Proxy-Authorization",
					   "Proxy-Connection",
					   "TE",
					   "Trailer",
					   "Transfer-Encoding",
					   "Upgrade" };
	unsigned n = 0;

	for (size_t i = 0; i < UNIT_COUNT(hop); i++)
		assert_true(
		    http_field_hop_by_hop(http_field_id(span_of(hop[i]))));
	for (int id = 0; id < HTTP_FIELD_COUNT; id++)
		n += http_field_hop_by_hop((enum http_field)id);
	assert_int_equal(n, UNIT_COUNT(hop));
}

static void
test_lists(void **state)
{
	struct span rest = span_of(" a ,, \"b, \\\" c\" ,d;q=\"x,y\"\t,");
	struct span e;

	assert_true(http_list_next(&rest, &e));
	unit_span_is(e, "a");
	assert_true(http_list_next(&rest, &e));
	unit_span_is(e, "\"b, \\\" c\"");
	assert_true(http_list_next(&rest, &e));
	unit_span_is(e, "d;q=\"x,y\"");
	assert_false(http_list_next(&rest, &e));
	assert_true(http_list_has(span_of("a, Keep-Alive"), "keep-alive"));
	assert_false(http_list_has(span_of("a, keep-alive2"), "keep-alive"));
	assert_false(http_list_has(span_of(NULL), "x"));
	rest = span_of("\"open, x\\");
	assert_true(http_list_next(&rest, &e));
	unit_span_is(e, "\"open, x\\");
}

static void
test_hosts(void **state)
{
	static const char *const good[] = { "a",
					    "example.com",
					    "example.com:80",
					    "1.2.3.4:65535",
					    "[::1]",
					    "[::ffff:1.2.3.4]:8080",
					    "x:",
					    "a%20b",
					    "a_b-c~",
					    "host:0" };
	static const char *const bad[] = {
		"",       ":80",    "a b",     "a/b",
		"user@a", "a:b",    "a:65536", "a:123456",
		"a:-1",   "a:1:2",  "[::1",    "[]",
		"[1]",    "[::1]x", "[::1]:x", "[fe80::1%25eth0]",
		"a%2",    "a%zz",   "ä",       "a?b",
		"a#b",    "a\\b",   "::1",     "a,b:x"
	};

	for (size_t i = 0; i < UNIT_COUNT(good); i++)
		if (!http_host_valid(span_of(good[i])))
			fail_msg("%s is a host", good[i]);
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		if (http_host_valid(span_of(bad[i])))
			fail_msg("%s is not a host", bad[i]);
}

static void
test_tokens_and_values(void **state)
{
	assert_true(http_token_valid(span_of("x-!#$%&'*+.^_`|~9")));
	assert_false(http_token_valid(span_of("")));
	assert_false(http_token_valid(span_of("a b")));
	assert_false(http_token_valid(span_of("a:")));
	assert_true(http_value_valid(span_of("a\tb \xff")));
	assert_true(http_value_valid(span_of("")));
	assert_false(http_value_valid(span_of("a\r\nb")));
	assert_false(http_value_valid(span_make("a\0", 2)));
	assert_false(http_value_valid(span_of("\x7f")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_is_found),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_hop_by_hop),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_tokens_and_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
