#include "proxy/fake/world.h"
#include "proxy/reasons.h"

#define P ROUTE_PRIMARY
#define B ROUTE_BACKUP
#define WEB ROUTE_WEB
#define COLLAB ROUTE_COLLAB

static struct world w;

static int
up(void **state)
{
	world_up(&w);
	return 0;
}

static int
on_backup(void **state)
{
	up(state);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 1000);
	return 0;
}

static int
maintenance(void **state)
{
	up(state);
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_MAINTENANCE, 1000);
	return 0;
}

static void
test_the_way_back(void **state)
{
	world_run(&w, 5000);
	world_restart(&w, P, WEB);
	world_until(&w, STATE_CATCHING_UP, 1500);
	assert_false(w.f.peer_dead);
	world_until(&w, STATE_READY_TO_RETURN, 3000);
	assert_in_range(world_until(&w, STATE_NORMAL, 8000), 1500, 6000);
	world_serves(&w, P);
	assert_int_equal(w.disk.epoch, 3);
	assert_false(w.disk.degraded);
	assert_int_equal(w.switched, 2);
}

static void
test_stable_doubles(void **state)
{
	int64_t first = reasons_stable_ms(&w.f, w.view.wall_us);

	assert_int_equal(first, 5000);
	world_restart(&w, P, WEB);
	world_until(&w, STATE_NORMAL, 20000);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 1000);
	assert_int_equal(reasons_stable_ms(&w.f, w.view.wall_us), 10000);
	assert_int_equal(
	    reasons_stable_ms(&w.f, w.view.wall_us + INT64_C(3601000000)),
	    5000);
}

static void
test_an_ordered_return_does_not_wait(void **state)
{
	world_restart(&w, P, WEB);
	world_until(&w, STATE_CATCHING_UP, 1500);
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_GO);
	assert_true(world_until(&w, STATE_NORMAL, 4000) < 3000);
	assert_string_equal(w.disk.who, "test");
}

static void
stays_ready(int64_t ms, const char *why)
{
	struct reasons_note note = { 0 };

	world_run(&w, ms);
	assert_int_equal(w.f.state, STATE_READY_TO_RETURN);
	assert_non_null(strstr(reasons_why_not(&w.f, &w.view, &note), why));
}

static void
test_manual_returns_by_an_order_alone(void **state)
{
	w.f.conf.back = FAILOVER_MANUAL;
	world_restart(&w, P, WEB);
	stays_ready(600000, "manual");
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 4000);
}

static void
test_window_returns_within_it(void **state)
{
	int minute = (int)(w.view.wall_us / 60000000 % 1440);

	w.f.conf.back = FAILOVER_WINDOW;
	w.f.conf.window_from_min = minute + 2;
	w.f.conf.window_to_min = minute + 4;
	world_restart(&w, P, WEB);
	stays_ready(60000, "window");
	world_until(&w, STATE_NORMAL, 125000);
}

static void
test_a_window_may_pass_midnight(void **state)
{
	int minute = (int)(w.view.wall_us / 60000000 % 1440);

	w.f.conf.back = FAILOVER_WINDOW;
	w.f.conf.window_from_min = minute + 5;
	w.f.conf.window_to_min = minute - 5;
	world_restart(&w, P, WEB);
	stays_ready(60000, "window");
	w.f.conf.window_to_min = minute + 3; /* of the next day until now */
	world_until(&w, STATE_NORMAL, 2000);
}

static void
test_a_return_to_a_dead_site_is_refused(void **state)
{
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_REFUSED);
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, P), RULES_REFUSED);
	assert_int_equal(world_order(&w, RULES_FAILOVER, P), RULES_REFUSED);
}

static void
test_switchover_and_back(void **state)
{
	world_serves(&w, B);
	assert_true(w.disk.held);
	assert_false(w.disk.degraded);
	world_run(&w, 60000);
	assert_int_equal(w.f.state, STATE_MAINTENANCE);
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 2000);
	world_serves(&w, P);
	assert_int_equal(w.disk.epoch, 3);
	assert_false(w.disk.held);
}

