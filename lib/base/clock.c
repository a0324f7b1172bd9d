#include "base/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	assert(rc == 0);
	return ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_pg_us(void)
{
	return clock_wall_us() - CLOCK_PG_EPOCH_US;
}

/* Years that begin in March make the leap day the last of its year. */
int64_t
clock_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
			  (int64_t)day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static void
civil_from_days(int64_t days, struct clock_civil *out)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 -
			of_era / 146096) /
		       365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t m = (5 * of_year + 2) / 153;

	out->day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
	out->month = (unsigned)(m < 10 ? m + 3 : m - 9);
	out->year = year + era * 400 + (out->month <= 2);
	out->weekday = (unsigned)((days % 7 + 11) % 7);
}

void
clock_civil(int64_t wall_us, struct clock_civil *out)
{
	int64_t second = wall_us / US_PER_SECOND;
	int64_t us = wall_us % US_PER_SECOND;
	int64_t days, of_day;

	if (us < 0) {
		us += US_PER_SECOND;
		second--;
	}
	days = second / SECONDS_PER_DAY;
	of_day = second % SECONDS_PER_DAY;
	if (of_day < 0) {
		of_day += SECONDS_PER_DAY;
		days--;
	}
	civil_from_days(days, out);
	out->hour = (unsigned)(of_day / 3600);
	out->minute = (unsigned)(of_day / 60 % 60);
	out->second = (unsigned)(of_day % 60);
	out->us = (unsigned)us;
}

static void
civil_clamped(int64_t wall_us, struct clock_civil *out)
{
	const int64_t first = -62167219200 * US_PER_SECOND;
	const int64_t last = 253402300799 * US_PER_SECOND + 999999;

	if (wall_us < first)
		wall_us = first;
	clock_civil(wall_us > last ? last : wall_us, out);
}

/* Writes n decimal digits: snprintf would cost ten times as much. */
static void
put(char *at, unsigned value, unsigned n)
{
	while (n-- > 0) {
		at[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

const char *
clock_iso(int64_t wall_us, char buf[static CLOCK_ISO_SIZE])
{
	struct clock_civil c;

	civil_clamped(wall_us, &c);
	memcpy(buf, "0000-00-00T00:00:00.000Z", CLOCK_ISO_SIZE);
	put(buf, (unsigned)c.year, 4);
	put(buf + 5, c.month, 2);
	put(buf + 8, c.day, 2);
	put(buf + 11, c.hour, 2);
	put(buf + 14, c.minute, 2);
	put(buf + 17, c.second, 2);
	put(buf + 20, c.us / 1000, 3);
	return buf;
}

const char *
clock_http(int64_t wall_us, char buf[static CLOCK_HTTP_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct clock_civil c;

	civil_clamped(wall_us, &c);
	memcpy(buf, "Xxx, 00 Xxx 0000 00:00:00 GMT", CLOCK_HTTP_SIZE);
	memcpy(buf, days + c.weekday * 3, 3);
	put(buf + 5, c.day, 2);
	memcpy(buf + 8, months + (c.month - 1) * 3, 3);
	put(buf + 12, (unsigned)c.year, 4);
	put(buf + 17, c.hour, 2);
	put(buf + 20, c.minute, 2);
	put(buf + 23, c.second, 2);
	return buf;
}

const char *
clock_http_now(void)
{
	static _Thread_local char text[CLOCK_HTTP_SIZE];
	static _Thread_local int64_t made = -1;
	int64_t now = clock_wall_us() / US_PER_SECOND;

	if (now != made) {
		clock_http(now * US_PER_SECOND, text);
		made = now;
	}
	return text;
}
