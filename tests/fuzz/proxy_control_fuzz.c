/*
 * What control reads from outside: a service's report, an operator's order,
 * the authority record. Any text is taken, or refused with words; a report
 * that was taken moves the lease's arithmetic without an assert.
 */
#include <assert.h>
#include <stdint.h>

#include "proxy/health.h"
#include "proxy/orders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_report(struct span text)
{
	static const struct judge_counts counts = { 2, 2 };
	struct lease_terms terms = { .epoch = 7, .serve = true };
	struct health_seen seen = { 0 };
	struct report r;
	struct err e = { 0 };

	if (report_read(text, &r, &e) < 0) {
		assert(e.code != ERR_NONE);
		return;
	}
	lease_init(&seen.lease, 1000, 2000);
	health_take(&seen, r.service, counts, &r, 1000);
	assert(lease_until(&seen.lease, &terms, 2000) > 0);
	assert(seen.lease.bound_ms >= 3000);
}

static void
check_order(struct span text)
{
	JSON_AUTO doc = json_read(text, NULL);
	struct rules_order o;
	struct err e = { 0 };
	bool dry;

	if (doc != NULL && orders_parse(doc, &o, &dry, &e) < 0)
		assert(e.code != ERR_NONE);
}

static void
check_record(struct span text)
{
	struct authority_record r;
	struct err e = { 0 };

	if (authority_parse(text, &r, &e) == 0)
		assert(r.epoch >= 1);
	else
		assert(e.code != ERR_NONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);

	check_report(text);
	check_order(text);
	check_record(text);
	return 0;
}
