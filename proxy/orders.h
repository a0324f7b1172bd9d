/*
 * Orders of operators that were taken: one at a time moves traffic; the last
 * few are kept with their outcome.
 */
#ifndef PROXY_ORDERS_H
#define PROXY_ORDERS_H

#include "base/json.h"
#include "proxy/rules.h"

struct orders;

enum orders_state {
	ORDERS_RUNNING,
	ORDERS_DONE,
	ORDERS_FAILED,
	ORDERS_CANCELLED
};

struct orders *orders_new(void);
void orders_free(struct orders **op);

/* "switchover ..." as JSON into *out; -1: what is wrong, and what is right. */
int orders_parse(const json_t *body, struct rules_order *out, bool *dry_run,
		 struct err *e) __attribute__((warn_unused_result));

/* Its id, which grows. message is copied. One that still waits gives way. */
uint64_t orders_take(struct orders *os, const struct rules_order *o,
		     const char *message);

/* Carries the running one on; its id if it ended with this change, else 0. */
uint64_t orders_change(struct orders *os, const struct failover_change *c);

/* Given; NULL: no such order. */
json_t *orders_json(const struct orders *os, uint64_t id);
bool orders_ended(const struct orders *os, uint64_t id);
/* The newest; 0: none. */
uint64_t orders_last(const struct orders *os);

#endif
