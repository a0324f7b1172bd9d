#include "replicator/copy_clock.h"

#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/span.h"

#define SECOND_US INT64_C(1000000)
#define REFRESH_US (INT64_C(23) * 3600 * SECOND_US)

int
copy_clock_parse(const char *text, int *minute, struct err *e)
{
	struct span rest = span_of(text), hour;
	int64_t h, m;

	if (span_cut(&rest, ':', &hour) && hour.len == 2 && rest.len == 2 &&
	    span_to_i64(hour, &h) == 0 && span_to_i64(rest, &m) == 0 &&
	    h >= 0 && h < 24 && m >= 0 && m < 60) {
		*minute = (int)(60 * h + m);
		return 0;
	}
	return err_set(e, ERR_INVALID,
		       "\"%s\" is no time of day; write it like 03:10", text);
}

/* Each day's own, the same however often it is asked for. */
static int64_t
jitter(const struct copy_clock *c, const struct tm *day)
{
	uint32_t in[3] = { c->seed, (uint32_t)day->tm_year,
			   (uint32_t)day->tm_yday };
	uint8_t sum[CRYPTO_SHA256_SIZE];
	uint64_t n;

	if (c->jitter_us <= 0)
		return 0;
	crypto_sha256(span_make((const char *)in, sizeof(in)), sum);
	memcpy(&n, sum, sizeof(n));
	return (int64_t)(n % (uint64_t)c->jitter_us);
}

/* The moment of the local day that is `days` from that of t. */
static int64_t
moment(const struct copy_clock *c, time_t t, int days)
{
	struct tm day;
	struct tm at;

	localtime_r(&t, &day);
	at = (struct tm){ .tm_year = day.tm_year,
			  .tm_mon = day.tm_mon,
			  .tm_mday = day.tm_mday + days,
			  .tm_hour = c->at_minute / 60,
			  .tm_min = c->at_minute % 60,
			  .tm_isdst = -1 };
	t = mktime(&at);
	return t * SECOND_US + jitter(c, &at);
}

int64_t
copy_clock_next(const struct copy_clock *c, int64_t t_us)
{
	time_t t = (time_t)(t_us / SECOND_US);

	/* Jitter may carry yesterday's moment over midnight. */
	for (int day = -1;; day++) {
		int64_t at = moment(c, t, day);

		if (at > t_us)
			return at;
	}
}

int64_t
copy_clock_due(const struct copy_clock *c, int64_t last_us)
{
	int64_t next;

	if (last_us <= 0)
		return 0;
	next = copy_clock_next(c, last_us);
	return next < last_us + REFRESH_US ? next : last_us + REFRESH_US;
}
