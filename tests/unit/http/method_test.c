#include "http/method.h"

#include "base/unit.h"

static void
test_names(void **state)
{
	for (int m = HTTP_GET; m <= HTTP_PATCH; m++)
		assert_int_equal(http_method_id(span_of(
				     http_method_name((enum http_method)m))),
				 m);
	assert_int_equal(http_method_id(span_of("get")), HTTP_OTHER);
	assert_int_equal(http_method_id(span_of("GETS")), HTTP_OTHER);
	assert_int_equal(http_method_id(span_of("")), HTTP_OTHER);
	assert_string_equal(http_method_name(HTTP_OTHER), "");
}

static void
test_properties(void **state)
{
	assert_true(http_method_safe(HTTP_GET));
	assert_true(http_method_safe(HTTP_HEAD));
	assert_true(http_method_safe(HTTP_OPTIONS));
	assert_false(http_method_safe(HTTP_DELETE));
	assert_true(http_method_idempotent(HTTP_PUT));
	assert_true(http_method_idempotent(HTTP_DELETE));
	assert_true(http_method_idempotent(HTTP_GET));
	assert_false(http_method_idempotent(HTTP_POST));
	assert_false(http_method_idempotent(HTTP_PATCH));
	assert_false(http_method_idempotent(HTTP_CONNECT));
	assert_false(http_method_idempotent(HTTP_OTHER));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
