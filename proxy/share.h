/*
 * How many of a site's answers say that it failed, in windows of time: what
 * an operator wants to know of a site that is only partly broken (G7). Pure.
 */
#ifndef PROXY_SHARE_H
#define PROXY_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define SHARE_WINDOW_MS 10000

struct share {
	int64_t since_ms;
	uint64_t answers, failed; /* totals when the window began */
	unsigned permille;        /* of the last whole window */
	uint64_t seen;            /* answers in it */
	bool high;                /* and that was alarming */
};

/* Totals of now. True when a window ended that changes `high`. */
bool share_count(struct share *s, uint64_t answers, uint64_t failed,
		 int64_t now_ms);

#endif
