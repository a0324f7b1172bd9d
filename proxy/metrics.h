/*
 * Counters and histograms of one worker, written by it alone and read from
 * any thread; and all of them together as Prometheus text.
 */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "proxy/plane.h"

/* Answers by where they came from: a site, or the proxy itself. */
#define METRICS_SOURCES (ROUTE_SITES + 1)
#define METRICS_OWN ROUTE_SITES
#define METRICS_CLASSES 6 /* 1xx to 5xx by index; 0: none was given */
#define METRICS_BUCKETS 14

struct metrics_histogram {
	_Atomic uint64_t buckets[METRICS_BUCKETS + 1];
	_Atomic uint64_t sum_us;
};

struct metrics {
	_Atomic uint64_t in_flight[ROUTE_SITES], may_write[ROUTE_SITES];
	_Atomic uint64_t websockets[ROUTE_SITES], queued[ROUTE_SITES];
	_Atomic uint64_t writes[ROUTE_SITES]; /* ever */
	_Atomic uint64_t clients, upstreams, idle;
	_Atomic uint64_t answers[METRICS_SOURCES][METRICS_CLASSES];
	_Atomic uint64_t signals[ROUTE_SITES][PLANE_SIGNALS];
	_Atomic uint64_t limits[LIMITS];
	_Atomic uint64_t site_tls_failed[ROUTE_SITES];
	_Atomic uint64_t accepted, turned_away, faults;
	_Atomic uint64_t tls_handshakes, tls_resumed, tls_failed;
	_Atomic uint64_t h2_connections, h2_calmed;
	_Atomic uint64_t connects, reuses;
	_Atomic uint64_t resent, held, hold_expired, hold_refused;
	_Atomic uint64_t cut, client_gone, streamed, log_lost;
	_Atomic uint64_t bytes_in, bytes_out;
	struct metrics_histogram total[METRICS_SOURCES];
	struct metrics_histogram first_byte[ROUTE_SITES];
	struct metrics_histogram hold;
};

/* One writer each: no locked instruction is needed. */
static inline void
metrics_add(_Atomic uint64_t *n, uint64_t by)
{
	uint64_t was = atomic_load_explicit(n, memory_order_relaxed);

	atomic_store_explicit(n, was + by, memory_order_relaxed);
}
static inline void
metrics_sub(_Atomic uint64_t *n, uint64_t by)
{
	metrics_add(n, 0 - by);
}
static inline uint64_t
metrics_read(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void metrics_observe(struct metrics_histogram *h, int64_t us);

struct metrics_gauges {
	uint64_t epoch;
	const char *active, *mode; /* NULL: no snapshot yet */
	uint64_t held, held_bytes, connections;
};
void metrics_render(const struct metrics *const *all, unsigned n,
		    const struct metrics_gauges *g, struct strbuf *out);

#endif
