/* The promise of synchronous commit, over its whole life, without a clock. */
#include "replicator/rpo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMEOUT = 3000 };

static enum rpo_step
judge(struct rpo *r, struct rpo_facts f)
{
	enum rpo_step step = rpo_judge(r, &f);

	rpo_done(r, step, f.now_ms);
	return step;
}

static struct rpo_facts
well(int64_t now_ms, uint64_t lsn)
{
	return (struct rpo_facts){ .now_ms = now_ms,
				   .streams = true,
				   .flush_lsn = lsn,
				   .wal_lsn = lsn };
}

static void
test_arms_only_after_a_later_position(void **state)
{
	struct rpo_facts f;
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_DEGRADED, 0);
	assert_int_equal(judge(&r, (struct rpo_facts){ .now_ms = 1 }),
			 RPO_NOTHING);
	assert_int_equal(judge(&r, well(10, 100)), RPO_NAME);
	assert_int_equal(r.state, RPO_NAMED);
	/* the server needs a moment to take the name in */
	assert_int_equal(judge(&r, well(20, 100)), RPO_NOTHING);
	assert_int_equal(r.state, RPO_NAMED);
	f = well(400, 100);
	f.wal_lsn = 500;
	assert_int_equal(judge(&r, f), RPO_NOTHING);
	assert_int_equal(r.state, RPO_ARMING);
	assert_true(r.arm_lsn == 500);
	f.flush_lsn = 499;
	assert_int_equal(judge(&r, f), RPO_NOTHING);
	f.flush_lsn = 500;
	f.wal_lsn = 900;
	assert_int_equal(judge(&r, f), RPO_CONFIRM);
	assert_int_equal(r.state, RPO_ARMED);
}

static void
test_far_behind_is_not_named(void **state)
{
	struct rpo_facts f = well(10, 1);
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_DEGRADED, 0);
	f.wal_lsn = 64 << 20;
	assert_int_equal(judge(&r, f), RPO_NOTHING);
}

static void
test_idle_stays_armed(void **state)
{
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_ARMED, 0);
	for (int64_t now = 0; now < 60000; now += 500)
		assert_int_equal(judge(&r, well(now, 100)), RPO_NOTHING);
}

static void
test_a_short_absence_does_not_degrade(void **state)
{
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_ARMED, 0);
	judge(&r, well(1000, 100));
	assert_int_equal(judge(&r, (struct rpo_facts){ .now_ms = 3900 }),
			 RPO_NOTHING);
	assert_int_equal(judge(&r, well(3950, 100)), RPO_NOTHING);
	assert_int_equal(judge(&r, (struct rpo_facts){ .now_ms = 6900 }),
			 RPO_NOTHING);
	assert_int_equal(judge(&r, (struct rpo_facts){ .now_ms = 6950 }),
			 RPO_RELEASE);
	assert_int_equal(r.state, RPO_DEGRADED);
}

static void
test_waiting_without_progress_degrades(void **state)
{
	struct rpo_facts f = well(0, 100);
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_ARMED, 0);
	judge(&r, f);
	f.waits = true;
	/* slow, but it moves */
	for (f.now_ms = 1000; f.now_ms < 20000; f.now_ms += 1000) {
		f.flush_lsn++;
		assert_int_equal(judge(&r, f), RPO_NOTHING);
	}
	f.now_ms = 19000 + TIMEOUT - 1;
	assert_int_equal(judge(&r, f), RPO_NOTHING);
	f.now_ms++;
	assert_int_equal(judge(&r, f), RPO_RELEASE);
}

static void
test_a_peer_that_goes_while_arming(void **state)
{
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_DEGRADED, 0);
	judge(&r, well(0, 100));
	assert_int_equal(judge(&r, (struct rpo_facts){ .now_ms = 2000 }),
			 RPO_NOTHING);
	assert_int_equal(judge(&r, (struct rpo_facts){ .now_ms = 3000 }),
			 RPO_RELEASE);
}

static void
test_said_to_be_dead(void **state)
{
	struct rpo r;

	rpo_init(&r, TIMEOUT, RPO_ARMED, 0);
	assert_int_equal(rpo_dead(&r, 100), RPO_RELEASE);
	rpo_done(&r, RPO_RELEASE, 100);
	/* said again: nothing more to release, and no arming for a while */
	assert_int_equal(rpo_dead(&r, 600), RPO_NOTHING);
	assert_int_equal(judge(&r, well(3599, 100)), RPO_NOTHING);
	assert_int_equal(judge(&r, well(3600, 100)), RPO_NAME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arms_only_after_a_later_position),
		cmocka_unit_test(test_far_behind_is_not_named),
		cmocka_unit_test(test_idle_stays_armed),
		cmocka_unit_test(test_a_short_absence_does_not_degrade),
		cmocka_unit_test(test_waiting_without_progress_degrades),
		cmocka_unit_test(test_a_peer_that_goes_while_arming),
		cmocka_unit_test(test_said_to_be_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
