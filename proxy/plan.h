/*
 * What should be so in the world for a state of the fail-over: grants,
 * routing, barriers, speed of the probes. Pure; whoever runs it compares and
 * does what differs.
 */
#ifndef PROXY_PLAN_H
#define PROXY_PLAN_H

#include "proxy/failover.h"
#include "proxy/lease.h"

struct plan {
	struct lease_terms terms[ROUTE_SITES][ROUTE_SERVICES];
	bool fast; /* probes every suspect_interval */
	enum route_mode mode;
	bool suspect;
	enum route_site active;
	uint64_t epoch;
	uint32_t hold_ms;
	bool granted[ROUTE_SITES][ROUTE_SERVICES];
	bool coming[ROUTE_SITES]; /* its collab is about to be */
	uint64_t barriers;  /* changes when new ones are wanted; 0: none */
	bool barrier_there; /* from the active site to the other */
	bool barrier_back;
	bool close_websockets; /* of the site that is not active */
	uint32_t tick_ms;      /* look again after this */
};

void plan_make(const struct failover *f, const struct view *v,
	       struct plan *out);

#endif
