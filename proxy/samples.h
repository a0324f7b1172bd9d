/*
 * The last hour in numbers, for graphs: one row every few seconds in a ring
 * of fixed size. Pure.
 */
#ifndef PROXY_SAMPLES_H
#define PROXY_SAMPLES_H

#include <stdint.h>

#include "base/json.h"
#include "proxy/route.h"

#define SAMPLES_EVERY_MS 5000
#define SAMPLES_MAX 720

struct samples;

/* Counters as they stand: what happened between two rows is told by them. */
struct samples_now {
	int64_t wall_us;
	int active;                    /* a site, or -1 */
	int64_t lag_ms[ROUTE_SITES];   /* of what it sends; -1: not known */
	uint64_t answers[ROUTE_SITES]; /* ever */
	uint64_t failed[ROUTE_SITES];  /* of those, 5xx */
	uint64_t held;                 /* at this moment */
};

struct samples *samples_new(void);
void samples_free(struct samples **sp);
/* The first call only begins the count. */
void samples_add(struct samples *s, const struct samples_now *now);

/*
 * Given: {"every_ms", "columns": [...], "rows": [[...], ...]} of those later
 * than since_us, oldest first; null in a row: not known.
 */
json_t *samples_json(const struct samples *s, int64_t since_us);

#endif
