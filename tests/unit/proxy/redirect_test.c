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
	snprintf(w.company, sizeof(w.company), "acme");
	return 0;
}

static int
redirected(void **state)
{
	up(state);
	assert_int_equal(world_order(&w, RULES_REDIRECT_ADD, B), RULES_GO);
	world_until(&w, STATE_NORMAL, 1000);
	return 0;
}

static void
test_one_company_moves(void **state)
{
	assert_int_equal(w.disk.epoch, 2);
	assert_int_equal(w.disk.active, P);
	assert_int_equal(w.disk.redirects.n, 1);
	world_run(&w, 1000);
	assert_true(w.service[P][WEB].serves);
	assert_true(w.service[B][WEB].serves);
	assert_int_equal(w.service[P][WEB].epoch, 2);
	assert_int_equal(w.service[B][WEB].epoch, 2);
}

/* One company's order ends no room of the others, not for a moment. */
static void
test_rooms_of_the_others_stay(void **state)
{
	w.service[P][COLLAB].rooms = 2;
	world_run(&w, 1000);
	assert_int_equal(world_order(&w, RULES_REDIRECT_ADD, B), RULES_GO);
	for (int64_t from = w.now_ms; w.now_ms - from < 3000;) {
		world_run(&w, WORLD_TICK_MS);
		assert_true(w.service[P][COLLAB].serves);
	}
	assert_int_equal(w.disk.epoch, 2);
	assert_int_equal(w.f.state, STATE_NORMAL);
}

static void
test_and_back(void **state)
{
	assert_int_equal(world_order(&w, RULES_REDIRECT_DEL, P), RULES_GO);
	world_until(&w, STATE_NORMAL, 1000);
	assert_int_equal(w.disk.redirects.n, 0);
	assert_int_equal(w.disk.epoch, 3);
	world_run(&w, 3000);
	assert_false(w.service[B][WEB].serves);
	assert_int_equal(world_order(&w, RULES_REDIRECT_DEL, P),
			 RULES_NOTHING_TO_DO);
}

/* 60 s were ordered. */
static void
test_it_ends_by_itself(void **state)
{
	world_run(&w, 50000);
	assert_int_equal(w.disk.redirects.n, 1);
	world_run(&w, 20000);
	assert_int_equal(w.disk.redirects.n, 0);
	assert_int_equal(w.f.state, STATE_NORMAL);
	assert_false(w.service[B][WEB].serves);
}

static void
test_the_site_it_leads_to_dies(void **state)
{
	world_kill(&w, B, WEB);
	world_run(&w, 5000);
	assert_int_equal(w.f.state, STATE_NORMAL);
	assert_int_equal(w.disk.redirects.n, 0);
	assert_int_equal(w.disk.active, P);
	assert_true(w.service[P][WEB].serves);
}

static void
test_the_site_it_leads_to_stops(void **state)
{
	int64_t until = w.service[B][WEB].until_us / 1000;

	w.service[B][WEB].process = STOPPED;
	world_until(&w, STATE_FENCING, 3000);
	world_until(&w, STATE_NORMAL, 3000);
	assert_true(w.now_ms >= until);
	assert_int_equal(w.disk.redirects.n, 0);
}

static void
test_the_active_site_dies(void **state)
{
	world_kill(&w, P, WEB);
	world_until(&w, STATE_ON_BACKUP, 2000);
	assert_int_equal(w.disk.active, B);
	assert_int_equal(w.disk.redirects.n, 1); /* it holds on the way back */
	world_restart(&w, P, WEB);
	world_until(&w, STATE_NORMAL, 30000);
	world_run(&w, 1000);
	assert_true(w.service[B][WEB].serves == (w.disk.redirects.n == 1));
}

static void
test_an_abort_leaves_all_as_it_was(void **state)
{
	w.barriers_fail = true;
	assert_int_equal(world_order(&w, RULES_REDIRECT_ADD, B), RULES_GO);
	world_until(&w, STATE_SYNC, 500);
	world_until(&w, STATE_NORMAL, 6000);
	assert_int_equal(w.disk.redirects.n, 0);
	assert_int_equal(w.disk.epoch, 1);
	assert_false(w.f.redirecting);
	w.barriers_fail = false;
	assert_int_equal(world_order(&w, RULES_SWITCHOVER, B), RULES_GO);
	world_until(&w, STATE_MAINTENANCE, 10000);
	assert_int_equal(w.disk.active, B);
}

static void
test_a_restarted_proxy_knows_them(void **state)
{
	world_boot(&w, 1, w.disk.epoch);
	world_until(&w, STATE_NORMAL, 5000);
	world_run(&w, 3000);
	assert_true(w.service[B][WEB].serves);
	assert_int_equal(w.disk.epoch, 2);
}

static void
test_what_is_refused(void **state)
{
	assert_int_equal(world_order(&w, RULES_REDIRECT_ADD, P), RULES_REFUSED);
	w.company[0] = '\0';
	assert_int_equal(world_order(&w, RULES_REDIRECT_ADD, B), RULES_REFUSED);
	snprintf(w.company, sizeof(w.company), "acme");
	world_kill(&w, B, WEB);
	world_run(&w, 3000);
	assert_int_equal(world_order(&w, RULES_REDIRECT_ADD, B), RULES_REFUSED);
}

#define TEST(t) cmocka_unit_test_setup(t, up)
#define TEST_MOVED(t) cmocka_unit_test_setup(t, redirected)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_MOVED(test_one_company_moves),
		TEST(test_rooms_of_the_others_stay),
		TEST_MOVED(test_and_back),
		TEST_MOVED(test_it_ends_by_itself),
		TEST_MOVED(test_the_site_it_leads_to_dies),
		TEST_MOVED(test_the_site_it_leads_to_stops),
		TEST_MOVED(test_the_active_site_dies),
		TEST(test_an_abort_leaves_all_as_it_was),
		TEST_MOVED(test_a_restarted_proxy_knows_them),
		TEST(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
