#include "site/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
is(const char *json, const char *expected)
{
	static const char *const columns[] = { "a", "b", NULL };
	JSON_AUTO list = json_read(span_of(json), NULL);
	STRBUF_AUTO out = { 0 };

	csv_write(list, columns, &out);
	assert_string_equal(strbuf_text(&out), expected);
}

static void
test_values(void **state)
{
	is("[]", "a,b\r\n");
	is("[{\"a\":1,\"b\":true},{\"b\":\"x y\"},{\"a\":null}]",
	   "a,b\r\n1,true\r\n,x y\r\n,\r\n");
}

static void
test_what_needs_quotes(void **state)
{
	is("[{\"a\":\"1,2\",\"b\":\"say \\\"hi\\\"\"}]",
	   "a,b\r\n\"1,2\",\"say \"\"hi\"\"\"\r\n");
	is("[{\"a\":\"x\\ny\",\"b\":\"\\r\"}]", "a,b\r\n\"x\ny\",\"'\r\"\r\n");
}

static void
test_formulas_are_texts(void **state)
{
	is("[{\"a\":\"=1+1\",\"b\":\"@SUM(A1)\"}]",
	   "a,b\r\n\"'=1+1\",\"'@SUM(A1)\"\r\n");
	is("[{\"a\":\"-2\",\"b\":-2}]", "a,b\r\n\"'-2\",-2\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_what_needs_quotes),
		cmocka_unit_test(test_formulas_are_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
