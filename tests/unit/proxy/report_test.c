#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/report.h"

static const char whole[] =
    "{\"v\":1,\"site\":\"primary\",\"service\":\"web\",\"boot\":\"a1\","
    "\"clock_us\":123,\"epoch\":7,\"serving\":true,\"version\":\"0.1.0\","
    "\"schema\":1,\"components\":{\"web\":\"ok\",\"db\":\"ok\",\"files\":"
    "\"ok\"},"
    "\"replication\":{\"sync\":\"on\",\"oldest_commit_wait_ms\":3,"
    "\"out\":{\"state\":\"streaming\",\"lag_bytes\":10,\"lag_ms\":2,"
    "\"at_risk\":5,\"at_risk_since_us\":6},"
    "\"in\":{\"state\":\"catchup\",\"lag_ms\":4,\"applied_lsn\":\"0/1\"},"
    "\"parked\":1,\"conflicts\":2,\"replicator_age_ms\":30},"
    "\"sessions\":2,\"in_flight\":5,\"companies\":\"e1\",\"wall_us\":9,"
    "\"new_member\":{}}";

static void
test_a_whole_report(void **state)
{
	struct report r;
	struct err e = { 0 };

	assert_int_equal(report_read(span_of(whole), &r, &e), 0);
	assert_int_equal(r.site, ROUTE_PRIMARY);
	assert_int_equal(r.service, ROUTE_WEB);
	assert_string_equal(r.boot, "a1");
	assert_int_equal(r.epoch, 7);
	assert_true(r.serving);
	assert_int_equal(r.web, JUDGE_LEVEL_OK);
	assert_int_equal(r.db, JUDGE_LEVEL_OK);
	assert_int_equal(r.collab, JUDGE_LEVEL_UNKNOWN);
	assert_true(r.replication.known);
	assert_int_equal(r.replication.sync, REPORT_SYNC_ON);
	assert_int_equal(r.replication.out, REPORT_STREAM_STREAMING);
	assert_int_equal(r.replication.in, REPORT_STREAM_CATCHUP);
	assert_int_equal(r.replication.out_lag_bytes, 10);
	assert_int_equal(r.replication.at_risk, 5);
	assert_int_equal(r.replication.at_risk_since_us, 6);
	assert_int_equal(r.sessions, 2);
	assert_string_equal(r.companies, "e1");
}

static void
test_a_dead_database(void **state)
{
	struct report r;
	struct err e = { 0 };

	assert_int_equal(
	    report_read(
		span_of("{\"v\":1,\"site\":\"backup\",\"service\":\"web\","
			"\"boot\":\"a\",\"clock_us\":1,\"epoch\":0,"
			"\"serving\":false,\"components\":{\"web\":\"ok\","
			"\"db\":\"down\"},\"replication\":null}"),
		&r, &e),
	    0);
	assert_int_equal(r.db, JUDGE_LEVEL_DOWN);
	assert_false(r.replication.known);
}

static const struct {
	const char *from, *to, *says;
} faults[] = {
	{ "\"v\":1", "\"v\":2", "v must be 1" },
	{ "\"primary\"", "\"middle\"", "primary or backup" },
	{ "\"service\":\"web\"", "\"service\":\"wob\"", "web or collab" },
	{ "\"boot\":\"a1\"", "\"boot\":\"\"", "boot" },
	{ "\"boot\":\"a1\"",
	  "\"boot\":\"0123456789012345678901234567890123456789\"", "boot" },
	{ "\"clock_us\":123", "\"clock_us\":\"1\"", "clock_us" },
	{ "\"epoch\":7", "\"epoch\":-7", "epoch" },
	{ "\"serving\":true", "\"serving\":1", "serving" },
	{ "\"epoch\":7,", "", "epoch" },
	{ "{\"v\"", "[\"v\"", "" },
};

static void
test_what_is_wrong_is_named(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		STRBUF_AUTO text = { 0 };
		const char *at = strstr(whole, faults[i].from);
		struct report r;
		struct err e = { 0 };

		assert_non_null(at);
		strbuf_add(&text, whole, (size_t)(at - whole));
		strbuf_adds(&text, faults[i].to);
		strbuf_adds(&text, at + strlen(faults[i].from));
		assert_int_equal(report_read(strbuf_span(&text), &r, &e), -1);
		if (strstr(err_text(&e), faults[i].says) == NULL)
			fail_msg("%s: %s", faults[i].to, err_text(&e));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_report),
		cmocka_unit_test(test_a_dead_database),
		cmocka_unit_test(test_what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
