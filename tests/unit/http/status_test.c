#include "http/status.h"

#include "base/unit.h"

static void
test_reasons(void **state)
{
	assert_string_equal(http_status_reason(200), "OK");
	assert_string_equal(http_status_reason(421), "Misdirected Request");
	assert_string_equal(http_status_reason(511),
			    "Network Authentication Required");
	assert_string_equal(http_status_reason(299), "Success");
	assert_string_equal(http_status_reason(599), "Server Error");
	assert_string_equal(http_status_reason(99), "Unknown");
	assert_string_equal(http_status_reason(600), "Unknown");
	assert_string_equal(http_status_reason(-200), "Unknown");
}

static void
test_bodyless(void **state)
{
	assert_true(http_status_bodyless(100));
	assert_true(http_status_bodyless(101));
	assert_true(http_status_bodyless(204));
	assert_true(http_status_bodyless(304));
	assert_false(http_status_bodyless(200));
	assert_false(http_status_bodyless(205));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_bodyless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
