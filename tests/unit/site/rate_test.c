#include "site/rate.h"

#include "base/unit.h"

#include <stdio.h>

#define NOW INT64_C(1000000000)

static int
taken(struct rate *r, const char *key, int64_t now_us)
{
	int n = 0;

	while (n < 100000 && rate_take(r, key, now_us))
		n++;
	return n;
}

static void
test_a_burst_then_so_many_a_second(void **state)
{
	struct rate *r = rate_new(10);

	assert_int_equal(taken(r, "a", NOW), 20);
	assert_int_equal(taken(r, "b", NOW), 20);
	assert_int_equal(taken(r, "a", NOW + 99999), 0);
	assert_int_equal(taken(r, "a", NOW + 100000), 1);
	assert_int_equal(taken(r, "a", NOW + 1100000), 10);
	assert_int_equal(taken(r, "a", NOW + 900000000), 20);
	rate_free(&r);
}

static void
test_none_is_no_limit(void **state)
{
	struct rate *r = rate_new(0);

	assert_int_equal(taken(r, "a", NOW), 100000);
	rate_free(&r);
	rate_free(&r);
}

static void
test_it_is_bounded(void **state)
{
	struct rate *r = rate_new(1);
	char key[16];

	assert_int_equal(taken(r, "first", NOW), 2);
	for (int i = 0; i < RATE_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		rate_take(r, key, NOW);
	}
	/* forgotten: the price of the bound */
	assert_int_equal(taken(r, "first", NOW), 2);
	rate_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_then_so_many_a_second),
		cmocka_unit_test(test_none_is_no_limit),
		cmocka_unit_test(test_it_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
