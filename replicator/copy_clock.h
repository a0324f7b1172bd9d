/*
 * When the daily copy runs. Pure but for the time zone of the process (TZ),
 * by mktime: on the day that lacks the hour it runs an hour later, on the day
 * that has it twice it runs once.
 */
#ifndef REPLICATOR_COPY_CLOCK_H
#define REPLICATOR_COPY_CLOCK_H

#include <stdint.h>

#include "base/err.h"

struct copy_clock {
	int at_minute;     /* of the local day, 0 to 1439 */
	int64_t jitter_us; /* each day's moment is up to so much later */
	uint32_t seed;     /* of this installation */
};

/* "03:10" */
int copy_clock_parse(const char *text, int *minute, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The first moment at which a copy is due, later than `last_us`, the wall
 * clock of the last one that was done (0: at once). A copy that is 23 hours
 * old is due as well: so its age stays below a day also when the next one
 * takes long, and on the day of 25 hours.
 */
int64_t copy_clock_due(const struct copy_clock *c, int64_t last_us);

/* The daily moment that follows t_us. */
int64_t copy_clock_next(const struct copy_clock *c, int64_t t_us);

#endif
