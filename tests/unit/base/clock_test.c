#include "base/clock.h"

#include <time.h>

#include "base/unit.h"

static void
test_clocks_agree_with_the_system(void **state)
{
	int64_t before = clock_mono_us();
	int64_t wall = clock_wall_us() / 1000000;
	int64_t now = time(NULL);

	assert_true(clock_mono_us() >= before);
	assert_true(clock_mono_ms() >= before / 1000);
	assert_true(now - wall >= -1 && now - wall <= 5);
	assert_true(clock_wall_us() - clock_pg_us() - CLOCK_PG_EPOCH_US <
		    1000000);
}

static void
test_iso(void **state)
{
	char buf[CLOCK_ISO_SIZE];

	assert_string_equal(clock_iso(0, buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(clock_iso(CLOCK_PG_EPOCH_US, buf),
			    "2000-01-01T00:00:00.000Z");
	assert_string_equal(clock_iso(-1, buf), "1969-12-31T23:59:59.999Z");
	assert_string_equal(clock_iso(1709210096789000, buf),
			    "2024-02-29T12:34:56.789Z");
	assert_string_equal(clock_iso(INT64_MAX, buf),
			    "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_iso(INT64_MIN, buf),
			    "0000-01-01T00:00:00.000Z");
}

static void
test_http_date(void **state)
{
	char buf[CLOCK_HTTP_SIZE];

	assert_string_equal(clock_http(784111777 * INT64_C(1000000), buf),
			    "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(strlen(clock_http_now()), CLOCK_HTTP_SIZE - 1);
	assert_ptr_equal(clock_http_now(), clock_http_now());
}

/* Against the C library, over many days. */
static void
test_calendar(void **state)
{
	for (int64_t day = -800000; day < 800000; day += 97) {
		time_t t = day * 86400 + (day & 0xffff);
		struct clock_civil c;
		struct tm tm;

		gmtime_r(&t, &tm);
		clock_civil(t * INT64_C(1000000) + 5, &c);
		assert_int_equal(c.year, tm.tm_year + INT64_C(1900));
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.weekday, tm.tm_wday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.minute, tm.tm_min);
		assert_int_equal(c.second, tm.tm_sec);
		assert_int_equal(c.us, 5);
		assert_int_equal(clock_days_from_civil(c.year, c.month, c.day) *
					 86400 +
				     c.hour * 3600 + c.minute * 60 + c.second,
				 t);
	}
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		const char *utc;
	} good[] = {
		{ "2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05.678Z" },
		{ "2024-01-02T03:04:05.6789999z", "2024-01-02T03:04:05.678Z" },
		{ "2024-01-02 03:04:05+02:00", "2024-01-02T01:04:05.000Z" },
		{ "2024-01-02t03:04-0130", "2024-01-02T04:34:00.000Z" },
		{ "2024-02-29T00:00:00+23:59", "2024-02-28T00:01:00.000Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z" },
		{ "2024-01-02T03:04:05,5Z", "2024-01-02T03:04:05.500Z" },
		{ "0000-01-01T00:00Z", "0000-01-01T00:00:00.000Z" },
	};
	char buf[CLOCK_ISO_SIZE];
	int64_t us;

	for (size_t i = 0; i < UNIT_COUNT(good); i++) {
		assert_int_equal(clock_parse_iso(span_of(good[i].text), &us),
				 0);
		assert_string_equal(clock_iso(us, buf), good[i].utc);
	}
}

static void
test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"2024-01-02",
		"2024-01-02T03:04:05",
		"2024-1-2T03:04:05Z",
		"2023-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2024-00-01T00:00:00Z",
		"2024-13-01T00:00:00Z",
		"2024-04-31T00:00:00Z",
		"2024-01-01T24:00:00Z",
		"2024-01-01T00:60:00Z",
		"2024-01-01T00:00:61Z",
		"2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00+24:00",
		"2024-01-01T00:00:00+01:60",
		"2024-01-01T00:00:00Zx",
		"2024-01-01T00:00:00+0100x",
		" 2024-01-01T00:00:00Z",
		"2024-01-01T00:00:00+1",
		"-024-01-01T00:00:00Z",
	};
	int64_t us = 7;

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		if (clock_parse_iso(span_of(bad[i]), &us) != -1)
			fail_msg("\"%s\" was read as a time", bad[i]);
	assert_int_equal(us, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks_agree_with_the_system),
		cmocka_unit_test(test_iso),
		cmocka_unit_test(test_http_date),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
