#include "base/json.h"

#include "base/unit.h"

static void
test_read_and_write(void **state)
{
	STRBUF_AUTO sb = { 0 };
	struct err e = { 0 };
	JSON_AUTO j = json_read(span_of(" {\"b\": [1, true, null], "
					"\"a\": \"\\u00e4\"} "),
				&e);

	assert_non_null(j);
	json_write(j, JSON_AS_MADE, &sb);
	assert_string_equal(strbuf_text(&sb),
			    "{\"b\":[1,true,null],\"a\":\"ä\"}");
	strbuf_reset(&sb);
	json_write(j, JSON_SORTED, &sb);
	assert_string_equal(strbuf_text(&sb),
			    "{\"a\":\"ä\",\"b\":[1,true,null]}");
}

static void
refuses(const char *text, enum err_code code, const char *part)
{
	struct err e = { 0 };
	JSON_AUTO j = json_read(span_of(text), &e);

	unit_fails(j == NULL ? -1 : 0, &e, part);
	assert_int_equal(e.code, code);
}

static void
test_read_refuses(void **state)
{
	refuses("", ERR_INVALID, "JSON: line 1 column 0");
	refuses("{\"a\":1,\n\"a\":2}", ERR_INVALID, "line 2");
	refuses("{\"a\":1} x", ERR_INVALID, "end of file expected");
	refuses("{\"a\":\"\\u0000\"}", ERR_INVALID, "\\u0000");
	refuses("{\"a\":\"\xff\"}", ERR_INVALID, "unable to decode byte 0xff");
	refuses("[1,]", ERR_INVALID, "line 1 column");
	refuses("{a:1}", ERR_INVALID, "line 1");
	refuses("[01]", ERR_INVALID, "line 1");
}

static void
test_depth(void **state)
{
	char deep[200];
	struct err e = { 0 };
	JSON_AUTO strings = json_read(span_of("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[["
					      "[[[[[[[[[[\\\"[[[[[[[[[[[[\"]"),
				      &e);

	assert_non_null(strings);
	for (int n = 32; n <= 33; n++) {
		memset(deep, '[', (size_t)n);
		memset(deep + n, ']', (size_t)n);
		deep[2 * n] = '\0';
		if (n == 33) {
			refuses(deep, ERR_LIMIT, "deeper than 32");
		} else {
			JSON_AUTO j = json_read(span_of(deep), &e);

			assert_non_null(j);
		}
	}
}

static void
test_getters(void **state)
{
	struct err e = { 0 };
	JSON_AUTO j = json_read(span_of("{\"s\":\"x\",\"o\":{\"n\":5,\"b\":"
					"true,\"z\":null,\"l\":[]},"
					"\"r\":1.5}"),
				&e);
	const char *s = NULL;
	json_t *sub = NULL;
	int64_t n = 0;
	bool b = false;

	assert_int_equal(json_get_str(j, "s", &s, &e), 1);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_int(j, "o.n", &n, &e), 1);
	assert_int_equal(n, 5);
	assert_int_equal(json_get_bool(j, "o.b", &b, &e), 1);
	assert_true(b);
	assert_int_equal(json_get_object(j, "o", &sub, &e), 1);
	assert_int_equal(json_get_array(sub, "l", &sub, &e), 1);
	assert_int_equal(json_get_str(j, "o.z", &s, &e), 0);
	assert_int_equal(json_get_str(j, "o.missing.deep", &s, &e), 0);
	assert_int_equal(json_get_str(j, "missing", &s, &e), 0);
	unit_fails(json_get_str(j, "o.n", &s, &e), &e,
		   "o.n must be a string, not a number");
	unit_fails(json_get_int(j, "r", &n, &e), &e,
		   "r must be a whole number, not a number");
	unit_fails(json_get_bool(j, "s", &b, &e), &e,
		   "s must be true or false, not a string");
	unit_fails(json_get_str(j, "s.deep", &s, &e), &e,
		   "s must be an object, not a string");
	unit_fails(json_get_object(j, "o.l", &sub, &e), &e,
		   "o.l must be an object, not an array");
	unit_fails(json_get_array(j, "o", &sub, &e), &e,
		   "o must be an array, not an object");
	unit_fails(json_get_str(sub, "s", &s, &e), &e, "not in an object");
	unit_fails(json_get_str(NULL, "s", &s, &e), &e, "not in an object");
}

static void
test_needs(void **state)
{
	struct err e = { 0 };
	JSON_AUTO j = json_read(span_of("{\"s\":\"x\",\"n\":1,\"b\":false}"),
				&e);
	const char *s;
	int64_t n;
	bool b;

	unit_works(json_need_str(j, "s", &s, &e), &e);
	unit_works(json_need_int(j, "n", &n, &e), &e);
	unit_works(json_need_bool(j, "b", &b, &e), &e);
	unit_fails(json_need_str(j, "title", &s, &e), &e,
		   "title is missing; it must be a string");
	unit_fails(json_need_int(j, "s", &n, &e), &e, "must be a whole");
	unit_fails(json_need_bool(j, "q", &b, &e), &e, "q is missing");
}

static void
test_put(void **state)
{
	STRBUF_AUTO sb = { 0 };
	JSON_AUTO j = json_object();

	json_put_str(j, "a", "x\xff");
	json_put_str(j, "b", NULL);
	json_put_span(j, "c", span_make("p\0q", 3));
	json_put_int(j, "d", -5);
	json_put_bool(j, "e", true);
	json_put(j, "f", json_array());
	json_write(j, JSON_AS_MADE, &sb);
	assert_string_equal(strbuf_text(&sb),
			    "{\"a\":\"x\xef\xbf\xbd\",\"b\":null,"
			    "\"c\":\"p\\u0000q\",\"d\":-5,\"e\":true,"
			    "\"f\":[]}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_write),
		cmocka_unit_test(test_read_refuses),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
