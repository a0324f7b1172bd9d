/* Both sites are dead or silent: CLOSED, and what ends it. */
#include "proxy/fake/world.h"

#define P ROUTE_PRIMARY
#define B ROUTE_BACKUP
#define WEB ROUTE_WEB

static struct world w;

static int
up(void **state)
{
	world_up(&w);
	return 0;
}

static void
test_both_dead_and_the_last_one_returns(void **state)
{
	world_kill(&w, B, WEB);
	w.service[B][WEB].works = false;
	world_run(&w, 2000);
	assert_true(w.disk.degraded);
	assert_true(w.service[P][WEB].peer_dead);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_CLOSED, 1000);
	world_run(&w, 10100);
	assert_int_equal(w.plan.mode, ROUTE_CLOSED);
	world_restart(&w, P, WEB);
	world_until(&w, STATE_NORMAL, 1500);
	assert_int_equal(w.disk.epoch, 1);
	world_serves(&w, P);
}

/* Both hang for a moment: requests wait for it instead of failing. */
static void
test_both_slow_at_once_is_waited_for(void **state)
{
	w.service[P][WEB].works = w.service[B][WEB].works = false;
	world_until(&w, STATE_CLOSED, 1000);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(w.plan.mode, ROUTE_HOLD);
		world_run(&w, 50);
	}
	w.service[P][WEB].works = w.service[B][WEB].works = true;
	world_until(&w, STATE_NORMAL, 1000);
	assert_int_equal(w.disk.epoch, 1);
	world_serves(&w, P);
}

/* A cut ends that made both silent: the primary's probe was just sent. */
static void
test_both_are_reached_again(void **state)
{
	w.service[P][WEB].process = w.service[B][WEB].process = STOPPED;
	world_until(&w, STATE_CLOSED, 3000);
	world_run(&w, 1000);
	w.service[B][WEB].process = RUNS;
	world_run(&w, WORLD_TIMEOUT_MS);
	w.service[P][WEB].process = RUNS;
	world_until(&w, STATE_NORMAL, 1000);
	assert_int_equal(w.disk.epoch, 1);
	world_serves(&w, P);
}

static void
test_both_return_at_once(void **state)
{
	w.service[P][WEB].works = w.service[B][WEB].works = false;
	world_until(&w, STATE_CLOSED, 1000);
	world_run(&w, 1000);
	/* The backup is asked a little before the primary. */
	w.service[B][WEB].due_ms = w.now_ms;
	w.service[P][WEB].due_ms = w.now_ms + 90;
	w.service[P][WEB].works = w.service[B][WEB].works = true;
	world_until(&w, STATE_NORMAL, 1000);
	assert_int_equal(w.disk.epoch, 1);
}

static void
test_both_fail_at_once(void **state)
{
	w.service[P][WEB].due_ms = w.now_ms;
	w.service[B][WEB].due_ms = w.now_ms + 90;
	w.service[P][WEB].works = w.service[B][WEB].works = false;
	world_until(&w, STATE_CLOSED, 1000);
	assert_int_equal(w.disk.epoch, 1);
}

static void
test_both_dead_and_the_other_returns(void **state)
{
	world_kill(&w, P, WEB);
	world_kill(&w, B, WEB);
	world_until(&w, STATE_CLOSED, 1000);
	world_run(&w, 5000);
	world_restart(&w, B, WEB);
	world_until(&w, STATE_ON_BACKUP, 1500);
	world_serves(&w, B);
}

#define TEST(t) cmocka_unit_test_setup(t, up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_dead_and_the_last_one_returns),
		TEST(test_both_slow_at_once_is_waited_for),
		TEST(test_both_are_reached_again),
		TEST(test_both_return_at_once),
		TEST(test_both_fail_at_once),
		TEST(test_both_dead_and_the_other_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
