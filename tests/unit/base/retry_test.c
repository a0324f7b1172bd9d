#include "base/retry.h"

#include "base/unit.h"

static const struct retry_conf conf = { 100, 5000 };

static void
test_it_doubles_up_to_the_bound(void **state)
{
	assert_int_equal(retry_wait_ms(&conf, 0, UINT32_MAX), 0);
	assert_int_equal(retry_wait_ms(&conf, 1, UINT32_MAX), 100);
	assert_int_equal(retry_wait_ms(&conf, 2, UINT32_MAX), 200);
	assert_int_equal(retry_wait_ms(&conf, 6, UINT32_MAX), 3200);
	assert_int_equal(retry_wait_ms(&conf, 7, UINT32_MAX), 5000);
	assert_int_equal(retry_wait_ms(&conf, 4000000000U, UINT32_MAX), 5000);
}

static void
test_jitter_stays_within_half_and_all(void **state)
{
	for (unsigned failures = 1; failures < 40; failures++)
		for (uint64_t r = 0; r <= UINT32_MAX; r += 0x1234567) {
			uint32_t most = retry_wait_ms(&conf, failures,
						      UINT32_MAX);
			uint32_t w = retry_wait_ms(&conf, failures,
						   (uint32_t)r);

			assert_true(w >= most / 2 && w <= most);
		}
	assert_int_equal(retry_wait_ms(&conf, 1, 0), 50);
}

static void
test_extremes(void **state)
{
	struct retry_conf wide = { UINT32_MAX, UINT32_MAX };
	struct retry_conf least = { 1, 1 };

	assert_true(retry_wait_ms(&wide, 50, UINT32_MAX) == UINT32_MAX);
	assert_true(retry_wait_ms(&least, 50, UINT32_MAX) <= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_doubles_up_to_the_bound),
		cmocka_unit_test(test_jitter_stays_within_half_and_all),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
