/* What requests met at the sites, as the data plane tells it. */
#ifndef PROXY_PLANE_EVENT_H
#define PROXY_PLANE_EVENT_H

#include "proxy/redirects.h"
#include "proxy/route.h"

enum plane_signal {
	PLANE_REFUSED,       /* could not connect */
	PLANE_RESET,         /* a connection died under a request */
	PLANE_TIMEOUT,       /* no answer, or no connection, in time */
	PLANE_5XX,           /* 500, 502, 504, or what is no HTTP at all */
	PLANE_NOT_PROCESSED, /* 421 or 503 with GSB-Not-Processed */
	PLANE_SIGNALS
};

/*
 * What real requests met, to start a probe at once: at most one call per
 * site, service and kind in 50 ms; n of them since the last one. epoch: that
 * which the last such request carried.
 */
struct plane_event {
	enum route_site site;
	enum route_service service;
	enum plane_signal kind;
	uint64_t epoch;
	unsigned n;
};

/* What another process, which decides now, says of itself. */
struct plane_news {
	uint64_t epoch;
	enum route_site active;
	struct redirects redirects;
	bool rooms[ROUTE_SITES]; /* its collab holds a grant */
};

#endif