static void
test_maintenance_is_marked_until_it_is_over(void **state)
{
	assert_int_equal(world_order(&w, RULES_MAINTAIN, B), RULES_GO);
	world_until(&w, STATE_MAINTENANCE, 1000);
	assert_true(w.disk.maintained_us > 0);
	assert_true(w.disk.maintained_until_us > w.disk.maintained_us);
	world_boot(&w, 1, w.disk.epoch);
	world_until(&w, STATE_MAINTENANCE, 5000);
	world_run(&w, 90000);
	assert_true(w.f.overdue); /* 60 s were announced */
	assert_int_equal(w.f.state, STATE_MAINTENANCE);
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_REFUSED);
	assert_int_equal(world_order(&w, RULES_FINISH, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 10000);
	assert_int_equal(w.disk.maintained_us, 0);
}

static void
test_forced_it_does_not_wait_for_ever(void **state)
{
	w.writing[P] = 1;
	w.force = true;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_run(&w, 1000);
	assert_int_equal(w.f.state, STATE_DRAIN);
	world_until(&w, STATE_MAINTENANCE, 10000);
	assert_int_equal(w.disk.active, B);
	/* The next one has its own word. */
	w.writing[P] = 0;
	w.force = false;
	w.writing[B] = 1;
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_GO);
	world_run(&w, 20000);
	assert_int_equal(w.disk.active, B);
}

static void
test_a_gate_bars_orders_and_the_return(void **state)
{
	w.gates.gate[GATES_COPY].verdict = GATES_BAD;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_REFUSED);
	w.force = true;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_MAINTENANCE, 10000);
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 10000);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 1000); /* G6: whatever the gates */
	world_restart(&w, P, WEB);
	world_run(&w, 100000);
	assert_int_equal(w.f.state, STATE_READY_TO_RETURN);
	w.gates.gate[GATES_COPY].verdict = GATES_GOOD;
	world_until(&w, STATE_NORMAL, 10000);
}

static void
test_drain_waits_for_writes(void **state)
{
	w.writing[P] = 3;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_run(&w, 1000);
	assert_int_equal(w.f.state, STATE_DRAIN);
	assert_int_equal(w.plan.mode, ROUTE_HOLD);
	w.writing[P] = 0;
	world_until(&w, STATE_MAINTENANCE, 500);
}

static void
aborted(int64_t max)
{
	world_until(&w, STATE_NORMAL, max);
	assert_int_equal(w.disk.epoch, 1);
	world_serves(&w, P);
}

static void
test_abort_when_writes_do_not_end(void **state)
{
	w.writing[P] = 2;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	aborted(3500);
	assert_non_null(strstr(w.last_note, "max_drain: 2, "));
	assert_non_null(strstr(w.last_note, "primary's database and disk"));
}

static void
test_abort_when_the_barrier_is_not_seen(void **state)
{
	w.barriers_fail = true;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	aborted(5000);
}

/* A control thread that is late at the end of max_hold fails no request. */
static void
test_requests_outwait_the_bracket(void **state)
{
	int64_t late_ms;

	w.barriers_fail = true;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_SYNC, 1000);
	late_ms = w.view.now_ms + w.plan.hold_ms - w.f.hold_until_ms;
	assert_true(late_ms >= 5000);
}

static void
test_abort_when_the_new_site_dies(void **state)
{
	w.writing[P] = 1;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_kill(&w, B, WEB);
	aborted(1000);
}

static void
test_abort_by_order(void **state)
{
	w.writing[P] = 1;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_run(&w, 500);
	assert_int_equal(world_order(&w, RULES_CANCEL, P), RULES_GO);
	aborted(100);
}

static void
test_the_old_site_dies_in_the_bracket(void **state)
{
	w.writing[P] = 1;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_run(&w, 100);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 1500);
	world_serves(&w, B);
}

