/*
 * glibc knows one zone at a time, the one in TZ. use_zone() switches it, and
 * only when it has to: the last zone stays.
 */
#include "site/timezone.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "site/timezone_table.h"

static void use_zone(const struct timezone_info *tz);
static struct tm local_tm(const struct timezone_info *tz, int64_t wall_us);
static int64_t floor_s(int64_t us);

const struct timezone_info *
timezone_table(unsigned *n)
{
	*n = timezone_rows_n;
	return timezone_rows;
}

const struct timezone_info *
timezone_by_id(int64_t id)
{
	if (id == 24)
		id = 23;
	if (id == 27)
		id = 26;
	for (unsigned i = 0; i < timezone_rows_n; i++)
		if (timezone_rows[i].id == id)
			return &timezone_rows[i];
	return NULL;
}

const struct timezone_info *
timezone_by_iana(const char *iana)
{
	if (strcasecmp(iana, "UTC") == 0 || strcasecmp(iana, "GMT") == 0 ||
	    strcasecmp(iana, "Etc/UTC") == 0)
		return timezone_by_id(TIMEZONE_GMT);
	for (unsigned i = 0; i < timezone_rows_n; i++)
		if (strcasecmp(timezone_rows[i].iana, iana) == 0)
			return &timezone_rows[i];
	return NULL;
}

struct timezone_info
timezone_of(int64_t id, const char *iana)
{
	const struct timezone_info *known = timezone_by_id(id);

	if (known == NULL && iana != NULL)
		known = timezone_by_iana(iana);
	if (known != NULL)
		return *known;
	if (iana != NULL)
		return (struct timezone_info){ -1, iana, iana };
	return *timezone_by_id(TIMEZONE_GMT);
}

const struct timezone_info *
timezone_by_text(const char *text)
{
	for (unsigned i = 0; i < timezone_rows_n; i++) {
		const char *row = timezone_rows[i].text;
		const char *name = strstr(row, ", ");

		if (strcasecmp(row, text) == 0 ||
		    (name != NULL && strcasecmp(name + 2, text) == 0))
			return &timezone_rows[i];
	}
	return NULL;
}

int32_t
timezone_offset_s(const struct timezone_info *tz, int64_t wall_us)
{
	return (int32_t)local_tm(tz, wall_us).tm_gmtoff;
}

bool
timezone_is_dst(const struct timezone_info *tz, int64_t wall_us)
{
	return local_tm(tz, wall_us).tm_isdst > 0;
}

void
timezone_local(const struct timezone_info *tz, int64_t wall_us,
	       struct clock_civil *out)
{
	int64_t offset_us = (int64_t)timezone_offset_s(tz, wall_us) * 1000000;

	clock_civil(wall_us + offset_us, out);
}

int64_t
timezone_instant(const struct timezone_info *tz,
		 const struct clock_civil *local)
{
	int64_t naive_s = clock_days_from_civil(local->year, local->month,
						local->day) *
			      86400 +
			  local->hour * 3600 + local->minute * 60 +
			  local->second;
	int64_t before = timezone_offset_s(tz, (naive_s - 86400) * 1000000);
	int64_t after = timezone_offset_s(tz, (naive_s + 86400) * 1000000);
	int64_t first = naive_s - before;

	/*
	 * The two offsets differ only near a change. In both kinds of change
	 * the offset before it is the right one up to the change: the first
	 * of two equal readings, and a skipped reading moved forward. What
	 * lies behind the change takes the offset after it.
	 */
	if (timezone_offset_s(tz, first * 1000000) != before &&
	    timezone_offset_s(tz, (naive_s - after) * 1000000) == after)
		first = naive_s - after;
	return first * 1000000 + local->us;
}

const char *
timezone_with_dst(const struct timezone_info *tz, int64_t wall_us,
		  struct arena *arena)
{
	const char *name = strstr(tz->text, ", ");
	const char *open = name != NULL ? strstr(name, " (") : NULL;
	const char *shut = open != NULL ? strchr(open, ')') : NULL;
	int32_t offset = timezone_offset_s(tz, wall_us);
	int32_t minutes = abs(offset) / 60;

	assert(shut != NULL);
	name += 2;
	return arena_printf(
	    arena, "%.*s (%.*s %s Time, GMT%c%02d:%02d)",
	    (int)(shut - open - 2), open + 2, (int)(open - name), name,
	    timezone_is_dst(tz, wall_us) ? "Summer" : "Standard",
	    offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static struct tm
local_tm(const struct timezone_info *tz, int64_t wall_us)
{
	time_t at = floor_s(wall_us);
	struct tm tm;

	use_zone(tz);
	if (localtime_r(&at, &tm) == NULL)
		memset(&tm, 0, sizeof(tm)); /* beyond what a tm can hold */
	return tm;
}

static void
use_zone(const struct timezone_info *tz)
{
	static char used[80];

	if (used[0] != '\0' && strcmp(used + 1, tz->iana) == 0)
		return;
	snprintf(used, sizeof(used), ":%s", tz->iana);
	setenv("TZ", used, 1);
	tzset();
}

static int64_t
floor_s(int64_t us)
{
	int64_t s = us / 1000000;

	return us % 1000000 < 0 ? s - 1 : s;
}
