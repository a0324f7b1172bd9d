/*
 * The arithmetic of one service's lease, pure. The service counts the lease
 * on its own clock, the proxy on its own: the proxy's bound is never earlier
 * than the service's end, however long a grant was on its way.
 *
 *   answer A (clock a) received at r  ->  grant until a + ttl, bound r + ttl
 */
#ifndef PROXY_LEASE_H
#define PROXY_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "proxy/redirects.h"
#include "proxy/report.h"

/* What control wants a service to hold. */
struct lease_terms {
	uint64_t epoch; /* 0: only ask */
	enum route_site active;
	bool serve;
	bool peer_dead;
	bool degraded;
	bool collab[ROUTE_SITES]; /* whose collab holds a grant */
	/* Of the epoch; borrowed, NULL: none. */
	const struct redirects *redirects;
};

bool lease_terms_eq(const struct lease_terms *a, const struct lease_terms *b);

struct lease {
	char boot[40];     /* of the answer that grants build on; "" none */
	int64_t clock_us;  /* its clock; grows with each grant built on it */
	int64_t heard_ms;  /* when it came, by our clock */
	int64_t bound_ms;  /* no lease that we gave lasts beyond this */
	uint64_t given_up; /* said that it does not serve, under this epoch */
};

/* A proxy that just began may have a forerunner: its grants may last a ttl. */
void lease_init(struct lease *l, int64_t now_ms, int64_t ttl_ms);

void lease_heard(struct lease *l, const struct report *a, int64_t now_ms);

/* The probe failed: the next one only asks. */
void lease_lost(struct lease *l);

/*
 * The value of "until_us" for a probe that is sent now; 0: it only asks.
 * Moves the bound when the terms let the service serve.
 */
int64_t lease_until(struct lease *l, const struct lease_terms *t,
		    int64_t ttl_ms);

/*
 * Every lease of an epoch before this one has surely ended: the service said
 * so, or time ran out, or its process is gone (what the caller saw).
 */
bool lease_over(const struct lease *l, uint64_t epoch, int64_t now_ms,
		bool gone);

/* It says that it serves, under this epoch, and its lease still runs. */
bool lease_serves(const struct lease *l, const struct report *a, uint64_t epoch,
		  int64_t now_ms);

/* The body of the probe, appended. */
struct lease_probe {
	enum route_site site;
	enum route_service service;
	const char *boot; /* "" with until_us 0 */
	int64_t until_us;
	int64_t wall_us;
};
void lease_body(const struct lease_probe *p, const struct lease_terms *t,
		struct strbuf *out);

#endif
