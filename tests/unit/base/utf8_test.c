#include "base/utf8.h"

#include "base/unit.h"

static void
test_every_code_point(void **state)
{
	for (uint32_t cp = 0; cp <= 0x110010; cp++) {
		char b[4];
		size_t n = cp < 0x80      ? 1
			   : cp < 0x800   ? 2
			   : cp < 0x10000 ? 3
					  : 4;
		bool right = cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
		uint32_t got = 0;

		b[0] = (char)(n == 1 ? cp
				     : (0xf00 >> n & 0xff) | cp >> 6 * (n - 1));
		for (size_t i = 1; i < n; i++)
			b[i] = (char)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
		assert_int_equal(utf8_first(span_make(b, n), &got),
				 right ? n : 0);
		if (right)
			assert_int_equal(got, cp);
		assert_int_equal(utf8_first(span_make(b, n - 1), NULL), 0);
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xf0\x80\x80\x80",
		"\x80",
		"\xff",
		"\xc3(",
		"\xe2\x82",
		"\xf8\x88\x80\x80\x80",
	};

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		assert_false(utf8_valid(span_of(bad[i])));
	assert_true(utf8_valid(span_of("")));
	assert_true(utf8_valid(span_of("Grüße, 世界 🙂")));
}

static void
test_clean(void **state)
{
	STRBUF_AUTO sb = { 0 };

	utf8_clean(span_of("a\xff\xc3\xa4\xe2\x82z"), &sb);
	assert_string_equal(strbuf_text(&sb),
			    "a" UTF8_REPLACEMENT
			    "\xc3\xa4" UTF8_REPLACEMENT UTF8_REPLACEMENT "z");
	assert_true(utf8_valid(strbuf_span(&sb)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
