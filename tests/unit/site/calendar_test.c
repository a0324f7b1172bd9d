#include "site/calendar.h"

#include "base/unit.h"

#include <string.h>

#include "site/record.h"
#include "site/timezone.h"

#define HOUR_US INT64_C(3600000000)
#define START INT64_C(1930377600000000) /* 2031-03-04T08:00:00Z */

static struct meeting
meeting(void)
{
	return (struct meeting){
		.id = "6f0e1f5c-3a92-4b7e-9c41-0b8f27d355a8",
		.number = 123456789,
		.confname = "Plan, \xc3\xa4\xc3\xb6; \\ x\nBEGIN:VEVENT",
		.starts_us = START,
		.timezone_id = 23, /* Paris */
		.timezone = "Europe/Paris",
		.duration = 45,
		.created_us = START - 48 * HOUR_US,
		.modified_us = START - 47 * HOUR_US,
		.host_email = "ann@example.com",
	};
}

static void
write_out(const struct meeting *m, struct strbuf *out)
{
	struct calendar_of of = { .meeting = m,
				  .company = "acme",
				  .public_url = "https://meet.example" };

	calendar_write(&of, out);
}

static void
test_times_are_local_and_the_zone_is_in_it(void **state)
{
	struct meeting m = meeting();
	STRBUF_AUTO out = { 0 };
	const char *text;

	write_out(&m, &out);
	text = strbuf_text(&out);
	assert_non_null(strstr(text, "DTSTART;TZID=Europe/Paris:"
				     "20310304T090000\r\nDURATION:PT45M\r\n"));
	/* at 02:00 of its last Sunday, March goes from +1 to +2 */
	assert_non_null(strstr(text, "BEGIN:DAYLIGHT\r\n"
				     "DTSTART:20310330T020000\r\n"
				     "TZOFFSETFROM:+0100\r\n"
				     "TZOFFSETTO:+0200\r\n"));
	assert_non_null(strstr(text, "BEGIN:STANDARD\r\n"
				     "DTSTART:20311026T030000\r\n"
				     "TZOFFSETFROM:+0200\r\n"
				     "TZOFFSETTO:+0100\r\n"));
	assert_null(strstr(text, "RRULE"));
}

static void
test_a_series_has_the_changes_of_five_years(void **state)
{
	struct meeting m = meeting();
	STRBUF_AUTO out = { 0 };

	m.recurrence = "{\"repeatType\":\"WEEKLY\",\"interval\":2}";
	write_out(&m, &out);
	assert_non_null(
	    strstr(strbuf_text(&out), "RRULE:FREQ=WEEKLY;INTERVAL=2\r\n"));
	assert_non_null(strstr(strbuf_text(&out), "DTSTART:2035"));
}

static void
test_texts_do_not_break_out_and_lines_are_folded(void **state)
{
	struct meeting m = meeting();
	STRBUF_AUTO out = { 0 };
	struct span rest, one;
	unsigned events = 0;

	m.agenda = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
	write_out(&m, &out);
	assert_non_null(strstr(strbuf_text(&out),
			       "SUMMARY:Plan\\, \xc3\xa4\xc3\xb6\\; \\\\ "
			       "x\\nBEGIN:VEVENT\r\n"));
	rest = strbuf_span(&out);
	while (span_cut(&rest, '\n', &one)) {
		assert_true(one.len <= 76); /* with CR */
		assert_true(one.len == 0 || one.at[one.len - 1] == '\r');
		assert_true(one.len == 0 ||
			    ((unsigned char)one.at[one.len > 1] & 0xc0) !=
				0x80);
		events += span_starts(one, "BEGIN:VEVENT");
	}
	assert_int_equal(events, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_local_and_the_zone_is_in_it),
		cmocka_unit_test(test_a_series_has_the_changes_of_five_years),
		cmocka_unit_test(
		    test_texts_do_not_break_out_and_lines_are_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
