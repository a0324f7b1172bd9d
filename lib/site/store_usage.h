/*
 * What the usage reports list: runs of meetings that have ended in the last
 * 90 days, and the stays of people in them, of both sites side by side (G19).
 * In the order in which the runs ended, so that what comes new comes last and
 * the pages before it stay as they are.
 */
#ifndef SITE_STORE_USAGE_H
#define SITE_STORE_USAGE_H

#include "site/record_usage.h"
#include "site/store.h"

/* NULL or 0: any. Times: timestamptz texts. */
struct store_usage_filter {
	const char *host_id, *host_webexid;
	int64_t meeting, number; /* meetingkey, confID */
	const char *meeting_id;
	const char *confname; /* is part of it */
	const char *starts_from, *starts_to, *ends_from, *ends_to;
	int64_t not_type;
	/* Cursor: behind the last one seen, an array of its run's end and id,
	 * of a stay also its join and id: "{2024-01-02T03:04:05Z,UUID}". */
	const char *after;
};

/* Orders: confname started people host. */
typedef void store_runs_fn(struct api *a, const struct run *list, size_t n,
			   int64_t total);
void store_usage_runs(struct api *a, const struct store_usage_filter *f,
		      const struct store_page *page, store_runs_fn *fn);

/* Orders: number joined company country state city. */
typedef void store_stays_fn(struct api *a, const struct stay *list, size_t n,
			    int64_t total);
void store_usage_stays(struct api *a, const struct store_usage_filter *f,
		       const struct store_page *page, store_stays_fn *fn);

/* How long it ran: begun minutes. */
static inline int64_t
store_run_minutes(const struct run *r)
{
	int64_t us = r->ended_us - r->started_us;

	return us > 0 ? (us + 59999999) / 60000000 : 0;
}

/* "Ann Lee", or NULL: nobody is known any more. */
const char *store_run_host(const struct run *r, struct arena *arena);

#endif
