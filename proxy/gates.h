/*
 * What must be so before traffic is moved on purpose: each gate with what it
 * is, what it may be, and since when. Pure.
 */
#ifndef PROXY_GATES_H
#define PROXY_GATES_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/judge.h"
#include "proxy/report.h"

enum gates_name {
	GATES_SITES,     /* both whole */
	GATES_LAG_THERE, /* what the active site sends */
	GATES_LAG_BACK,
	GATES_VERIFIED, /* found equal, by digest */
	GATES_COPY,     /* the daily copy of pages, clients, settings */
	GATES_VERSIONS, /* n or n-1 */
	GATES_DISK,
	GATES_CERTIFICATES,
	GATES_CLOCKS,
	GATES_PARKED,
	GATES_CONFLICTS, /* of keys, open */
	GATES_N
};

enum gates_verdict { GATES_UNKNOWN, GATES_GOOD, GATES_BAD };

struct gates_gate {
	enum gates_verdict verdict;
	char value[96], limit[48]; /* in words */
	int64_t since_ms;          /* when the verdict became this one */
};

struct gates {
	struct gates_gate gate[GATES_N];
	bool unknown_bars;
};

/* 0 as a limit of time: that gate is always good. */
struct gates_conf {
	int64_t lag_ms, verified_ms, copy_ms, clock_ms, certificates_ms;
	int64_t disk_percent, parked, conflicts;
	bool unknown_bars;
};

struct gates_site {
	enum judge_verdict verdict;
	struct report_replication replication; /* of its last answer */
	char version[32];                      /* "": not told */
	int64_t schema;
	int64_t copy_us;       /* UNIX; 0: not told */
	int64_t disk_permille; /* free; -1: not told */
	bool clock_known;
	int64_t clock_ms; /* ahead of the proxy's */
};

struct gates_inputs {
	struct gates_site site[ROUTE_SITES];
	enum route_site active;
	int64_t certificate_until_us; /* the first that ends; 0: none, -1: ? */
	int64_t now_ms, wall_us;
};

/* *g holds the gates of before: they tell the since. */
void gates_look(struct gates *g, const struct gates_conf *c,
		const struct gates_inputs *in);

bool gates_bars(const struct gates *g, enum gates_name n);
/* The first from `from` on that bars; GATES_N: none. */
enum gates_name gates_first(const struct gates *g, enum gates_name from);

const char *gates_name(enum gates_name n);
const char *gates_verdict_name(enum gates_verdict v);

#endif
