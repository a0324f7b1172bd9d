/* What the data plane bears: docs/proxy.md says what each means. */
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
	uint32_t head_ms, idle_ms;        /* a whole head; between requests */
	uint32_t body_ms;                 /* between two pieces, either way */
	uint32_t connect_ms, upstream_ms; /* connect; up to the answer's head */
	uint32_t tunnel_idle_ms;          /* a silent WebSocket; 0: for ever */
	uint32_t pool; /* idle connections kept per worker and service */
};
extern const struct plane_limits plane_limits_default;

#endif
