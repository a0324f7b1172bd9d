#include "proxy/accesslog.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/unit.h"
#include "proxy/metrics.h"

static struct accesslog_entry
sample(void)
{
	struct accesslog_entry e = { .wall_us = 784111777678000,
				     .client = "::1",
				     .id = span_of("abc"),
				     .method = span_of("GET"),
				     .target = span_of(
					 "/x\"\\\x01\xff?t=a.b&PW=c=d&x"),
				     .protocol = "HTTP/1.1",
				     .status = 200,
				     .bytes_out = 99,
				     .site = "primary",
				     .service = "web",
				     .epoch = 7,
				     .attempts = 2,
				     .held_us = -1,
				     .end = "--r-" };

	return e;
}

static void
test_json(void **state)
{
	struct accesslog_entry e = sample();
	char out[ACCESSLOG_LINE_MAX];
	size_t n = accesslog_line(PLANE_LOG_JSON, &e, out);
	json_t *j = json_loadb(out, n, 0, NULL);

	assert_non_null(j);
	assert_int_equal(out[n - 1], '\n');
	assert_string_equal(json_string_value(json_object_get(j, "time")),
			    "1994-11-06T08:49:37.678Z");
	assert_string_equal(json_string_value(json_object_get(j, "target")),
			    "/x\"\\\x01\xc3\xbf?t=*&PW=*&x");
	assert_int_equal(json_integer_value(json_object_get(j, "held_us")), -1);
	assert_int_equal(json_integer_value(json_object_get(j, "attempts")), 2);
	json_decref(j);
}

static void
test_common(void **state)
{
	struct accesslog_entry e = sample();
	char out[ACCESSLOG_LINE_MAX];
	size_t n;

	e.target = span_of("/x");
	n = accesslog_line(PLANE_LOG_COMMON, &e, out);
	unit_span_is(span_make(out, n), "::1 - - [06/Nov/1994:08:49:37 +0000] "
					"\"GET /x HTTP/1.1\" 200 99\n");
}

/* The longest line that there can be stays within its bounds. */
static void
test_longest(void **state)
{
	struct accesslog_entry e = sample();
	char long_target[9000], out[ACCESSLOG_LINE_MAX];

	memset(long_target, '"', sizeof(long_target));
	e.target = span_make(long_target, sizeof(long_target));
	e.bytes_in = e.bytes_out = e.epoch = INT64_MAX;
	e.read_us = e.held_us = e.answer_us = e.total_us = INT64_MIN + 1;
	assert_true(accesslog_line(PLANE_LOG_JSON, &e, out) <
		    ACCESSLOG_LINE_MAX);
}

static size_t
count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[8192];
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n++;
	fclose(f);
	return n;
}

static void
test_file(void **state)
{
	char path[] = "/tmp/accesslog-XXXXXX";
	_Atomic uint64_t lost = 0;
	struct accesslog_entry e = sample();
	struct accesslog_feed *f;
	struct accesslog *log;
	struct err err = { 0 };

	close(mkstemp(path));
	log = accesslog_open(path, PLANE_LOG_JSON, &err);
	assert_non_null(log);
	f = accesslog_feed_new(log, &lost);
	for (int i = 0; i < 5000; i++)
		accesslog_add(f, &e);
	accesslog_feed_free(&f);
	accesslog_close(&log);
	assert_int_equal(count_lines(path) + lost, 5000);
	assert_true(count_lines(path) > 0);

	unlink(path);
	assert_null(accesslog_open("/nonexistent/log", PLANE_LOG_JSON, &err));
	unit_fails(-1, &err, "/nonexistent/log");
}

static void
test_metrics(void **state)
{
	static struct metrics m[2];
	const struct metrics *all[] = { &m[0], &m[1] };
	struct metrics_gauges g = { .epoch = 9 };
	STRBUF_AUTO out = { 0 };

	metrics_add(&m[0].answers[ROUTE_BACKUP][2], 3);
	metrics_add(&m[1].answers[ROUTE_BACKUP][2], 4);
	metrics_observe(&m[0].total[ROUTE_BACKUP], 400);
	metrics_observe(&m[1].total[ROUTE_BACKUP], 99000000);
	metrics_add(&m[1].cut, 2);
	metrics_sub(&m[1].cut, 1);
	metrics_render(all, 2, &g, &out);
	assert_non_null(strstr(out.at, "gsb_proxy_answers_total{from=\"backup\""
				       ",class=\"2xx\"} 7\n"));
	assert_non_null(strstr(out.at, "\ngsb_proxy_cut_total 1\n"));
	assert_non_null(
	    strstr(out.at, "gsb_proxy_request_seconds_bucket{from=\"backup\","
			   "le=\"0.0005\"} 1\n"));
	assert_non_null(
	    strstr(out.at, "gsb_proxy_request_seconds_bucket{from=\"backup\","
			   "le=\"10\"} 1\n"));
	assert_non_null(
	    strstr(out.at, "gsb_proxy_request_seconds_bucket{from=\"backup\","
			   "le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(out.at, "gsb_proxy_epoch 9\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),    cmocka_unit_test(test_common),
		cmocka_unit_test(test_longest), cmocka_unit_test(test_file),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
