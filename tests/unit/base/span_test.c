#include "base/span.h"

#include "base/mem.h"
#include "base/unit.h"

static void
test_comparisons(void **state)
{
	struct span s = span_of("Content-Type");

	assert_true(span_is(s, "Content-Type"));
	assert_false(span_is(s, "content-type"));
	assert_true(span_iis(s, "content-TYPE"));
	assert_false(span_iis(s, "content_type"));
	assert_false(span_iis(s, "content-typ"));
	assert_true(span_starts(s, "Con"));
	assert_true(span_starts(s, ""));
	assert_false(span_starts(s, "Content-Types"));
	assert_true(span_ends(s, "Type"));
	assert_false(span_ends(s, "xContent-Type"));
	assert_true(span_eq(span_of(NULL), span_of("")));
	/* only letters fold: [ and { differ by the same bit */
	assert_false(span_iis(span_of("["), "{"));
	assert_false(span_iis(span_of("\xc4"), "\xe4"));
}

/* Every pair of bytes, alone and among seven others. */
static void
test_case_of_all_bytes(void **state)
{
	char a[] = "aaaaaaaa", b[] = "AAAAAAAA";

	for (int i = 0; i < 65536; i++) {
		int x = i / 256, y = i % 256;
		bool letters = ((x | 0x20) >= 'a' && (x | 0x20) <= 'z');
		bool want = x == y || (letters && (x ^ y) == 0x20);

		a[i % 8] = (char)x;
		b[i % 8] = (char)y;
		if (span_ieq(span_make(a, 8), span_make(b, 8)) != want ||
		    span_ieq(span_make(a + i % 8, 1),
			     span_make(b + i % 8, 1)) != want)
			fail_msg("bytes %d and %d", x, y);
		a[i % 8] = 'a';
		b[i % 8] = 'A';
	}
}

static void
test_trim_find_skip(void **state)
{
	unit_span_is(span_trim(span_of(" \t\r\n x y \n")), "x y");
	unit_span_is(span_trim(span_of("  \n")), "");
	assert_int_equal(span_find(span_of("a=b=c"), '='), 1);
	assert_int_equal(span_find(span_of("abc"), '='), -1);
	assert_int_equal(span_find(span_of(NULL), '='), -1);
	unit_span_is(span_skip(span_of("abc"), 2), "c");
	unit_span_is(span_skip(span_of("abc"), 9), "");
}

static void
test_cut(void **state)
{
	struct span rest = span_of("a,,b,");
	struct span part;

	assert_true(span_cut(&rest, ',', &part));
	unit_span_is(part, "a");
	assert_true(span_cut(&rest, ',', &part));
	unit_span_is(part, "");
	assert_true(span_cut(&rest, ',', &part));
	unit_span_is(part, "b");
	assert_true(span_cut(&rest, ',', &part));
	unit_span_is(part, "");
	assert_false(span_cut(&rest, ',', &part));
	rest = span_of("");
	assert_true(span_cut(&rest, ',', &part));
	assert_false(span_cut(&rest, ',', &part));
}

static void
test_copy_and_dup(void **state)
{
	char buf[4];
	char *dup = span_dup(span_make("abcdef", 3));

	assert_string_equal(dup, "abc");
	mem_free(dup);
	assert_true(span_copy(span_of("abc"), buf, sizeof(buf)));
	assert_string_equal(buf, "abc");
	assert_false(span_copy(span_of("abcd"), buf, sizeof(buf)));
	assert_string_equal(buf, "");
	assert_false(span_copy(span_make("a\0b", 3), buf, sizeof(buf)));
}

static void
test_numbers(void **state)
{
	static const char *const wrong[] = { "",
					     "-",
					     "+1",
					     " 1",
					     "1 ",
					     "0x1",
					     "1.0",
					     "--1",
					     "-+1",
					     "1-",
					     "9223372036854775808",
					     "-9223372036854775809",
					     "99999999999999999999999" };
	int64_t i = 7;
	uint64_t u = 7;

	assert_int_equal(span_to_i64(span_of("-9223372036854775808"), &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(span_to_i64(span_of("9223372036854775807"), &i), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(span_to_u64(span_of("18446744073709551615"), &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(span_to_u64(span_of("18446744073709551616"), &u), -1);
	assert_int_equal(span_to_u64(span_of("-1"), &u), -1);
	assert_true(u == UINT64_MAX);
	i = 7;
	for (size_t n = 0; n < UNIT_COUNT(wrong); n++)
		if (span_to_i64(span_of(wrong[n]), &i) != -1)
			fail_msg("\"%s\" was read as a number", wrong[n]);
	assert_int_equal(i, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_case_of_all_bytes),
		cmocka_unit_test(test_trim_find_skip),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_copy_and_dup),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
