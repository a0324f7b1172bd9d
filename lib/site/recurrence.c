#include "site/recurrence.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/span.h"
#include "site/xmlvalue.h"

#define LAST_WEEK 5 /* of weekInMonth; -1 in a rule */

struct reading {
	json_t *out;
	const struct timezone_info *tz;
	struct err *e;
};

static const struct {
	const char *rule, *element;
} freqs[] = { { "DAILY", "DAILY" },
	      { "WEEKLY", "WEEKLY" },
	      { "MONTHLY", "MONTHLY" },
	      { "YEARLY", "YEARLY" },
	      { "DAILY", "CONSTANT" } };

static const struct {
	const char *rule, *element;
} days[] = { { "SU", "SUNDAY" },    { "MO", "MONDAY" },   { "TU", "TUESDAY" },
	     { "WE", "WEDNESDAY" }, { "TH", "THURSDAY" }, { "FR", "FRIDAY" },
	     { "SA", "SATURDAY" } };

typedef int read_fn(struct reading *r, struct span value);
static read_fn read_freq, read_byday, read_until;
static const struct part {
	const char *name;
	read_fn *read; /* or a number: */
	const char *element;
	int64_t min, max;
} parts[] = {
	{ "FREQ", read_freq, NULL, 0, 0 },
	{ "INTERVAL", NULL, "interval", 1, 999 },
	{ "COUNT", NULL, "afterMeetingNumber", 1, 10000 },
	{ "UNTIL", read_until, NULL, 0, 0 },
	{ "BYDAY", read_byday, NULL, 0, 0 },
	{ "BYMONTHDAY", NULL, "dayInMonth", 1, 31 },
	{ "BYMONTH", NULL, "monthInYear", 1, 12 },
	{ "BYYEARDAY", NULL, "dayInYear", 1, 366 },
	{ "BYSETPOS", NULL, "weekInMonth", -1, LAST_WEEK },
};

static int read_part(struct reading *r, struct span name, struct span value);
static int read_number(struct reading *r, const struct part *p,
		       struct span value);
static const char *text_of(const json_t *elements, const char *name);
static int64_t number_of(const json_t *elements, const char *name);
static void write_days(const json_t *elements, int64_t week,
		       struct strbuf *out);
static void write_end(const json_t *elements, const struct timezone_info *tz,
		      struct strbuf *out);

json_t *
recurrence_read(const char *rule, const struct timezone_info *tz, struct err *e)
{
	struct reading r = { .out = json_object(), .tz = tz, .e = e };
	struct span rest = span_of(rule), part, name;

	if (span_starts(rest, "RRULE:"))
		rest = span_skip(rest, 6);
	while (rest.len > 0 && span_cut(&rest, ';', &part)) {
		struct span value = part;

		span_cut(&value, '=', &name);
		if (value.at == NULL) {
			err_set(e, ERR_INVALID,
				"recurrence: \"%.*s\" is not NAME=VALUE",
				(int)part.len, part.at);
			goto fail;
		}
		if (read_part(&r, name, value) < 0)
			goto fail;
	}
	if (text_of(r.out, "repeatType") == NULL) {
		err_set(e, ERR_INVALID, "recurrence: FREQ is missing");
		goto fail;
	}
	if (recurrence_check(r.out, e) == 0)
		return r.out;
fail:
	json_decref(r.out);
	return NULL;
}

static int
read_part(struct reading *r, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct part *p = &parts[i];

		if (!span_iis(name, p->name))
			continue;
		return p->read != NULL ? p->read(r, value)
				       : read_number(r, p, value);
	}
	if (span_iis(name, "WKST"))
		return 0; /* says nothing without BYWEEKNO */
	return err_set(r->e, ERR_INVALID,
		       "recurrence: %.*s is not supported, only FREQ "
		       "INTERVAL COUNT UNTIL BYDAY BYMONTHDAY BYMONTH "
		       "BYYEARDAY BYSETPOS",
		       (int)name.len, name.at);
}

static int
read_number(struct reading *r, const struct part *p, struct span value)
{
	int64_t number;

	if (span_to_i64(value, &number) < 0 || number < p->min ||
	    number > p->max || number == 0)
		return err_set(r->e, ERR_INVALID,
			       "recurrence: %s must be one number from %lld "
			       "to %lld",
			       p->name, (long long)(p->min > 0 ? p->min : 1),
			       (long long)p->max);
	json_put_int(r->out, p->element, number < 0 ? LAST_WEEK : number);
	return 0;
}

static int
read_freq(struct reading *r, struct span value)
{
	for (size_t i = 0; i < sizeof(freqs) / sizeof(freqs[0]); i++)
		if (span_iis(value, freqs[i].rule)) {
			json_put_str(r->out, "repeatType", freqs[i].element);
			return 0;
		}
	return err_set(r->e, ERR_INVALID,
		       "recurrence: FREQ must be DAILY, WEEKLY, MONTHLY or "
		       "YEARLY");
}

/* "MO,WE", "2TU", "-1FR": a week stands before one day alone. */
static int
read_byday(struct reading *r, struct span value)
{
	json_t *list = json_array();
	int64_t week = 0;
	struct span rest = value, one;
	size_t i;

	json_put(r->out, "day", list);
	while (span_cut(&rest, ',', &one)) {
		if (one.len < 2 ||
		    (one.len > 2 &&
		     span_to_i64(span_make(one.at, one.len - 2), &week) < 0))
			goto fail;
		one = span_skip(one, one.len - 2);
		for (i = 0; i < sizeof(days) / sizeof(days[0]); i++)
			if (span_iis(one, days[i].rule))
				break;
		if (i == sizeof(days) / sizeof(days[0]))
			goto fail;
		json_array_append_new(list, json_string(days[i].element));
	}
	if (week == 0)
		return 0;
	if (week < -1 || week > 4 || json_array_size(list) > 1)
		goto fail;
	json_put_int(r->out, "weekInMonth", week < 0 ? LAST_WEEK : week);
	return 0;
fail:
	return err_set(r->e, ERR_INVALID,
		       "recurrence: BYDAY must be days such as MO,WE or one "
		       "day with its week such as 2TU or -1FR");
}

