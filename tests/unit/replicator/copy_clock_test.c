#include "replicator/copy_clock.h"

#include <stdlib.h>
#include <time.h>

#include "base/unit.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)

/* The local time, in the zone that is set. */
static int64_t
at(const char *text)
{
	struct tm tm = { .tm_isdst = -1 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return (int64_t)mktime(&tm) * SECOND;
}

static void
zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static void
is_local(int64_t us, const char *want)
{
	time_t t = (time_t)(us / SECOND);
	struct tm tm;
	char text[64];

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	assert_string_equal(text, want);
}

static struct copy_clock
daily(const char *text)
{
	struct copy_clock c = { 0 };
	struct err e = { 0 };

	unit_works(copy_clock_parse(text, &c.at_minute, &e), &e);
	return c;
}

static void
test_a_time_of_day(void **state)
{
	static const char *const wrong[] = { "",      "3:10",   "03:1",
					     "24:00", "03:60",  "0310",
					     "-3:10", "03:10 ", "aa:bb" };
	struct err e = { 0 };
	int minute;

	assert_int_equal(daily("00:00").at_minute, 0);
	assert_int_equal(daily("23:59").at_minute, 1439);
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++)
		unit_fails(copy_clock_parse(wrong[i], &minute, &e), &e,
			   "write it like 03:10");
}

static void
test_it_is_the_next_one(void **state)
{
	struct copy_clock c = daily("03:10");

	zone("UTC");
	is_local(copy_clock_next(&c, at("2026-03-01 03:09:59")),
		 "2026-03-01 03:10:00");
	is_local(copy_clock_next(&c, at("2026-03-01 03:10:00")),
		 "2026-03-02 03:10:00");
	is_local(copy_clock_next(&c, at("2026-12-31 23:59:59")),
		 "2027-01-01 03:10:00");
	is_local(copy_clock_next(&c, at("2028-02-28 12:00:00")),
		 "2028-02-29 03:10:00");
}

static void
test_midnight(void **state)
{
	struct copy_clock c = daily("00:00");

	zone("Europe/Berlin");
	is_local(copy_clock_next(&c, at("2026-06-01 23:59:59")),
		 "2026-06-02 00:00:00");
	is_local(copy_clock_next(&c, at("2026-06-02 00:00:00")),
		 "2026-06-03 00:00:00");
	c = daily("23:59");
	is_local(copy_clock_next(&c, at("2026-06-01 23:59:00")),
		 "2026-06-02 23:59:00");
	is_local(copy_clock_next(&c, at("2026-06-02 00:00:00")),
		 "2026-06-02 23:59:00");
}

/* 2026-03-29 Berlin goes from 02:00 to 03:00. */
static void
test_the_day_that_lacks_the_hour(void **state)
{
	struct copy_clock c = daily("02:30");
	int64_t first, next;

	zone("Europe/Berlin");
	first = copy_clock_next(&c, at("2026-03-28 12:00:00"));
	is_local(first, "2026-03-29 03:30:00");
	next = copy_clock_next(&c, first);
	is_local(next, "2026-03-30 02:30:00");
	assert_true(next - first == 23 * HOUR);
}

/* 2026-10-25 Berlin has 02:00 to 03:00 twice. */
static void
test_the_day_that_has_the_hour_twice(void **state)
{
	struct copy_clock c = daily("02:30");
	int64_t before, first, next;

	zone("Europe/Berlin");
	before = at("2026-10-24 02:30:00");
	first = copy_clock_next(&c, before);
	is_local(first, "2026-10-25 02:30:00");
	next = copy_clock_next(&c, first);
	is_local(next, "2026-10-26 02:30:00");
	assert_true(next - before == 49 * HOUR);
}

/* Over a year: one a day, never two, never none, ages stay below a day. */
static void
check_a_year(const char *name, const char *time, int64_t jitter_us)
{
	struct copy_clock c = daily(time);
	int64_t t, end;
	unsigned n = 0;

	zone(name);
	c.jitter_us = jitter_us;
	c.seed = 12345;
	t = copy_clock_next(&c, at("2025-12-31 12:00:00"));
	end = t + 365 * 24 * HOUR;
	for (; t < end; n++) {
		int64_t next = copy_clock_next(&c, t);
		int64_t due = copy_clock_due(&c, t);

		assert_true(next - t >= 22 * HOUR - jitter_us);
		assert_true(next - t <= 26 * HOUR + jitter_us);
		assert_true(due > t && due <= t + 23 * HOUR && due <= next);
		/* asked for at whatever moment between them, it is the same */
		assert_true(copy_clock_next(&c, t + (next - t) / 3) == next);
		assert_true(copy_clock_next(&c, next - 1) == next);
		t = next;
	}
	assert_in_range(n, 364, 366);
}

static void
test_a_year_of_days(void **state)
{
	static const char *const zones[] = { "UTC", "Europe/Berlin",
					     "America/Los_Angeles",
					     "Australia/Lord_Howe",
					     "Asia/Kathmandu" };
	static const char *const times[] = { "00:00", "01:59", "02:00", "02:30",
					     "23:59" };

	for (size_t i = 0; i < UNIT_COUNT(zones); i++)
		for (size_t k = 0; k < UNIT_COUNT(times); k++) {
			check_a_year(zones[i], times[k], 0);
			check_a_year(zones[i], times[k], 30 * 60 * SECOND);
		}
}

static void
test_jitter_is_the_days_own(void **state)
{
	struct copy_clock c = daily("23:50");
	int64_t one, other;

	zone("UTC");
	c.jitter_us = HOUR;
	c.seed = 1;
	/* it may carry the moment over midnight: then it still comes */
	for (unsigned seed = 0; seed < 200; seed++) {
		c.seed = seed;
		one = copy_clock_next(&c, at("2026-05-05 23:50:00") - 1);
		assert_true(one >= at("2026-05-05 23:50:00"));
		assert_true(one < at("2026-05-06 00:50:00"));
		assert_true(copy_clock_next(&c, one - 1) == one);
	}
	c.seed = 1;
	one = copy_clock_next(&c, at("2026-05-05 12:00:00"));
	c.seed = 2;
	other = copy_clock_next(&c, at("2026-05-05 12:00:00"));
	assert_true(one != other);
}

static void
test_when_a_copy_is_due(void **state)
{
	struct copy_clock c = daily("03:10");
	int64_t last;

	zone("UTC");
	assert_true(copy_clock_due(&c, 0) == 0);
	last = at("2026-05-05 03:10:07");
	assert_true(copy_clock_due(&c, last) == last + 23 * HOUR);
	last = at("2026-05-05 12:00:00"); /* by an operator */
	is_local(copy_clock_due(&c, last), "2026-05-06 03:10:00");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_time_of_day),
		cmocka_unit_test(test_it_is_the_next_one),
		cmocka_unit_test(test_midnight),
		cmocka_unit_test(test_the_day_that_lacks_the_hour),
		cmocka_unit_test(test_the_day_that_has_the_hour_twice),
		cmocka_unit_test(test_a_year_of_days),
		cmocka_unit_test(test_jitter_is_the_days_own),
		cmocka_unit_test(test_when_a_copy_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
