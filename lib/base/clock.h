/*
 * Time. mono: CLOCK_MONOTONIC, for deadlines and leases. wall: UNIX time
 * (UTC). pg: microseconds since 2000-01-01 UTC, PostgreSQL's timestamptz.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Between 1970-01-01 and 2000-01-01, in microseconds. */
#define CLOCK_PG_EPOCH_US INT64_C(946684800000000)

int64_t clock_mono_us(void);
int64_t clock_mono_ms(void);
/* As mono, and goes on while the machine sleeps: for leases. */
int64_t clock_boot_us(void);
int64_t clock_wall_us(void);
int64_t clock_pg_us(void);

/* "2024-01-02T03:04:05.678Z"; years 0000 to 9999, else clamped. */
#define CLOCK_ISO_SIZE 25
const char *clock_iso(int64_t wall_us, char buf[static CLOCK_ISO_SIZE]);

/*
 * Reads YYYY-MM-DDTHH:MM[:SS[.fraction]](Z|+HH[:]MM|-HH[:]MM) (RFC 3339, and
 * without seconds; blank for T; t and z too). Digits beyond microseconds are
 * cut; second 60 counts as the next minute's 0. -1 for anything else,
 * a missing offset too.
 */
int clock_parse_iso(struct span text, int64_t *wall_us);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7). */
#define CLOCK_HTTP_SIZE 30
const char *clock_http(int64_t wall_us, char buf[static CLOCK_HTTP_SIZE]);

/* Now as an HTTP date, made once a second; per thread, valid until its next
 * call. */
const char *clock_http_now(void);

/* Calendar arithmetic, proleptic Gregorian. month 1..12, day 1..31. */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day);

struct clock_civil {
	int64_t year;
	unsigned month, day, hour, minute, second, us;
	unsigned weekday; /* 0 = Sunday */
};
void clock_civil(int64_t wall_us, struct clock_civil *out);

#endif