/* "20301224T100000Z", or local without Z, or a day alone: to its end. */
static int
read_until(struct reading *r, struct span value)
{
	unsigned y, mo, d, h = 23, mi = 59, s = 59;
	char text[20], zone = '\0';
	struct clock_civil c;
	int n = 0;

	if (span_copy(value, text, sizeof(text)))
		n = sscanf(text, "%4u%2u%2uT%2u%2u%2u%c", &y, &mo, &d, &h, &mi,
			   &s, &zone);
	if ((n != 3 && n != 6 && n != 7) || (n == 7 && zone != 'Z') || mo < 1 ||
	    mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 59)
		return err_set(r->e, ERR_INVALID,
			       "recurrence: UNTIL must be a time such as "
			       "20301224T100000Z");
	c = (struct clock_civil){ .year = y,
				  .month = mo,
				  .day = d,
				  .hour = h,
				  .minute = mi,
				  .second = s };
	if (zone == 'Z')
		timezone_local(
		    r->tz, timezone_instant(timezone_by_id(TIMEZONE_GMT), &c),
		    &c);
	json_put(r->out, "expirationDate",
		 json_sprintf("%02u/%02u/%04u %02u:%02u:%02u", c.month, c.day,
			      (unsigned)c.year, c.hour, c.minute, c.second));
	return 0;
}

int
recurrence_check(const json_t *elements, struct err *e)
{
	const char *type = text_of(elements, "repeatType");
	size_t n = json_array_size(json_object_get(elements, "day"));
	int64_t week = number_of(elements, "weekInMonth");

	if (type == NULL)
		return err_set(e, ERR_INVALID,
			       "repeat/repeatType is missing or empty");
	if (week != 0 && n != 1)
		return err_set(e, ERR_INVALID,
			       "repeat: a week of the month needs one day of "
			       "the week");
	if (week == 0 && n > 0 &&
	    (strcmp(type, "MONTHLY") == 0 || strcmp(type, "YEARLY") == 0))
		return err_set(e, ERR_INVALID,
			       "repeat: a day of the week needs a week of the "
			       "month here");
	if (number_of(elements, "afterMeetingNumber") != 0 &&
	    text_of(elements, "expirationDate") != NULL)
		return err_set(e, ERR_INVALID,
			       "repeat: it ends after a number of meetings or "
			       "on a date, not both");
	return 0;
}

/* --- writing --- */

static const char *
text_of(const json_t *elements, const char *name)
{
	return json_string_value(json_object_get(elements, name));
}

static int64_t
number_of(const json_t *elements, const char *name)
{
	return json_integer_value(json_object_get(elements, name));
}

void
recurrence_write(const json_t *elements, const struct timezone_info *tz,
		 struct strbuf *out)
{
	static const struct {
		const char *element, *rule;
	} numbers[] = { { "monthInYear", "BYMONTH" },
			{ "dayInMonth", "BYMONTHDAY" },
			{ "dayInYear", "BYYEARDAY" } };
	const char *type = text_of(elements, "repeatType");
	int64_t n, interval = number_of(elements, "interval");
	size_t i = 0;

	while (type != NULL && i < sizeof(freqs) / sizeof(freqs[0]) &&
	       strcmp(freqs[i].element, type) != 0)
		i++;
	if (type == NULL || i == sizeof(freqs) / sizeof(freqs[0]))
		return;
	strbuf_addf(out, "FREQ=%s", freqs[i].rule);
	if (interval > 1)
		strbuf_addf(out, ";INTERVAL=%lld", (long long)interval);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		n = number_of(elements, numbers[i].element);
		if (n > 0)
			strbuf_addf(out, ";%s=%lld", numbers[i].rule,
				    (long long)n);
	}
	write_days(elements, number_of(elements, "weekInMonth"), out);
	write_end(elements, tz, out);
}

static void
write_days(const json_t *elements, int64_t week, struct strbuf *out)
{
	const json_t *list = json_object_get(elements, "day");
	const char *before = ";BYDAY=";

	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		for (size_t k = 0; k < json_array_size(list); k++) {
			const char *day = json_string_value(
			    json_array_get(list, k));

			if (day == NULL || strcmp(day, days[i].element) != 0)
				continue;
			strbuf_adds(out, before);
			before = ",";
			if (week != 0)
				strbuf_addf(
				    out, "%lld",
				    week == LAST_WEEK ? -1LL : (long long)week);
			strbuf_adds(out, days[i].rule);
			break;
		}
	}
}

static void
write_end(const json_t *elements, const struct timezone_info *tz,
	  struct strbuf *out)
{
	const char *date = text_of(elements, "expirationDate");
	int64_t count = number_of(elements, "afterMeetingNumber");
	struct clock_civil c;
	int64_t at;

	if (count > 0)
		strbuf_addf(out, ";COUNT=%lld", (long long)count);
	if (count > 0 || date == NULL ||
	    xmlvalue_instant(date, "expirationDate", tz, &at,
			     &(struct err){ 0 }) < 0)
		return;
	clock_civil(at, &c);
	strbuf_addf(out, ";UNTIL=%04u%02u%02uT%02u%02u%02uZ", (unsigned)c.year,
		    c.month, c.day, c.hour, c.minute, c.second);
}
