#include "http/url.h"

#include "base/unit.h"

static void
test_decode(void **state)
{
	STRBUF_AUTO sb = { 0 };
	struct err e = { 0 };

	strbuf_adds(&sb, "<");
	unit_works(
	    url_decode(span_of("a%20b+c%2f%C3%a4%2B"), URL_PLUS_BLANK, &sb, &e),
	    &e);
	assert_string_equal(strbuf_text(&sb), "<a b c/ä+");
	strbuf_reset(&sb);
	unit_works(url_decode(span_of("a+b"), URL_PLUS_KEEP, &sb, &e), &e);
	assert_string_equal(strbuf_text(&sb), "a+b");
}

static void
test_decode_refuses(void **state)
{
	static const char *const bad[] = { "%",   "a%",   "%2",  "%zz", "%2g",
					   "%g2", "%%20", "%00", "%+1" };
	STRBUF_AUTO sb = { 0 };
	struct err e = { 0 };

	strbuf_adds(&sb, "kept");
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		unit_fails(url_decode(span_of(bad[i]), URL_PLUS_KEEP, &sb, &e),
			   &e, "%");
	unit_fails(url_decode(span_make("a\0b", 3), URL_PLUS_KEEP, &sb, &e), &e,
		   "NUL");
	assert_string_equal(strbuf_text(&sb), "kept");
}

static void
test_path(void **state)
{
	struct url_path p;
	struct err e = { 0 };
	char buf[64];

	unit_works(url_path_parse(span_of("/Acme//v1/a%20b+c/..x/"), buf,
				  sizeof(buf), &p, &e),
		   &e);
	assert_int_equal(p.n, 4);
	assert_true(p.slash_at_end);
	assert_true(url_path_is(&p, 0, "Acme"));
	assert_false(url_path_is(&p, 0, "acme"));
	assert_true(url_path_iis(&p, 0, "acme"));
	assert_true(url_path_is(&p, 2, "a b+c"));
	assert_true(url_path_is(&p, 3, "..x"));
	assert_false(url_path_is(&p, 4, ""));
	unit_works(url_path_parse(span_of("/"), buf, sizeof(buf), &p, &e), &e);
	assert_int_equal(p.n, 0);
	unit_works(url_path_parse(span_of(NULL), buf, sizeof(buf), &p, &e), &e);
	assert_int_equal(p.n, 0);
}

#define TEN "/1/1/1/1/1/1/1/1/1/1"

static void
test_path_refuses(void **state)
{
	static const char *const bad[] = {
		"/a/../b", "/..",
		"/.",      "/%2e%2E/x",
		"/a/.%2e", "/a%2fb",
		"/a%2Fb",  "/a%5cb",
		"/a%00",   "/a%0d%0a",
		"/a%7f",   "/a%",
		"/a%1",    TEN "/1" TEN "/1" TEN "/1",
	};
	struct url_path p;
	struct err e = { 0 };
	char buf[80];

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		unit_fails(
		    url_path_parse(span_of(bad[i]), buf, sizeof(buf), &p, &e),
		    &e, "path: ");
	unit_fails(url_path_parse(span_of("/abc"), buf, 3, &p, &e), &e,
		   "longer than 3");
}

static void
test_pairs(void **state)
{
	struct span rest = span_of("a=1&&b&c=x=y&=z&d=");
	static const char *const expected[][2] = {
		{ "a", "1" }, { "b", "" }, { "c", "x=y" },
		{ "", "z" },  { "d", "" },
	};
	struct span name, value;

	for (size_t i = 0; i < UNIT_COUNT(expected); i++) {
		assert_true(url_pair_next(&rest, &name, &value));
		unit_span_is(name, expected[i][0]);
		unit_span_is(value, expected[i][1]);
	}
	assert_false(url_pair_next(&rest, &name, &value));
	rest = span_of("");
	assert_false(url_pair_next(&rest, &name, &value));
	rest = span_of(NULL);
	assert_false(url_pair_next(&rest, &name, &value));
}

static void
test_pair_get(void **state)
{
	struct span q = span_of("M%4b=5&X=%zz&XML=%3Ca%3E+b&XML=2&%zz=1");
	STRBUF_AUTO sb = { 0 };
	struct err e = { 0 };

	assert_int_equal(url_pair_get(q, "MK", &sb, &e), 1);
	assert_string_equal(strbuf_text(&sb), "5");
	assert_int_equal(url_pair_get(q, "XML", &sb, &e), 1);
	assert_string_equal(strbuf_text(&sb), "5<a> b");
	assert_int_equal(url_pair_get(q, "xml", &sb, &e), 0);
	assert_int_equal(url_pair_get(q, "M", &sb, &e), 0);
	assert_int_equal(url_pair_get(q, "MKK", &sb, &e), 0);
	unit_fails(url_pair_get(q, "X", &sb, &e), &e, "parameter X: ");
	assert_int_equal(url_pair_get(span_make("a\0\0\0=1", 6), "a", &sb, &e),
			 0);
}

static void
test_encode(void **state)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO back = { 0 };
	struct err e = { 0 };
	char all[255];

	url_encode(span_of("a b/ä~-._9%"), &sb);
	assert_string_equal(strbuf_text(&sb), "a%20b%2F%C3%A4~-._9%25");
	strbuf_reset(&sb);
	url_encode_path(span_of("/a b"), &sb);
	assert_string_equal(strbuf_text(&sb), "/a%20b");
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	strbuf_reset(&sb);
	url_encode(span_make(all, sizeof(all)), &sb);
	unit_works(url_decode(strbuf_span(&sb), URL_PLUS_BLANK, &back, &e), &e);
	assert_true(span_eq(strbuf_span(&back), span_make(all, sizeof(all))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_refuses),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_path_refuses),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_pair_get),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
