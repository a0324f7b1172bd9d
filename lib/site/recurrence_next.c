/* When a meeting repeats, day by day in its own zone. */
#include <string.h>

#include "base/clock.h"
#include "site/recurrence.h"
#include "site/xmlvalue.h"

#define DAY_US INT64_C(86400000000)
#define DAYS_MAX (40 * 366)
#define LAST_WEEK 5

struct rule {
	const char *type;
	int64_t interval, week, day, month, year_day, count, until_us;
	unsigned weekdays;        /* bits, 0 is Sunday; 0: none named */
	struct clock_civil first; /* local */
	int64_t first_day;        /* since 1970 */
};

struct day {
	struct clock_civil c;
	int64_t number; /* since 1970 */
	bool last_week; /* of its month */
	int64_t year_day;
};

static void
read_rule(const json_t *elements, const struct timezone_info *tz,
	  struct rule *r)
{
	static const char *const names[] = { "SUNDAY",    "MONDAY",   "TUESDAY",
					     "WEDNESDAY", "THURSDAY", "FRIDAY",
					     "SATURDAY" };
	const json_t *list = json_object_get(elements, "day");
	const char *until = NULL;

	r->type = "";
	r->interval = 1;
	r->until_us = INT64_MAX;
	(void)json_get_str(elements, "repeatType", &r->type, NULL);
	(void)json_get_int(elements, "interval", &r->interval, NULL);
	(void)json_get_int(elements, "weekInMonth", &r->week, NULL);
	(void)json_get_int(elements, "dayInMonth", &r->day, NULL);
	(void)json_get_int(elements, "monthInYear", &r->month, NULL);
	(void)json_get_int(elements, "dayInYear", &r->year_day, NULL);
	(void)json_get_int(elements, "afterMeetingNumber", &r->count, NULL);
	(void)json_get_str(elements, "expirationDate", &until, NULL);
	if (r->interval < 1)
		r->interval = 1;
	if (until != NULL &&
	    xmlvalue_instant(until, "expirationDate", tz, &r->until_us,
			     &(struct err){ 0 }) < 0)
		r->until_us = INT64_MAX;
	for (size_t i = 0; i < json_array_size(list); i++)
		for (unsigned k = 0; k < 7; k++) {
			const char *name = json_string_value(
			    json_array_get(list, i));

			if (name != NULL && strcmp(name, names[k]) == 0)
				r->weekdays |= 1U << k;
		}
}

static bool
is_weekday(const struct rule *r, const struct day *d)
{
	return (r->weekdays & 1U << d->c.weekday) != 0;
}

static bool
fits_month(const struct rule *r, const struct day *d)
{
	if (r->day > 0)
		return d->c.day == r->day;
	if (r->week == LAST_WEEK)
		return is_weekday(r, d) && d->last_week;
	if (r->week > 0)
		return is_weekday(r, d) && (d->c.day - 1) / 7 + 1 == r->week;
	return d->c.day == r->first.day;
}

static bool
fits_year(const struct rule *r, const struct day *d)
{
	int64_t month = r->month > 0 ? r->month : r->first.month;

	if ((d->c.year - r->first.year) % r->interval != 0)
		return false;
	if (r->year_day > 0)
		return d->year_day == r->year_day;
	return d->c.month == month && fits_month(r, d);
}

/* A week begins on Monday; the first day of 1970 was a Thursday. */
static int64_t
week_of(int64_t day)
{
	return (day + 3) / 7;
}

static bool
fits(const struct rule *r, const struct day *d)
{
	int64_t months = (d->c.year - r->first.year) * 12 + d->c.month -
			 r->first.month;

	if (d->number == r->first_day)
		return true;
	if (strcmp(r->type, "WEEKLY") == 0)
		return (week_of(d->number) - week_of(r->first_day)) %
			       r->interval ==
			   0 &&
		       (r->weekdays != 0 ? is_weekday(r, d)
					 : d->c.weekday == r->first.weekday);
	if (strcmp(r->type, "MONTHLY") == 0)
		return months % r->interval == 0 && fits_month(r, d);
	if (strcmp(r->type, "YEARLY") == 0)
		return fits_year(r, d);
	return (d->number - r->first_day) % r->interval == 0 &&
	       (r->weekdays == 0 || is_weekday(r, d));
}

static void
set_day(int64_t number, struct day *d)
{
	struct clock_civil later;
	int64_t year_day = d->year_day + 1;

	clock_civil(number * DAY_US, &d->c);
	clock_civil((number + 7) * DAY_US, &later);
	d->number = number;
	d->last_week = later.month != d->c.month;
	d->year_day = d->c.month == 1 && d->c.day == 1 ? 1 : year_day;
}

/* The local midnight as if it were Greenwich's: a number of the day. */
static int64_t
day_of(const struct timezone_info *tz, int64_t at_us)
{
	int64_t local_us = at_us + timezone_offset_s(tz, at_us) * 1000000LL;

	return local_us / DAY_US;
}

int64_t
recurrence_next(const json_t *elements, const struct timezone_info *tz,
		int64_t starts_us, int64_t after_us)
{
	struct rule r = { 0 };
	struct day d = { 0 };
	int64_t at = 0, n = 0;

	if (starts_us > after_us)
		return starts_us;
	if (elements == NULL)
		return 0;
	read_rule(elements, tz, &r);
	timezone_local(tz, starts_us, &r.first);
	r.first_day = day_of(tz, starts_us);
	for (int64_t i = -366; i < DAYS_MAX; i++) {
		struct clock_civil local = r.first;

		set_day(r.first_day + i, &d); /* the year before: its days */
		if (i < 0 || !fits(&r, &d))
			continue;
		local.year = d.c.year;
		local.month = d.c.month;
		local.day = d.c.day;
		at = timezone_instant(tz, &local);
		if (at > r.until_us || (r.count > 0 && ++n > r.count))
			return 0;
		if (at > after_us)
			return at;
	}
	return 0;
}
