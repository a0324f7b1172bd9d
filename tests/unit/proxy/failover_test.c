#include "proxy/fake/world.h"

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

static void
test_first_start(void **state)
{
	assert_int_equal(w.disk.epoch, 1);
	assert_int_equal(w.disk.active, P);
	world_serves(&w, P);
}

static void
test_first_start_waits_for_both_sites(void **state)
{
	world_init(&w);
	world_kill(&w, B, WEB);
	world_run(&w, 30000);
	assert_int_equal(w.f.state, STATE_START);
	assert_int_equal(w.plan.mode, ROUTE_CLOSED);
	world_restart(&w, B, WEB);
	world_until(&w, STATE_NORMAL, 1500);
}

static void
test_kill_of_web(void **state)
{
	world_kill(&w, P, WEB);
	assert_true(world_until(&w, STATE_ON_BACKUP, 1000) <= 700);
	world_serves(&w, B);
	assert_int_equal(w.disk.epoch, 2);
	assert_true(w.disk.degraded);
	assert_true(w.service[B][WEB].peer_dead);
	assert_int_equal(w.disk.failovers[0] > 0, 1);
}

static void
test_death_of_the_database(void **state)
{
	w.service[P][WEB].works = false;
	assert_true(world_until(&w, STATE_ON_BACKUP, 1000) <= 700);
	world_serves(&w, B);
	assert_false(w.service[P][WEB].serves);
}

static void
test_stop_waits_for_the_lease(void **state)
{
	int64_t until;

	w.service[P][WEB].process = STOPPED;
	until = w.service[P][WEB].until_us / 1000;
	assert_true(world_until(&w, STATE_ON_BACKUP, 4000) <= 2600);
	assert_true(w.now_ms >= until);
	world_serves(&w, B);
}

static void
test_stop_and_go_is_no_failover(void **state)
{
	w.service[P][WEB].process = STOPPED;
	world_run(&w, 1000);
	w.service[P][WEB].process = RUNS;
	world_run(&w, 3000);
	assert_int_equal(w.f.state, STATE_NORMAL);
	assert_int_equal(w.disk.epoch, 1);
}

static void
test_one_lost_probe_moves_nothing(void **state)
{
	struct err late = { .code = ERR_TIMEOUT };

	health_miss(&w.service[P][WEB].seen, world_counts, &late);
	world_look(&w);
	assert_int_equal(w.f.state, STATE_SUSPECT);
	assert_int_equal(w.plan.mode, ROUTE_SERVE);
	world_until(&w, STATE_NORMAL, 500);
	assert_int_equal(w.disk.epoch, 1);
}

static void
test_collab_alone_is_partial(void **state)
{
	world_kill(&w, P, COLLAB);
	world_run(&w, 5000);
	assert_int_equal(w.f.state, STATE_NORMAL);
	assert_int_equal(w.view.site[P].verdict, JUDGE_PARTIAL);
}

static void
test_split_keeps_the_rooms(void **state)
{
	w.service[P][COLLAB].rooms = 2;
	world_run(&w, 1000);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 1000);
	world_run(&w, 10000);
	assert_true(w.service[P][COLLAB].serves);
	assert_int_equal(w.service[P][COLLAB].epoch, 2);
	assert_true(w.plan.granted[P][COLLAB]);
	assert_true(w.plan.granted[B][COLLAB]);
	w.service[P][COLLAB].rooms = 0;
	world_run(&w, 1500);
	assert_false(w.service[P][COLLAB].serves);
	assert_false(w.plan.granted[P][COLLAB]);
}

/* Going home ends no room there, not for the moment of fencing either. */
static void
test_rooms_that_went_on_stay_when_all_comes_home(void **state)
{
	w.service[P][COLLAB].rooms = 2;
	world_run(&w, 1000);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 1000);
	world_run(&w, 1000);
	world_restart(&w, P, WEB);
	for (int64_t from = w.now_ms; w.f.state != STATE_NORMAL;) {
		assert_true(w.now_ms - from < 600000);
		world_run(&w, WORLD_TICK_MS);
		assert_true(w.service[P][COLLAB].serves);
	}
	assert_int_equal(w.disk.active, P);
	assert_int_equal(w.service[P][COLLAB].rooms, 2);
}

static void
test_sockets_of_a_frozen_site_are_closed(void **state)
{
	w.sockets[P] = 3;
	w.service[P][COLLAB].rooms = 2;
	world_run(&w, 1000);
	w.service[P][WEB].process = STOPPED;
	w.service[P][COLLAB].process = STOPPED;
	world_until(&w, STATE_ON_BACKUP, 5000);
	world_run(&w, 2000);
	assert_int_equal(w.sockets[P], 0);
}

