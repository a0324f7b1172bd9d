#include <stdbool.h>

#include "base/clock.h"

static bool
digits(struct span *s, unsigned n, unsigned *out)
{
	uint64_t value;

	if (s->len < n || span_to_u64(span_make(s->at, n), &value) < 0)
		return false;
	*out = (unsigned)value;
	*s = span_skip(*s, n);
	return true;
}

static bool
one_of(struct span *s, const char *set)
{
	if (s->len == 0 || s->at[0] == '\0' || strchr(set, s->at[0]) == NULL)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

static bool
read_date(struct span *s, struct clock_civil *c)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30,
					      31, 31, 30, 31, 30, 31 };
	unsigned year;

	if (!digits(s, 4, &year) || !one_of(s, "-") ||
	    !digits(s, 2, &c->month) || !one_of(s, "-") ||
	    !digits(s, 2, &c->day))
		return false;
	c->year = year;
	if (c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > days[c->month - 1])
		return false;
	return c->month != 2 || c->day != 29 ||
	       (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool
read_fraction(struct span *s, unsigned *us)
{
	unsigned n = 0, value = 0;
	unsigned digit;

	while (digits(s, 1, &digit)) {
		if (n < 6)
			value = value * 10 + digit;
		n++;
	}
	for (unsigned i = n; i < 6; i++)
		value *= 10;
	*us = value;
	return n > 0;
}

static bool
read_time(struct span *s, struct clock_civil *c)
{
	if (!digits(s, 2, &c->hour) || !one_of(s, ":") ||
	    !digits(s, 2, &c->minute))
		return false;
	if (one_of(s, ":")) {
		if (!digits(s, 2, &c->second))
			return false;
		if (one_of(s, ".,") && !read_fraction(s, &c->us))
			return false;
	}
	return c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

static bool
read_offset(struct span *s, int64_t *seconds)
{
	bool west = s->len > 0 && s->at[0] == '-';
	unsigned hour, minute;

	*seconds = 0;
	if (one_of(s, "Zz"))
		return true;
	if (!one_of(s, "+-") || !digits(s, 2, &hour))
		return false;
	one_of(s, ":");
	if (!digits(s, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*seconds = (int64_t)hour * 3600 + minute * 60;
	if (west)
		*seconds = -*seconds;
	return true;
}

int
clock_parse_iso(struct span text, int64_t *wall_us)
{
	struct clock_civil c = { 0 };
	int64_t offset, days;

	if (!read_date(&text, &c) || !one_of(&text, "Tt ") ||
	    !read_time(&text, &c) || !read_offset(&text, &offset) ||
	    text.len > 0)
		return -1;
	days = clock_days_from_civil(c.year, c.month, c.day);
	*wall_us = (days * 86400 + c.hour * 3600 + c.minute * 60 + c.second -
		    offset) *
		       1000000 +
		   c.us;
	return 0;
}
