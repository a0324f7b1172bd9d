#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/lease.h"

#define TTL 2000

static const struct lease_terms serve7 = { .epoch = 7, .serve = true };
static const struct lease_terms stop8 = { .epoch = 8, .active = ROUTE_BACKUP };

static struct report
report(int64_t clock_us, uint64_t epoch, bool serving)
{
	struct report r = { .clock_us = clock_us,
			    .epoch = epoch,
			    .serving = serving };

	memcpy(r.boot, "b1", 3);
	return r;
}

static void
test_a_new_proxy_assumes_a_forerunner(void **state)
{
	struct lease l;

	lease_init(&l, 1000, TTL);
	assert_false(lease_over(&l, 1, 2999, false));
	assert_true(lease_over(&l, 1, 3000, false));
	assert_true(lease_over(&l, 1, 1000, true));
}

static void
test_the_first_probe_only_asks(void **state)
{
	struct lease l;
	struct report r = report(5000000, 6, false);

	lease_init(&l, 0, TTL);
	assert_int_equal(lease_until(&l, &serve7, TTL), 0);
	lease_heard(&l, &r, 100);
	assert_int_equal(lease_until(&l, &serve7, TTL), 5000001 + TTL * 1000);
	lease_lost(&l);
	assert_int_equal(lease_until(&l, &serve7, TTL), 0);
}

static void
test_two_grants_on_one_answer_grow(void **state)
{
	struct lease l;
	struct report r = report(5000000, 7, true);
	int64_t first;

	lease_init(&l, 0, TTL);
	lease_heard(&l, &r, 100);
	first = lease_until(&l, &serve7, TTL);
	assert_true(lease_until(&l, &stop8, TTL) > first);
}

static void
test_the_bound_is_never_before_the_services_end(void **state)
{
	struct lease l;
	int64_t service_offset_us = 777777777; /* its clock against ours */

	lease_init(&l, 0, TTL);
	for (int64_t now = 0; now < 100000; now += 137) {
		/* The answer was written up to 90 ms before it came. */
		int64_t written_us = (now - now % 90) * 1000;
		struct report r = report(written_us + service_offset_us, 7,
					 true);
		int64_t until;

		lease_heard(&l, &r, now);
		until = lease_until(&l, &serve7, TTL);
		assert_true(until - service_offset_us <= l.bound_ms * 1000);
	}
}

static void
test_giving_up_is_of_an_epoch(void **state)
{
	struct lease l;
	struct report old = report(5000000, 7, false);
	struct report new = report(5100000, 8, false);

	lease_init(&l, 0, TTL);
	lease_heard(&l, &old, 100);
	assert_true(lease_over(&l, 7, 100, false));
	assert_false(lease_over(&l, 8, 100, false));
	lease_heard(&l, &new, 200);
	assert_true(lease_over(&l, 8, 200, false));
}

static void
test_a_grant_to_serve_takes_the_giving_up_back(void **state)
{
	struct lease l;
	struct report r = report(5000000, 7, false);

	lease_init(&l, 0, TTL);
	lease_heard(&l, &r, 100);
	(void)lease_until(&l, &serve7, TTL);
	assert_false(lease_over(&l, 7, 100, false));
	assert_false(lease_over(&l, 7, 2100, false));
	assert_true(lease_over(&l, 7, 2101, false));
}

static void
test_serving_needs_epoch_and_time(void **state)
{
	struct lease l;
	struct report r = report(5000000, 7, true);

	lease_init(&l, 0, TTL);
	lease_heard(&l, &r, 100);
	(void)lease_until(&l, &serve7, TTL);
	assert_true(lease_serves(&l, &r, 7, 500));
	assert_false(lease_serves(&l, &r, 8, 500));
	assert_false(lease_serves(&l, &r, 7, 5000));
}

static void
test_the_body(void **state)
{
	STRBUF_AUTO text = { 0 };
	struct lease_probe p = { .site = ROUTE_BACKUP,
				 .service = ROUTE_COLLAB,
				 .boot = "b1",
				 .until_us = 42,
				 .wall_us = 43 };
	struct lease_terms t = { .epoch = 9,
				 .active = ROUTE_BACKUP,
				 .serve = true,
				 .peer_dead = true,
				 .degraded = true,
				 .collab = { true, true } };

	lease_body(&p, &t, &text);
	assert_string_equal(
	    strbuf_text(&text),
	    "{\"v\":1,\"service\":\"collab\",\"site\":\"backup\",\"epoch\":9,"
	    "\"active\":\"backup\",\"serve\":true,\"boot\":\"b1\","
	    "\"until_us\":42,\"peer\":\"dead\",\"degraded\":true,"
	    "\"collab\":[\"primary\",\"backup\"],\"redirects\":[],"
	    "\"wall_us\":43}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_proxy_assumes_a_forerunner),
		cmocka_unit_test(test_the_first_probe_only_asks),
		cmocka_unit_test(test_two_grants_on_one_answer_grow),
		cmocka_unit_test(
		    test_the_bound_is_never_before_the_services_end),
		cmocka_unit_test(test_giving_up_is_of_an_epoch),
		cmocka_unit_test(
		    test_a_grant_to_serve_takes_the_giving_up_back),
		cmocka_unit_test(test_serving_needs_epoch_and_time),
		cmocka_unit_test(test_the_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