/* It died before it served: what it has received is to be applied first. */
static void
test_a_target_that_returns_applies_first(void **state)
{
	w.pending[B] = 5;
	world_kill(&w, P, WEB);
	world_until(&w, STATE_FENCING, 1000);
	world_run(&w, 100);
	w.service[B][WEB].works = false;
	world_until(&w, STATE_CLOSED, 1000);
	world_run(&w, 5000);
	w.service[B][WEB].works = true;
	world_run(&w, 2000);
	assert_int_equal(w.f.state, STATE_CLOSED);
	w.pending[B] = 0;
	world_until(&w, STATE_ON_BACKUP, 1000);
}

/* What people were told is done must be there before it serves: no limit. */
static void
test_what_was_promised_is_applied_first(void **state)
{
	w.pending[B] = w.promised[B] = 1;
	world_kill(&w, P, WEB);
	world_until(&w, STATE_FENCING, 5000);
	world_run(&w, 60000);
	assert_int_equal(w.f.state, STATE_FENCING);
	w.pending[B] = w.promised[B] = 0;
	world_until(&w, STATE_ON_BACKUP, 1000);
}

/* Healthy in every answer, but its lease is over and it takes no new one. */
static void
test_a_site_that_takes_no_grant_has_failed(void **state)
{
	w.service[P][WEB].stubborn = true;
	assert_in_range(world_until(&w, STATE_CATCHING_UP, 7000), 2000, 6000);
	world_serves(&w, B);
}

static void
test_a_switch_to_a_site_that_takes_no_grant(void **state)
{
	w.service[B][WEB].stubborn = true;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_SWITCH, 1000);
	world_until(&w, STATE_NORMAL, 5000);
	world_serves(&w, P);
}

static void
test_the_backup_dies_with_writes_of_its_own(void **state)
{
	/* Degraded: the primary lacks what the backup acknowledged. */
	w.barriers_fail = true;
	w.sync[B] = REPORT_SYNC_DEGRADED;
	world_restart(&w, P, WEB);
	world_run(&w, 600);
	w.service[P][WEB].works = true;
	assert_true(w.disk.degraded);
	world_kill(&w, B, WEB);
	world_until(&w, STATE_CLOSED, 1000);
	world_run(&w, 5000);
	assert_int_equal(w.f.state, STATE_CLOSED);
	world_restart(&w, B, WEB);
	world_until(&w, STATE_CATCHING_UP, 2000);
	assert_int_equal(w.disk.active, B);
}

static void
test_the_backup_dies_when_the_primary_has_all(void **state)
{
	world_restart(&w, P, WEB);
	world_until(&w, STATE_READY_TO_RETURN, 5000);
	world_run(&w, 1500);
	assert_false(w.disk.degraded);
	world_kill(&w, B, WEB);
	world_until(&w, STATE_NORMAL, 1000);
	world_serves(&w, P);
}

static void
test_a_record_that_cannot_be_written_moves_nothing(void **state)
{
	w.disk_fails = true;
	world_kill(&w, P, WEB);
	world_run(&w, 5000);
	assert_int_equal(w.f.rec.epoch, 1);
	assert_false(w.service[B][WEB].serves);
	w.disk_fails = false;
	world_until(&w, STATE_ON_BACKUP, 500);
}

static void
test_a_restarted_proxy_serves_the_recorded_site(void **state)
{
	world_boot(&w, 1, 1);
	assert_true(world_until(&w, STATE_NORMAL, 3000) < 500);
	assert_int_equal(w.disk.epoch, 1);
	world_serves(&w, P);
}

static void
test_a_proxy_that_died_while_fencing(void **state)
{
	/* Recorded, but nobody told the stopped primary. */
	w.service[P][WEB].process = STOPPED;
	w.disk.epoch = 2;
	w.disk.active = B;
	world_boot(&w, 1, 2);
	assert_in_range(world_until(&w, STATE_ON_BACKUP, 5000), 1900, 2600);
}

