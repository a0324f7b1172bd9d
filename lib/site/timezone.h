/*
 * The time zones of the meeting service: a number and a text on the wire, an
 * IANA zone for the arithmetic (the table is part of the API's contract).
 *
 * Arithmetic is glibc's over the system's tzdata. It goes through TZ of the
 * process, so it belongs to the loop's thread alone.
 */
#ifndef SITE_TIMEZONE_H
#define SITE_TIMEZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"

#define TIMEZONE_GMT 20

struct timezone_info {
	int id;
	const char *text; /* "GMT-08:00, Pacific (San Jose)": winter's offset */
	const char *iana; /* "America/Los_Angeles" */
};

/* In the order of their ids; ids on input only (24, 27) are not in it. */
const struct timezone_info *timezone_table(unsigned *n);

/* NULL: no such zone. 24 gives 23 and 27 gives 26, as clients expect. */
const struct timezone_info *timezone_by_id(int64_t id);

/* The first of that IANA name, ASCII case does not count; NULL: none. */
const struct timezone_info *timezone_by_iana(const char *iana);

/* Of a row: by its id, else by its IANA name (id -1), else GMT. */
struct timezone_info timezone_of(int64_t id, const char *iana);

/* By its text, or by the part behind "GMT+hh:mm, "; NULL: none. */
const struct timezone_info *timezone_by_text(const char *text);

/* Seconds east of Greenwich at that instant, summer time included. */
int32_t timezone_offset_s(const struct timezone_info *tz, int64_t wall_us);

/* True if that instant is in the zone's summer time. */
bool timezone_is_dst(const struct timezone_info *tz, int64_t wall_us);

/* Local calendar time of an instant. */
void timezone_local(const struct timezone_info *tz, int64_t wall_us,
		    struct clock_civil *out);

/*
 * The instant of a local calendar time. A time that a change to summer time
 * skips is moved forward; one that occurs twice is the first of the two.
 */
int64_t timezone_instant(const struct timezone_info *tz,
			 const struct clock_civil *local);

/* "Berlin (Europe Summer Time, GMT+02:00)" at that instant, in the arena. */
const char *timezone_with_dst(const struct timezone_info *tz, int64_t wall_us,
			      struct arena *arena);

#endif