static void
test_an_aborted_return_waits(void **state)
{
	w.barriers_fail = false;
	world_restart(&w, P, WEB);
	world_until(&w, STATE_READY_TO_RETURN, 5000);
	w.writing[B] = 1;
	world_until(&w, STATE_DRAIN, 10000);
	world_until(&w, STATE_CATCHING_UP, 4000);
	w.writing[B] = 0;
	assert_in_range(world_until(&w, STATE_NORMAL, 20000), 9000, 12000);
}

static void
test_sockets_move_before_the_rooms_end(void **state)
{
	w.service[P][COLLAB].rooms = 1;
	w.sockets[P] = 1;
	world_run(&w, 1000);
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_RELEASE, 500);
	assert_true(w.service[P][COLLAB].serves);
	world_until(&w, STATE_MAINTENANCE, 8000);
	world_run(&w, 1000);
	assert_false(w.service[P][COLLAB].serves);
}

/* Not before those are open, and not back to where they came from. */
static void
test_who_is_told_to_rejoin_finds_open_rooms(void **state)
{
	const struct lease_terms *web = &w.plan.terms[B][WEB];

	w.service[P][COLLAB].rooms = 1;
	w.sockets[P] = 1;
	world_run(&w, 1000);
	assert_true(web->collab[P]);
	w.service[B][COLLAB].stubborn = true;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_SWITCH, 500);
	assert_false(web->collab[P]);
	world_until(&w, STATE_RELEASE, 500);
	assert_true(web->collab[B]);
	assert_false(web->collab[P]);
	assert_true(w.plan.granted[P][COLLAB]);
	assert_true(w.plan.coming[B]);
	assert_false(w.plan.close_websockets);
	w.service[B][COLLAB].stubborn = false;
	world_run(&w, 300);
	assert_true(w.plan.granted[B][COLLAB]);
	assert_false(w.plan.coming[B]);
	assert_true(w.plan.close_websockets);
	world_until(&w, STATE_MAINTENANCE, 2000);
}

/* Rooms that are dead hold nobody up. */
static void
test_rooms_that_do_not_answer_are_not_coming(void **state)
{
	w.service[P][COLLAB].rooms = 1;
	w.sockets[P] = 1;
	world_run(&w, 1000);
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_SWITCH, 500);
	world_kill(&w, B, COLLAB);
	world_until(&w, STATE_RELEASE, 500);
	assert_false(w.plan.granted[B][COLLAB]);
	world_run(&w, 300);
	assert_int_equal(w.f.state, STATE_RELEASE);
	assert_false(w.plan.coming[B]);
	assert_true(w.plan.close_websockets);
}

#define TEST(t) cmocka_unit_test_setup(t, up)
#define TEST_BACKUP(t) cmocka_unit_test_setup(t, on_backup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_BACKUP(test_the_way_back),
		TEST_BACKUP(test_stable_doubles),
		TEST_BACKUP(test_an_ordered_return_does_not_wait),
		TEST_BACKUP(test_manual_returns_by_an_order_alone),
		TEST_BACKUP(test_window_returns_within_it),
		TEST_BACKUP(test_a_window_may_pass_midnight),
		TEST_BACKUP(test_a_return_to_a_dead_site_is_refused),
		cmocka_unit_test_setup(test_switchover_and_back, maintenance),
		TEST(test_maintenance_is_marked_until_it_is_over),
		TEST(test_forced_it_does_not_wait_for_ever),
		TEST(test_a_gate_bars_orders_and_the_return),
		TEST(test_drain_waits_for_writes),
		TEST(test_abort_when_writes_do_not_end),
		TEST(test_abort_when_the_barrier_is_not_seen),
		TEST(test_requests_outwait_the_bracket),
		TEST(test_abort_when_the_new_site_dies),
		TEST(test_abort_by_order),
		TEST(test_the_old_site_dies_in_the_bracket),
		TEST_BACKUP(test_an_aborted_return_waits),
		TEST(test_sockets_move_before_the_rooms_end),
		TEST(test_who_is_told_to_rejoin_finds_open_rooms),
		TEST(test_rooms_that_do_not_answer_are_not_coming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
