#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/gates.h"

#define P ROUTE_PRIMARY
#define B ROUTE_BACKUP
#define HOUR INT64_C(3600000)

static struct gates g;
static struct gates_inputs in;
static const struct gates_conf conf = {
	.lag_ms = 2000,
	.verified_ms = 24 * HOUR,
	.copy_ms = 24 * HOUR,
	.clock_ms = 1000,
	.certificates_ms = 168 * HOUR,
	.disk_percent = 5,
};

static int
all_good(void **state)
{
	memset(&g, 0, sizeof(g));
	memset(&in, 0, sizeof(in));
	in.now_ms = 1000;
	in.wall_us = INT64_C(1700000000000000);
	in.certificate_until_us = in.wall_us + 400 * HOUR * 1000;
	for (int s = 0; s < ROUTE_SITES; s++) {
		struct gates_site *site = &in.site[s];

		site->verdict = JUDGE_WHOLE;
		site->replication.known = true;
		site->replication.sync = REPORT_SYNC_ON;
		site->replication.out = REPORT_STREAM_STREAMING;
		site->replication.verified_us = in.wall_us - 1000000;
		site->copy_us = in.wall_us - 1000000;
		memcpy(site->version, "1.4.2", 6);
		site->schema = 7;
		site->disk_permille = 500;
		site->clock_known = true;
	}
	gates_look(&g, &conf, &in);
	return 0;
}

static void
look(void)
{
	in.now_ms += 1000;
	gates_look(&g, &conf, &in);
}

/* That gate alone is bad, with these words. */
static void
bad(enum gates_name n, const char *words)
{
	look();
	for (int i = 0; i < GATES_N; i++)
		assert_int_equal(g.gate[i].verdict,
				 i == (int)n ? GATES_BAD : GATES_GOOD);
	if (strstr(g.gate[n].value, words) == NULL)
		fail_msg("\"%s\" without \"%s\"", g.gate[n].value, words);
	assert_true(strlen(g.gate[n].limit) > 0);
	assert_int_equal(gates_first(&g, GATES_SITES), n);
}

static void
test_all_good(void **state)
{
	for (int i = 0; i < GATES_N; i++)
		if (g.gate[i].verdict != GATES_GOOD)
			fail_msg("%s: %s", gates_name((enum gates_name)i),
				 g.gate[i].value);
	assert_int_equal(gates_first(&g, GATES_SITES), GATES_N);
}

static void
test_each_is_seen_alone(void **state)
{
	in.site[B].verdict = JUDGE_PARTIAL;
	bad(GATES_SITES, "backup partial");
	all_good(NULL);
	in.site[P].replication.out_lag_ms = 2001;
	bad(GATES_LAG_THERE, "2 s");
	all_good(NULL);
	in.site[B].replication.out = REPORT_STREAM_DOWN;
	bad(GATES_LAG_BACK, "down");
	in.active = B;
	bad(GATES_LAG_THERE, "down");
	all_good(NULL);
	for (int s = 0; s < ROUTE_SITES; s++)
		in.site[s].replication.verified_us = in.wall_us -
						     25 * HOUR * 1000;
	bad(GATES_VERIFIED, "25 h ago");
	all_good(NULL);
	in.site[B].copy_us = in.wall_us - 30 * HOUR * 1000;
	bad(GATES_COPY, "30 h ago");
	all_good(NULL);
	in.site[B].disk_permille = 49;
	bad(GATES_DISK, "backup 4 %");
	all_good(NULL);
	in.certificate_until_us = in.wall_us + 167 * HOUR * 1000;
	bad(GATES_CERTIFICATES, "167 h left");
	in.certificate_until_us = in.wall_us - 1;
	bad(GATES_CERTIFICATES, "ended");
	all_good(NULL);
	in.site[B].clock_ms = -1001;
	bad(GATES_CLOCKS, "backup -1001 ms");
	in.site[P].clock_ms = 600;
	in.site[B].clock_ms = -600;
	bad(GATES_CLOCKS, "primary +600 ms");
	all_good(NULL);
	in.site[P].replication.parked = 3;
	bad(GATES_PARKED, "primary 3");
	all_good(NULL);
	in.site[B].replication.key_conflicts = 1;
	bad(GATES_CONFLICTS, "backup 1");
}

static void
test_versions(void **state)
{
	memcpy(in.site[B].version, "1.5.0", 6);
	look();
	assert_int_equal(g.gate[GATES_VERSIONS].verdict, GATES_GOOD);
	memcpy(in.site[B].version, "1.6.0", 6);
	bad(GATES_VERSIONS, "1.6.0");
	memcpy(in.site[B].version, "2.4.2", 6);
	bad(GATES_VERSIONS, "2.4.2");
	memcpy(in.site[B].version, "1.4.2", 6);
	in.site[B].schema = 9;
	bad(GATES_VERSIONS, "schema 9");
}

static void
test_what_is_not_told_bars_if_it_is_wanted(void **state)
{
	struct gates_conf strict = conf;

	in.site[B].copy_us = 0;
	look();
	assert_int_equal(g.gate[GATES_COPY].verdict, GATES_UNKNOWN);
	assert_false(gates_bars(&g, GATES_COPY));
	strict.unknown_bars = true;
	gates_look(&g, &strict, &in);
	assert_int_equal(gates_first(&g, GATES_SITES), GATES_COPY);
	memset(&in.site, 0, sizeof(in.site));
	in.site[P].disk_permille = -1;
	in.certificate_until_us = -1;
	look();
	for (int i = 0; i < GATES_N; i++)
		assert_int_equal(g.gate[i].verdict, GATES_UNKNOWN);
}

static void
test_since(void **state)
{
	look();
	look();
	assert_int_equal(g.gate[GATES_PARKED].since_ms, 1000);
	in.site[P].replication.parked = 1;
	look();
	assert_int_equal(g.gate[GATES_PARKED].since_ms, in.now_ms);
	look();
	assert_int_equal(g.gate[GATES_PARKED].since_ms, in.now_ms - 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_good, all_good),
		cmocka_unit_test_setup(test_each_is_seen_alone, all_good),
		cmocka_unit_test_setup(test_versions, all_good),
		cmocka_unit_test_setup(
		    test_what_is_not_told_bars_if_it_is_wanted, all_good),
		cmocka_unit_test_setup(test_since, all_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
