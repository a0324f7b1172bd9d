/*
 * The routing snapshot: everything that a worker must know to place a
 * request, immutable once published. Control builds one for each decision;
 * route_pick is the rule, pure.
 */
#ifndef PROXY_ROUTE_H
#define PROXY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "proxy/route_address.h"

#define ROUTE_SITES 2
#define ROUTE_SERVICES 2
enum route_site { ROUTE_PRIMARY, ROUTE_BACKUP };
enum route_service { ROUTE_WEB, ROUTE_COLLAB };

enum route_mode {
	ROUTE_SERVE, /* forward to the active site */
	ROUTE_HOLD,  /* a switch or a fail-over is under way: queue */
	ROUTE_CLOSED /* nobody may serve: 503 at once */
};

/* One service of one site. */
struct route_upstream {
	struct route_address address;
	bool healthy; /* its last probes were good: a resend may go there */
	bool granted; /* holds a grant of this epoch */
	bool coming;  /* collab: not yet, but in a moment */
};

/* From one company, or one service, or both, to a site; "" is every company. */
struct route_redirect {
	char company[64];
	bool service[ROUTE_SERVICES];
	enum route_site to;
};

struct route_companies;
struct trust;

struct route_snapshot {
	uint64_t epoch;
	enum route_site active;
	enum route_mode mode;
	/* The fate of the active site is open: detectbackup waits too. */
	bool suspect;
	uint32_t hold_ms; /* the longest that a request waits from now on */
	unsigned retry_after_s;
	struct route_upstream upstream[ROUTE_SITES][ROUTE_SERVICES];
	const struct route_redirect *redirects; /* owned, mem_alloc'ed */
	size_t nredirects;
	struct route_companies *companies; /* owned; NULL: not known yet */
	struct trust *trust;               /* owned; for addresses with TLS */
	/* Of the plane: */
	uint64_t serial;
};

/* Copies *from with its redirects and another hold on its companies; given. */
struct route_snapshot *route_copy(const struct route_snapshot *from);
void route_free(struct route_snapshot **s);

/* Names compare without case. Held by counting, from any thread. */
struct route_companies *route_companies_new(const struct span *names, size_t n);
struct route_companies *route_companies_hold(struct route_companies *c);
void route_companies_free(struct route_companies **c);
bool route_companies_has(const struct route_companies *c, struct span name);

enum route_verdict { ROUTE_TO, ROUTE_WAIT, ROUTE_REFUSE };
struct route_pick {
	enum route_verdict verdict;
	enum route_site site;
	const char *why; /* a constant, unless ROUTE_TO */
};

/* Where a request of web goes now. company may be empty. */
struct route_pick route_pick(const struct route_snapshot *s,
			     struct span company);
/* Where a WebSocket of that letter's meeting goes: its collab or nowhere. */
struct route_pick route_pick_room(const struct route_snapshot *s,
				  enum route_site letter);

const char *route_site_name(enum route_site s); /* "primary", "backup" */
const char *route_service_name(enum route_service s);
const char *route_mode_name(enum route_mode m);

#endif