static void
test_a_lost_record(void **state)
{
	world_boot(&w, 0, 0);
	world_until(&w, STATE_LOST, 500);
	world_run(&w, 5000);
	assert_int_equal(w.plan.mode, ROUTE_CLOSED);
	assert_false(w.service[P][WEB].until_us > w.now_ms * 1000);
	assert_int_equal(world_order(&w, RULES_FAILOVER, B), RULES_REFUSED);
	assert_int_equal(world_order(&w, RULES_ADOPT, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 1000);
	assert_int_equal(w.disk.epoch, 2);
	world_serves(&w, P);
}

static void
test_a_lost_record_of_sites_that_forgot(void **state)
{
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			world_restart(&w, s, k);
	world_boot(&w, 0, 5);
	world_until(&w, STATE_LOST, 500);
	world_run(&w, 1000);
	assert_int_equal(world_order(&w, RULES_ADOPT, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 3000);
	assert_int_equal(w.disk.epoch, 6);
}

static void
test_a_damaged_record(void **state)
{
	world_boot(&w, -1, 0);
	world_until(&w, STATE_LOST, 500);
	world_run(&w, 1000);
	assert_int_equal(world_order(&w, RULES_ADOPT, B), RULES_GO);
	world_until(&w, STATE_MAINTENANCE, 1000);
	world_serves(&w, B);
}

static void
test_another_authority(void **state)
{
	w.disk.epoch = 9; /* world_check: somebody recorded it */
	w.service[B][WEB].epoch = 9;
	world_until(&w, STATE_LOST, 1000);
	assert_int_equal(w.plan.mode, ROUTE_CLOSED);
}

static void
test_paused(void **state)
{
	assert_int_equal(world_order(&w, RULES_PAUSE, P), RULES_GO);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_CLOSED, 1000);
	world_run(&w, 10000);
	assert_int_equal(w.disk.active, P);
	world_until(&w, STATE_ON_BACKUP, 60000);
	assert_int_equal(w.disk.paused_until_us, 0);
}

static void
test_paused_and_ordered(void **state)
{
	assert_int_equal(world_order(&w, RULES_PAUSE, P), RULES_GO);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_CLOSED, 1000);
	assert_int_equal(world_order(&w, RULES_FAILOVER, B), RULES_GO);
	world_until(&w, STATE_MAINTENANCE, 1000);
	world_serves(&w, B);
}

/* It says what it would do, once, and does nothing. */
static void
test_observing(void **state)
{
	unsigned before;

	assert_int_equal(world_order(&w, RULES_OBSERVE, P), RULES_GO);
	assert_true(w.disk.observe);
	world_kill(&w, P, WEB);
	world_until(&w, STATE_CLOSED, 1000);
	assert_int_equal(w.said, 1);
	before = w.changes;
	world_run(&w, 20000);
	assert_int_equal(w.disk.active, P);
	assert_int_equal(w.said, 1);
	assert_true(w.changes - before <= 1); /* fenced */
	assert_int_equal(world_order(&w, RULES_RESUME, P), RULES_GO);
	world_until(&w, STATE_ON_BACKUP, 1000);
}

static void
test_observing_returns_by_order_alone(void **state)
{
	assert_int_equal(world_order(&w, RULES_OBSERVE, P), RULES_GO);
	world_restart(&w, P, WEB);
	world_run(&w, 200000);
	assert_int_equal(w.f.state, STATE_READY_TO_RETURN);
	assert_int_equal(w.said, 1);
	assert_int_equal(world_order(&w, RULES_FAILBACK, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 10000);
	assert_true(w.disk.observe);
}

#define TEST(t) cmocka_unit_test_setup(t, up)
#define TEST_BACKUP(t) cmocka_unit_test_setup(t, on_backup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_start),
		cmocka_unit_test(test_first_start_waits_for_both_sites),
		TEST(test_a_target_that_returns_applies_first),
		TEST(test_what_was_promised_is_applied_first),
		TEST(test_a_site_that_takes_no_grant_has_failed),
		TEST(test_a_switch_to_a_site_that_takes_no_grant),
		TEST(test_kill_of_web),
		TEST(test_death_of_the_database),
		TEST(test_stop_waits_for_the_lease),
		TEST(test_stop_and_go_is_no_failover),
		TEST(test_one_lost_probe_moves_nothing),
		TEST(test_collab_alone_is_partial),
		TEST(test_split_keeps_the_rooms),
		TEST(test_rooms_that_went_on_stay_when_all_comes_home),
		TEST(test_sockets_of_a_frozen_site_are_closed),
		TEST_BACKUP(test_the_backup_dies_with_writes_of_its_own),
		TEST_BACKUP(test_the_backup_dies_when_the_primary_has_all),
		TEST(test_a_record_that_cannot_be_written_moves_nothing),
		TEST(test_a_restarted_proxy_serves_the_recorded_site),
		TEST(test_a_proxy_that_died_while_fencing),
		TEST(test_a_lost_record),
		TEST(test_a_lost_record_of_sites_that_forgot),
		TEST(test_a_damaged_record),
		TEST(test_another_authority),
		TEST(test_paused),
		TEST(test_paused_and_ordered),
		TEST(test_observing),
		TEST_BACKUP(test_observing_returns_by_order_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
