/* What is counted, and when it is the peer's. */
#include "replicator/risk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
look(struct risk *r, uint64_t lsn, uint64_t xid, uint64_t commits)
{
	risk_add(r, (struct risk_look){ .lsn = lsn,
					.xid = xid,
					.commits = commits,
					.at_us = (int64_t)lsn });
}

static void
test_until_it_is_flushed(void **state)
{
	struct risk r;

	risk_init(&r, 100, 1);
	assert_int_equal(risk_from(&r), 100);
	assert_int_equal(risk_commits(&r), 0);
	assert_int_equal(risk_since_us(&r), 0);
	look(&r, 10, 103, 2);
	look(&r, 20, 109, 5);
	assert_int_equal(risk_from(&r), 109);
	assert_int_equal(risk_commits(&r), 7);
	assert_int_equal(risk_since_us(&r), 1);
	risk_flushed(&r, 19);
	assert_int_equal(risk_commits(&r), 5);
	assert_int_equal(risk_since_us(&r), 10);
	risk_flushed(&r, 20);
	assert_int_equal(risk_commits(&r), 0);
	assert_int_equal(risk_since_us(&r), 0);
	assert_int_equal(risk_from(&r), 109);
}

static void
test_our_own_do_not_count(void **state)
{
	struct risk r;

	risk_init(&r, 100, 1);
	risk_own(&r, 99); /* before all counting */
	risk_own(&r, 101);
	risk_own(&r, 105);
	look(&r, 10, 102, 2);
	assert_int_equal(risk_commits(&r), 1);
	/* 105 is still hidden by an open transaction */
	look(&r, 20, 104, 0);
	assert_int_equal(risk_commits(&r), 1);
	look(&r, 30, 106, 1);
	assert_int_equal(risk_commits(&r), 1);
	risk_flushed(&r, 10);
	assert_int_equal(risk_commits(&r), 0);
}

/* However many looks: never too few, and in the end none. */
static void
test_many_looks(void **state)
{
	struct risk r;
	uint64_t sure = 0;

	risk_init(&r, 0, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		look(&r, i, i, 1);
		if (i % 7 == 0) {
			sure = i / 2;
			risk_flushed(&r, sure);
		}
		assert_true(risk_commits(&r) >= i - sure);
	}
	risk_flushed(&r, 1000);
	assert_int_equal(risk_commits(&r), 0);
}

/* Nothing new was committed: what is not sure does not become older. */
static void
test_rest(void **state)
{
	struct risk r;

	risk_init(&r, 5, 1);
	look(&r, 10, 6, 1);
	for (uint64_t i = 0; i < 500; i++)
		look(&r, 11 + i, 6 + i, 0);
	assert_int_equal(risk_from(&r), 505);
	risk_flushed(&r, 10);
	assert_int_equal(risk_commits(&r), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_it_is_flushed),
		cmocka_unit_test(test_our_own_do_not_count),
		cmocka_unit_test(test_many_looks),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
