/* Percentiles of stages: within a fifth, and only of the last minute. */
#include "replicator/lag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_nothing_is_zero(void **state)
{
	struct lag l = { 0 };

	for (int s = 0; s < LAG_STAGES; s++) {
		assert_true(lag_quantile_us(&l, s, 0.99) == 0);
		assert_true(lag_max_us(&l, s) == 0);
	}
}

static void
test_quantiles_are_near(void **state)
{
	struct lag l = { 0 };
	int64_t all[] = { 1, 3, 4, 5, 7, 8, 100, 1023, 1024, 99999, 5000000 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int64_t us = all[i], q;

		l = (struct lag){ 0 };
		for (int k = 0; k < 10; k++)
			lag_add(&l, &(struct lag_times){ .received_us = 0,
							 .applied_us = us });
		lag_add(&l, &(struct lag_times){ .applied_us = 10 * us });
		q = lag_quantile_us(&l, LAG_APPLIED, 0.5);
		assert_true(q >= us && q <= us + us / 4);
		assert_true(lag_max_us(&l, LAG_APPLIED) == 10 * us);
		assert_true(lag_quantile_us(&l, LAG_APPLIED, 0.99) >= 8 * us);
	}
}

static void
test_each_stage_is_its_own(void **state)
{
	struct lag l = { 0 };
	struct lag_times t = { 1000, 3000, 7000, 15000 };

	lag_add(&l, &t);
	assert_true(lag_max_us(&l, LAG_SENT) == 2000);
	assert_true(lag_max_us(&l, LAG_RECEIVED) == 4000);
	assert_true(lag_max_us(&l, LAG_APPLIED) == 8000);
	assert_true(lag_max_us(&l, LAG_VISIBLE) == 14000);
	/* a clock that is behind */
	t.sent_us = 500;
	l = (struct lag){ 0 };
	lag_add(&l, &t);
	assert_true(lag_max_us(&l, LAG_SENT) == 0);
}

static void
at(struct lag *l, int64_t now_us, int64_t took_us)
{
	lag_add(l, &(struct lag_times){ .received_us = now_us - took_us,
					.applied_us = now_us });
}

static void
test_what_is_old_is_forgotten(void **state)
{
	struct lag l = { 0 };

	at(&l, 1000000, 1000000);
	at(&l, 40000000, 10);
	assert_true(lag_max_us(&l, LAG_APPLIED) == 1000000);
	at(&l, 80000000, 10);
	assert_true(lag_max_us(&l, LAG_APPLIED) == 10);
	at(&l, 200000000, 1000000);
	at(&l, 300000000, 10);
	assert_true(lag_max_us(&l, LAG_APPLIED) == 10);
	at(&l, 100, 7); /* the clock was put back */
	assert_true(lag_max_us(&l, LAG_APPLIED) == 7);
}

static void
test_the_peers_clock(void **state)
{
	struct lag l = { 0 };
	int64_t us, start = 1000000000000, ahead = 300000000;

	assert_false(lag_ahead_us(&l, &us));
	/* the shortest way tells most */
	for (int64_t way = 900; way >= 0; way -= 300)
		lag_heard(&l, start + ahead, start + way);
	lag_heard(&l, start + ahead, start + 70000);
	assert_true(lag_ahead_us(&l, &us));
	assert_true(us == ahead);
	/* put right: within a minute nothing is left of it */
	for (int i = 1; i <= 3; i++) {
		lag_heard(&l, start + i * 31000000, start + i * 31000000 + 5);
		assert_true(lag_ahead_us(&l, &us));
		assert_true(us == (i == 1 ? ahead : -5));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_zero),
		cmocka_unit_test(test_quantiles_are_near),
		cmocka_unit_test(test_each_stage_is_its_own),
		cmocka_unit_test(test_what_is_old_is_forgotten),
		cmocka_unit_test(test_the_peers_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
