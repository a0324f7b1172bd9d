#include "proxy/limits.h"

#include <assert.h>

#include "proxy/worker_data.h"

/* So many at once even at the beginning of a slow start. */
#define SLOW_START_MIN 32

static const struct plane_limits defaults = {
	.head_bytes = 16384,
	.fields = 100,
	.body_buffer_bytes = 1048576,
	.held_requests = 10000,
	.held_bytes = 256 * 1048576,
	.connections = 20000,
	.connections_per_address = 4000,
	.connection_requests = 100000,
	.head_ms = 10000,
	.idle_ms = 75000,
	.body_ms = 30000,
	.body_rate = 1000,
	.connect_ms = 2000,
	.upstream_ms = 30000,
	.tunnel_idle_ms = 3600000,
	.pool = 256,
	.site_requests = 1024,
	.site_queue = 10000,
	.queue_ms = 10000,
	.slow_start_ms = 1000,
	.h2_buffer_bytes = 32 * 1048576,
};

static const char *const names[] = { "head_bytes",
				     "fields",
				     "body_limit",
				     "held_requests",
				     "held_bytes",
				     "connections",
				     "connections_per_address",
				     "connection_requests",
				     "head_time",
				     "idle_time",
				     "body_time",
				     "body_rate",
				     "connect_time",
				     "upstream_time",
				     "tunnel_idle_time",
				     "site_requests",
				     "site_queue",
				     "queue_time",
				     "h2_buffer" };
static_assert(sizeof(names) / sizeof(names[0]) == LIMITS,
	      "one name for each limit");

const char *
limit_name(enum limit l)
{
	return names[l];
}

struct plane_limits
limits_complete(const struct plane_limits *from)
{
	const struct plane_limits *d = &defaults;
	struct plane_limits l = *from;

#define DEFAULT(field)    \
	if (l.field == 0) \
	l.field = d->field
	DEFAULT(head_bytes);
	DEFAULT(fields);
	DEFAULT(body_buffer_bytes);
	DEFAULT(held_requests);
	DEFAULT(held_bytes);
	DEFAULT(connections);
	DEFAULT(connections_per_address);
	DEFAULT(connection_requests);
	DEFAULT(head_ms);
	DEFAULT(idle_ms);
	DEFAULT(body_ms);
	DEFAULT(body_rate);
	DEFAULT(connect_ms);
	DEFAULT(upstream_ms);
	DEFAULT(tunnel_idle_ms);
	DEFAULT(pool);
	DEFAULT(site_requests);
	DEFAULT(site_queue);
	DEFAULT(queue_ms);
	DEFAULT(slow_start_ms);
	DEFAULT(h2_buffer_bytes);
#undef DEFAULT
	if (l.head_bytes > WORKER_HEAD_MAX)
		l.head_bytes = WORKER_HEAD_MAX;
	return l;
}

/* Of the whole body so far. */
static int64_t
rate_due(const struct plane_limits *l, int64_t since_ms, uint64_t bytes)
{
	return since_ms + l->body_ms + (int64_t)(bytes * 1000 / l->body_rate);
}

int64_t
limits_body_due(const struct plane_limits *l, int64_t since_ms, uint64_t bytes,
		int64_t now_ms)
{
	int64_t end_ms = rate_due(l, since_ms, bytes);
	int64_t next_ms = now_ms + l->body_ms;

	return next_ms < end_ms ? next_ms : end_ms;
}

enum limit
limits_body_broke(const struct plane_limits *l, int64_t since_ms,
		  uint64_t bytes, int64_t now_ms)
{
	return bytes > 0 && now_ms >= rate_due(l, since_ms, bytes)
		   ? LIMIT_BODY_RATE
		   : LIMIT_BODY_TIME;
}

uint32_t
limits_slow_start(const struct plane_limits *l, int64_t age_ms)
{
	uint64_t n = l->site_requests;

	if (age_ms >= l->slow_start_ms)
		return l->site_requests;
	n = n * (uint64_t)(age_ms > 0 ? age_ms : 0) / l->slow_start_ms;
	if (n < SLOW_START_MIN)
		n = SLOW_START_MIN;
	return n < l->site_requests ? (uint32_t)n : l->site_requests;
}
