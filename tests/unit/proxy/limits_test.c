/* The rules of limits.h by themselves. */
#include "base/unit.h"
#include "proxy/limits.h"

static void
test_defaults(void **state)
{
	struct plane_limits l = { .fields = 7, .head_bytes = 1 << 30 };

	l = limits_complete(&l);
	assert_int_equal(l.fields, 7);
	assert_int_equal(l.body_rate, 1000);
	assert_int_equal(l.site_requests, 1024);
	assert_true(l.head_bytes <= 32768); /* what a worker has room for */
}

static void
test_names(void **state)
{
	for (int i = 0; i < LIMITS; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(limit_name((enum limit)i),
						limit_name((enum limit)k));
	assert_string_equal(limit_name(LIMIT_H2_BUFFER), "h2_buffer");
}

static void
test_bodies(void **state)
{
	struct plane_limits l = { .body_ms = 100, .body_rate = 1000 };

	/* Enough so far: the next piece within its time. */
	assert_int_equal(limits_body_due(&l, 0, 1000, 500), 600);
	/* Piece by piece in time, and too slow on the whole. */
	assert_int_equal(limits_body_due(&l, 0, 10, 50), 110);
	assert_int_equal(limits_body_broke(&l, 0, 10, 110), LIMIT_BODY_RATE);
	assert_int_equal(limits_body_broke(&l, 0, 1000, 600), LIMIT_BODY_TIME);
	/* Nothing at all is no question of rate. */
	assert_int_equal(limits_body_broke(&l, 0, 0, 5000), LIMIT_BODY_TIME);
}

static void
test_slow_start(void **state)
{
	struct plane_limits l = { .site_requests = 1000,
				  .slow_start_ms = 1000 };
	uint32_t last = 0;

	assert_int_equal(limits_slow_start(&l, 0), 32);
	assert_int_equal(limits_slow_start(&l, 500), 500);
	assert_int_equal(limits_slow_start(&l, 1000), 1000);
	assert_int_equal(limits_slow_start(&l, INT64_MAX), 1000);
	for (int64_t age = -10; age < 1100; age++) {
		uint32_t n = limits_slow_start(&l, age);

		assert_true(n >= last && n <= 1000);
		last = n;
	}
	l.site_requests = 5;
	assert_int_equal(limits_slow_start(&l, 0), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_slow_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
