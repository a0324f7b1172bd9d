#include "site/recurrence.h"

#include "base/unit.h"

#include <string.h>

static const struct timezone_info *
zone(int id)
{
	return timezone_by_id(id);
}

static void
assert_same(const char *rule, int id)
{
	struct err e = { 0 };
	JSON_AUTO elements = recurrence_read(rule, zone(id), &e);
	STRBUF_AUTO out = { 0 };

	if (elements == NULL)
		fail_msg("%s: %s", rule, err_text(&e));
	recurrence_write(elements, zone(id), &out);
	assert_string_equal(strbuf_text(&out), rule);
}

static void
test_rules_are_kept_by_the_elements(void **state)
{
	static const char *const rules[] = {
		"FREQ=DAILY",
		"FREQ=DAILY;INTERVAL=3;COUNT=10",
		"FREQ=WEEKLY;BYDAY=MO",
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;COUNT=5",
		"FREQ=WEEKLY;BYDAY=SU,SA;UNTIL=20301224T100000Z",
		"FREQ=MONTHLY;BYMONTHDAY=31",
		"FREQ=MONTHLY;BYDAY=2TU",
		"FREQ=MONTHLY;INTERVAL=6;BYDAY=-1FR",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
		"FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
		"FREQ=YEARLY;BYYEARDAY=100",
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (int id = 4; id <= 25; id += 21)
			assert_same(rules[i], id);
}

static void
assert_elements(const char *rule, const char *json)
{
	struct err e = { 0 };
	JSON_AUTO got = recurrence_read(rule, zone(25), &e);
	JSON_AUTO want = json_read(span_of(json), &e);

	assert_non_null(got);
	assert_non_null(want);
	assert_true(json_equal(got, want));
}

static void
test_elements(void **state)
{
	assert_elements("RRULE:freq=weekly;byday=MO,TU;wkst=MO",
			"{\"repeatType\":\"WEEKLY\","
			"\"day\":[\"MONDAY\",\"TUESDAY\"]}");
	assert_elements("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1",
			"{\"repeatType\":\"MONTHLY\",\"day\":[\"FRIDAY\"],"
			"\"weekInMonth\":5}");
	/* Berlin: an hour ahead in winter, two in summer */
	assert_elements("FREQ=DAILY;UNTIL=20301224T100000Z",
			"{\"repeatType\":\"DAILY\","
			"\"expirationDate\":\"12/24/2030 11:00:00\"}");
	assert_elements("FREQ=DAILY;UNTIL=20300624T100000Z",
			"{\"repeatType\":\"DAILY\","
			"\"expirationDate\":\"06/24/2030 12:00:00\"}");
	assert_elements("FREQ=DAILY;UNTIL=20300624",
			"{\"repeatType\":\"DAILY\","
			"\"expirationDate\":\"06/24/2030 23:59:59\"}");
}

static void
test_what_cannot_be_said_is_refused(void **state)
{
	static const struct {
		const char *rule, *says;
	} bad[] = {
		{ "", "FREQ is missing" },
		{ "COUNT=3", "FREQ is missing" },
		{ "FREQ", "NAME=VALUE" },
		{ "FREQ=HOURLY", "FREQ must be" },
		{ "FREQ=DAILY;INTERVAL=0", "INTERVAL must be" },
		{ "FREQ=DAILY;COUNT=x", "COUNT must be" },
		{ "FREQ=DAILY;UNTIL=tomorrow", "UNTIL must be" },
		{ "FREQ=DAILY;UNTIL=20301324T100000Z", "UNTIL must be" },
		{ "FREQ=DAILY;BYHOUR=3", "BYHOUR is not supported" },
		{ "FREQ=MONTHLY;BYDAY=1MO,2TU", "BYDAY must be" },
		{ "FREQ=MONTHLY;BYDAY=6MO", "BYDAY must be" },
		{ "FREQ=WEEKLY;BYDAY=XX", "BYDAY must be" },
		{ "FREQ=WEEKLY;BYDAY=", "BYDAY must be" },
		{ "FREQ=MONTHLY;BYDAY=MO", "needs a week" },
		{ "FREQ=MONTHLY;BYMONTHDAY=1,15", "BYMONTHDAY must be" },
		{ "FREQ=DAILY;COUNT=2;UNTIL=20301224", "not both" },
		{ "FREQ=MONTHLY;BYSETPOS=2", "needs one day" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = { 0 };
		JSON_AUTO got = recurrence_read(bad[i].rule, zone(20), &e);

		assert_null(got);
		if (strstr(err_text(&e), bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].rule, err_text(&e));
	}
}

#define HOUR_US INT64_C(3600000000)
#define START INT64_C(1930377600000000) /* Tue 2031-03-04T08:00:00Z */

/* The n-th start of the rule, the first being START, in days after it. */
static int64_t
nth(const char *rule, unsigned n)
{
	struct err e = { 0 };
	JSON_AUTO elements = recurrence_read(rule, zone(25), &e);
	int64_t at = START;

	if (elements == NULL)
		fail_msg("%s: %s", rule, err_text(&e));
	while (--n > 0 && at > 0)
		at = recurrence_next(elements, zone(25), START, at);
	return at > 0 ? (at - START + 2 * HOUR_US) / (24 * HOUR_US) : -1;
}

static void
test_the_next_start(void **state)
{
	static const struct {
		const char *rule;
		unsigned n;
		int64_t day;
	} rows[] = {
		{ "FREQ=DAILY", 2, 1 },
		{ "FREQ=DAILY;INTERVAL=3;COUNT=4", 4, 9 },
		{ "FREQ=DAILY;INTERVAL=3;COUNT=4", 5, -1 },
		{ "FREQ=DAILY;UNTIL=20310306T080000Z", 3, 2 },
		{ "FREQ=DAILY;UNTIL=20310306T080000Z", 4, -1 },
		{ "FREQ=WEEKLY", 3, 14 },
		{ "FREQ=WEEKLY;BYDAY=TU,FR", 2, 3 },
		{ "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU", 2, 13 },
		{ "FREQ=MONTHLY", 2, 31 },
		{ "FREQ=MONTHLY;BYMONTHDAY=31", 3, 88 },
		{ "FREQ=MONTHLY;BYDAY=1TU", 2, 28 },
		{ "FREQ=MONTHLY;BYDAY=-1FR", 2, 24 },
		{ "FREQ=YEARLY", 2, 366 },
		{ "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=5", 2, 1 },
		{ "FREQ=YEARLY;BYYEARDAY=63", 2, 365 },
		{ "FREQ=YEARLY;BYYEARDAY=64", 2, 1 },
		{ "FREQ=YEARLY;INTERVAL=2;BYMONTH=11;BYDAY=4TH", 2, 268 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (nth(rows[i].rule, rows[i].n) != rows[i].day)
			fail_msg("%s: %lld", rows[i].rule,
				 (long long)nth(rows[i].rule, rows[i].n));
}

/* 09:00 in Berlin is 08:00 in winter, 07:00 in summer. */
static void
test_the_next_start_keeps_its_local_time(void **state)
{
	struct err e = { 0 };
	JSON_AUTO weekly = recurrence_read("FREQ=WEEKLY", zone(25), &e);
	int64_t before = START + 21 * 24 * HOUR_US;

	assert_int_equal(recurrence_next(weekly, zone(25), START, before),
			 before + 7 * 24 * HOUR_US - HOUR_US);
	assert_int_equal(recurrence_next(NULL, zone(25), START, START - 1),
			 START);
	assert_int_equal(recurrence_next(NULL, zone(25), START, START), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_are_kept_by_the_elements),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_what_cannot_be_said_is_refused),
		cmocka_unit_test(test_the_next_start),
		cmocka_unit_test(test_the_next_start_keeps_its_local_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
