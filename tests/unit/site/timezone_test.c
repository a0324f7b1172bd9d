#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "site/timezone.h"

static int64_t
utc(int64_t y, unsigned mo, unsigned d, unsigned h, unsigned mi)
{
	return (clock_days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60) *
	       1000000;
}

static int64_t
berlin(int64_t y, unsigned mo, unsigned d, unsigned h, unsigned mi)
{
	struct clock_civil c = {
		.year = y, .month = mo, .day = d, .hour = h, .minute = mi
	};

	return timezone_instant(timezone_by_id(25), &c);
}

static void
test_ids(void **state)
{
	assert_string_equal(timezone_by_id(4)->iana, "America/Los_Angeles");
	assert_int_equal(timezone_by_id(24)->id, 23);
	assert_int_equal(timezone_by_id(27)->id, 26);
	assert_null(timezone_by_id(-1));
	assert_null(timezone_by_id(62));
	assert_int_equal(timezone_by_iana("europe/berlin")->id, 25);
	assert_int_equal(timezone_by_iana("UTC")->id, TIMEZONE_GMT);
	assert_null(timezone_by_iana("Mars/Olympus"));
	assert_int_equal(timezone_by_text("GMT-08:00, Pacific (San Jose)")->id,
			 4);
	assert_int_equal(timezone_by_text("Pacific (San Jose)")->id, 4);
	assert_null(timezone_by_text("Pacific"));
}

static void
test_every_zone_is_installed(void **state)
{
	unsigned n;
	const struct timezone_info *rows = timezone_table(&n);

	/* glibc takes a name that it does not know for UTC: so look that
	 * the winter offset of the text comes out, zones aside that have
	 * moved since the table was made */
	assert_int_equal(
	    timezone_offset_s(timezone_by_id(25), utc(2026, 1, 1, 0, 0)), 3600);
	assert_int_equal(
	    timezone_offset_s(timezone_by_id(41), utc(2026, 1, 1, 0, 0)),
	    19800);
	for (unsigned i = 0; i < n; i++)
		if (i > 0)
			assert_true(rows[i].id > rows[i - 1].id);
}

static void
test_summer_time(void **state)
{
	assert_int_equal(berlin(2026, 1, 15, 12, 0), utc(2026, 1, 15, 11, 0));
	assert_int_equal(berlin(2026, 7, 15, 12, 0), utc(2026, 7, 15, 10, 0));
	/* 29 March 2026 02:30 does not exist: moved forward */
	assert_int_equal(berlin(2026, 3, 29, 2, 30), utc(2026, 3, 29, 1, 30));
	assert_int_equal(berlin(2026, 3, 29, 1, 59), utc(2026, 3, 29, 0, 59));
	assert_int_equal(berlin(2026, 3, 29, 3, 0), utc(2026, 3, 29, 1, 0));
	/* 25 October 2026 02:30 exists twice: the first */
	assert_int_equal(berlin(2026, 10, 25, 2, 30), utc(2026, 10, 25, 0, 30));
	assert_int_equal(berlin(2026, 10, 25, 3, 0), utc(2026, 10, 25, 2, 0));
	/* beyond the transitions that the file lists */
	assert_int_equal(berlin(2049, 7, 1, 12, 0), utc(2049, 7, 1, 10, 0));
}

static void
test_there_and_back(void **state)
{
	unsigned n;
	const struct timezone_info *rows = timezone_table(&n);

	for (unsigned i = 0; i < n; i++)
		for (unsigned day = 1; day <= 28; day++) {
			struct clock_civil c;
			int64_t at = utc(2026, day % 12 + 1, day, day % 24, 7);

			timezone_local(&rows[i], at, &c);
			assert_int_equal(timezone_instant(&rows[i], &c), at);
		}
}

static void
test_text_with_dst(void **state)
{
	struct arena *a = arena_new();

	assert_string_equal(
	    timezone_with_dst(timezone_by_id(25), utc(2026, 7, 1, 0, 0), a),
	    "Berlin (Europe Summer Time, GMT+02:00)");
	assert_string_equal(
	    timezone_with_dst(timezone_by_id(15), utc(2026, 1, 1, 0, 0), a),
	    "Newfoundland (Newfoundland Standard Time, "
	    "GMT-03:30)");
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_every_zone_is_installed),
		cmocka_unit_test(test_summer_time),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_text_with_dst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
