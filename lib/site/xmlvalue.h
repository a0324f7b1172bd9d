/*
 * Values as the XML API writes them: dates "MM/DD/YYYY HH:MM:SS" local to a
 * time zone, booleans "true|false|1|0". Reading is liberal. Pure.
 */
#ifndef SITE_XMLVALUE_H
#define SITE_XMLVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "site/timezone.h"

/*
 * "6/9/2019 5:4:3": without zero padding and seconds or the time too.
 * -1: not such a date, or not in the calendar; the text says which element
 * (what) and what would be right.
 */
int xmlvalue_date(const char *text, const char *what, struct clock_civil *out,
		  struct err *e) __attribute__((warn_unused_result));

/* The instant of such a date in that zone, unix µs. */
int xmlvalue_instant(const char *text, const char *what,
		     const struct timezone_info *tz, int64_t *wall_us,
		     struct err *e) __attribute__((warn_unused_result));

/* "MM/DD/YYYY HH:MM:SS", zero padded, in that zone; in the arena. */
const char *xmlvalue_date_text(int64_t wall_us, const struct timezone_info *tz,
			       struct arena *arena);

/* "true|false|1|0" in any case; absent (NULL) leaves *out as it is. */
int xmlvalue_bool(const char *text, const char *what, bool *out, struct err *e)
    __attribute__((warn_unused_result));

/* One of words (up to a NULL) in any case, as it stands there. */
int xmlvalue_word(const char *text, const char *what, const char *const *words,
		  const char **out, struct err *e)
    __attribute__((warn_unused_result));

/* Such as "ann@example.com": one "@" with something on both sides, no blanks
 * or control characters, up to max characters; absent (NULL) is good. */
int xmlvalue_email(const char *text, const char *what, size_t max,
		   struct err *e) __attribute__((warn_unused_result));

/* A log-in name: no blanks or control characters, up to max characters. */
int xmlvalue_login(const char *text, const char *what, size_t max,
		   struct err *e) __attribute__((warn_unused_result));

/* Of UTF-8 text. */
size_t xmlvalue_characters(const char *text);

/* A number in [min, max]; absent (NULL) leaves *out as it is. */
struct xmlvalue_range {
	int64_t min;
	int64_t max;
};
int xmlvalue_int(const char *text, const char *what,
		 struct xmlvalue_range range, int64_t *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
