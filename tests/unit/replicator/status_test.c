/* The forms in which the status goes out. */
#include "replicator/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct status
streaming(void)
{
	return (struct status){ .site = "backup",
				.peer = "primary",
				.stream = STREAM_RUNNING,
				.apply_ready = true,
				.verdict = PROGRESS_CONTINUE,
				.sync = "on",
				.applied = 0x10,
				.received = 0x20,
				.peer_end = 0x40,
				.safe_bytes = -1 };
}

static void
test_states(void **state)
{
	struct status s = streaming();

	assert_string_equal(status_in_state(&s), "streaming");
	s.peer_end = 64 << 20;
	assert_string_equal(status_in_state(&s), "streaming");
	s.lag_ms = 3000;
	assert_string_equal(status_in_state(&s), "catchup");
	s.apply_ready = false;
	assert_string_equal(status_in_state(&s), "down");
	s = streaming();
	s.stream = STREAM_WAITING;
	assert_string_equal(status_in_state(&s), "down");
}

static void
test_json(void **state)
{
	struct status s = streaming();
	JSON_AUTO j = status_json(&s);
	const char *text;
	int64_t n;

	assert_int_equal(json_get_str(j, "in.applied_lsn", &text, NULL), 1);
	assert_string_equal(text, "0/10");
	assert_int_equal(json_get_int(j, "in.not_received_bytes", &n, NULL), 1);
	assert_int_equal(n, 0x20);
	assert_int_equal(json_get_str(j, "sync", &text, NULL), 1);
	assert_string_equal(text, "on");
	assert_int_equal(json_get_str(j, "in.alarm", &text, NULL), 0);
}

static void
test_metrics(void **state)
{
	struct status s = streaming();
	STRBUF_AUTO out = { 0 };

	s.apply.parked = 3;
	s.intake.echo_bytes = 99;
	status_metrics(&s, &out);
	assert_non_null(
	    strstr(out.at, "\ngsb_replicator_sync{state=\"on\"} 1\n"));
	assert_non_null(
	    strstr(out.at, "\ngsb_replicator_sync{state=\"degraded\"} 0\n"));
	assert_non_null(strstr(out.at, "\ngsb_replicator_stream_up 1\n"));
	assert_non_null(
	    strstr(out.at, "\ngsb_replicator_parked_rows_total 3\n"));
	assert_non_null(
	    strstr(out.at, "\ngsb_replicator_echo_bytes_total 99\n"));
	assert_non_null(strstr(
	    out.at, "\ngsb_replicator_lag_bytes{stage=\"received\"} 32\n"));
	/* every sample has a type before it */
	assert_int_equal(out.at[0], '#');
	assert_int_equal(out.at[out.len - 1], '\n');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
