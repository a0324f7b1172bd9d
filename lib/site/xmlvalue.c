#include "site/xmlvalue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"

static bool has_gaps(const char *text);
static bool is_in_calendar(const struct clock_civil *c);

int
xmlvalue_date(const char *text, const char *what, struct clock_civil *out,
	      struct err *e)
{
	unsigned mo, d, y, h = 0, mi = 0, s = 0;
	int end = 0;
	/* each %n is reached only if all before it was read */
	int n = sscanf(text, " %2u/%2u/%4u%n %2u:%2u%n:%2u%n", &mo, &d, &y,
		       &end, &h, &mi, &end, &s, &end);

	while (n >= 3 && (text[end] == ' ' || text[end] == '\t'))
		end++;
	*out = (struct clock_civil){ .year = y,
				     .month = mo,
				     .day = d,
				     .hour = h,
				     .minute = mi,
				     .second = s };
	if (n < 3 || n == 4 || text[end] != '\0' || !is_in_calendar(out))
		return err_set(e, ERR_INVALID,
			       "validation: %s \"%.40s\" is not a date, "
			       "expected MM/DD/YYYY HH:MM:SS",
			       what, text);
	return 0;
}

int
xmlvalue_instant(const char *text, const char *what,
		 const struct timezone_info *tz, int64_t *wall_us,
		 struct err *e)
{
	struct clock_civil local;

	if (xmlvalue_date(text, what, &local, e) < 0)
		return -1;
	*wall_us = timezone_instant(tz, &local);
	return 0;
}

const char *
xmlvalue_date_text(int64_t wall_us, const struct timezone_info *tz,
		   struct arena *arena)
{
	struct clock_civil c;

	timezone_local(tz, wall_us, &c);
	return arena_printf(arena, "%02u/%02u/%04" PRId64 " %02u:%02u:%02u",
			    c.month, c.day, c.year, c.hour, c.minute, c.second);
}

int
xmlvalue_bool(const char *text, const char *what, bool *out, struct err *e)
{
	if (text == NULL)
		return 0;
	if (strcasecmp(text, "true") == 0 || strcasecmp(text, "1") == 0) {
		*out = true;
		return 0;
	}
	if (strcasecmp(text, "false") == 0 || strcasecmp(text, "0") == 0) {
		*out = false;
		return 0;
	}
	return err_set(e, ERR_INVALID,
		       "validation: %s \"%.40s\" is not a boolean, expected "
		       "true or false",
		       what, text);
}

int
xmlvalue_word(const char *text, const char *what, const char *const *words,
	      const char **out, struct err *e)
{
	if (text == NULL)
		return 0;
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(words[i], text) == 0) {
			*out = words[i];
			return 0;
		}
	return err_set(e, ERR_INVALID,
		       "validation: %s \"%.40s\" is not allowed, expected a "
		       "word such as %s",
		       what, text, words[0]);
}

int
xmlvalue_int(const char *text, const char *what, struct xmlvalue_range range,
	     int64_t *out, struct err *e)
{
	int64_t value;

	if (text == NULL)
		return 0;
	if (span_to_i64(span_of(text), &value) < 0 || value < range.min ||
	    value > range.max)
		return err_set(e, ERR_INVALID,
			       "validation: %s \"%.40s\" is not a number "
			       "from %" PRId64 " to %" PRId64,
			       what, text, range.min, range.max);
	*out = value;
	return 0;
}

int
xmlvalue_email(const char *text, const char *what, size_t max, struct err *e)
{
	const char *at = text != NULL ? strchr(text, '@') : NULL;

	if (text == NULL)
		return 0;
	if (at == NULL || at == text || at[1] == '\0' ||
	    strchr(at + 1, '@') != NULL || has_gaps(text))
		return err_set(e, ERR_INVALID,
			       "validation: %s \"%.80s\" is not an address, "
			       "expected one such as ann@example.com",
			       what, text);
	return xmlvalue_login(text, what, max, e);
}

int
xmlvalue_login(const char *text, const char *what, size_t max, struct err *e)
{
	if (text == NULL)
		return 0;
	if (has_gaps(text))
		return err_set(e, ERR_INVALID,
			       "validation: %s \"%.80s\" has a blank or a "
			       "control character",
			       what, text);
	if (xmlvalue_characters(text) > max)
		return err_set(e, ERR_INVALID,
			       "validation: %s is longer than %zu characters",
			       what, max);
	return 0;
}

/* All bytes but continuation bytes. */
size_t
xmlvalue_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool
has_gaps(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return true;
	return false;
}

static bool
is_in_calendar(const struct clock_civil *c)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30,
					      31, 31, 30, 31, 30, 31 };
	bool leap = (c->year % 4 == 0 && c->year % 100 != 0) ||
		    c->year % 400 == 0;

	if (c->year < 1970 || c->month < 1 || c->month > 12 || c->day < 1)
		return false;
	if (c->day > days[c->month - 1] ||
	    (c->month == 2 && c->day == 29 && !leap))
		return false;
	return c->hour < 24 && c->minute < 60 && c->second < 60;
}
