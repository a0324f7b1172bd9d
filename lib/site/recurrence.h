/*
 * How a meeting repeats: the elements of the XML API's <repeat> (what is
 * kept: repeatType interval afterMeetingNumber day expirationDate dayInMonth
 * weekInMonth monthInYear dayInYear) <-> an RRULE of RFC 5545. What one of
 * them cannot say is refused, not changed. Pure.
 */
#ifndef SITE_RECURRENCE_H
#define SITE_RECURRENCE_H

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "site/timezone.h"

/*
 * Given: the elements of a rule, "RRULE:" before it or not; tz: of the
 * meeting, in which the end is kept. NULL: the text says which part and what
 * is right.
 */
json_t *recurrence_read(const char *rule, const struct timezone_info *tz,
			struct err *e) __attribute__((warn_unused_result));

/* "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=5"; nothing: it does not repeat. */
void recurrence_write(const json_t *elements, const struct timezone_info *tz,
		      struct strbuf *out);

/*
 * The first start after after_us of a meeting that began first at starts_us;
 * 0: there is none, or not within 40 years. NULL elements: it does not
 * repeat. UNIX µs.
 */
int64_t recurrence_next(const json_t *elements, const struct timezone_info *tz,
			int64_t starts_us, int64_t after_us);

/* Whether these elements make a whole: -1 says what is missing. */
int recurrence_check(const json_t *elements, struct err *e)
    __attribute__((warn_unused_result));

#endif
