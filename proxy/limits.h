/*
 * What the data plane bears: docs/proxy.md says what each means. Whoever
 * meets one is counted under its name.
 */
#ifndef PROXY_LIMITS_H
#define PROXY_LIMITS_H

#include <stdint.h>

struct plane_limits {
	uint32_t head_bytes, fields;
	uint64_t body_buffer_bytes; /* what is kept to be resent */
	uint64_t body_limit_bytes;  /* 413 beyond; 0: none */
	uint32_t held_requests;     /* of all workers, as the next two */
	uint64_t held_bytes;
	uint32_t connections, connections_per_address;
	uint32_t connection_requests;     /* of a client's connection */
	uint32_t head_ms, idle_ms;        /* a whole head; between requests */
	uint32_t body_ms;                 /* without a byte, either way */
	uint32_t body_rate;               /* bytes in a second, either way */
	uint32_t connect_ms, upstream_ms; /* connect; up to the answer's head */
	uint32_t tunnel_idle_ms;          /* a silent WebSocket; 0: for ever */
	uint32_t pool; /* idle connections kept per worker and service */
	/* Requests at a service of a site at once, of a worker; what waits for
	 * that, how long; over which time a site is loaded after a switch. */
	uint32_t site_requests, site_queue, queue_ms, slow_start_ms;
	uint64_t h2_buffer_bytes; /* kept for a connection of HTTP/2 */
};

enum limit {
	LIMIT_HEAD_BYTES,
	LIMIT_FIELDS,
	LIMIT_BODY_LIMIT,
	LIMIT_HELD_REQUESTS,
	LIMIT_HELD_BYTES,
	LIMIT_CONNECTIONS,
	LIMIT_CONNECTIONS_PER_ADDRESS,
	LIMIT_CONNECTION_REQUESTS,
	LIMIT_HEAD_TIME,
	LIMIT_IDLE_TIME,
	LIMIT_BODY_TIME,
	LIMIT_BODY_RATE,
	LIMIT_CONNECT_TIME,
	LIMIT_UPSTREAM_TIME,
	LIMIT_TUNNEL_IDLE_TIME,
	LIMIT_SITE_REQUESTS,
	LIMIT_SITE_QUEUE,
	LIMIT_QUEUE_TIME,
	LIMIT_H2_BUFFER,
	LIMITS
};
/* The key of its configuration. */
const char *limit_name(enum limit l);

/* A field that is 0 takes its default. */
struct plane_limits limits_complete(const struct plane_limits *from);

/*
 * When the next bytes of a body must have come (or gone): since_ms it began,
 * bytes so far. Nobody holds a place for ever by a byte now and then.
 */
int64_t limits_body_due(const struct plane_limits *l, int64_t since_ms,
			uint64_t bytes, int64_t now_ms);
/* Which of its two rules was broken when that time has come. */
enum limit limits_body_broke(const struct plane_limits *l, int64_t since_ms,
			     uint64_t bytes, int64_t now_ms);

/* site_requests while a site is loaded slowly, age_ms after a switch. */
uint32_t limits_slow_start(const struct plane_limits *l, int64_t age_ms);

#endif
