/* What a worker is made of: plain data for its own thread. */
#ifndef PROXY_WORKER_DATA_H
#define PROXY_WORKER_DATA_H

#include <sys/queue.h>
#include <uv.h>

#include "http/head.h"
#include "io/loop.h"
#include "proxy/accesslog.h"
#include "proxy/block.h"
#include "proxy/cells.h"
#include "proxy/hold.h"
#include "proxy/listener.h"
#include "proxy/metrics.h"
#include "proxy/plane.h"
#include "proxy/queue.h"
#include "proxy/request.h"
#include "proxy/shared.h"
#include "proxy/tls.h"
#include "proxy/turn.h"
#include "proxy/wheel.h"

#define WORKER_RX 262144      /* what one read takes; proxy.md says why */
#define WORKER_TX 65536       /* heads, and small bodies behind them */
#define WORKER_HEAD_MAX 32768 /* of an answer, and what limits may allow */
#define WORKER_ID_PREFIX (REQUEST_ID_SIZE - 8) /* that all of its ids share */

LIST_HEAD(client_list, client);
LIST_HEAD(tunnel_list, tunnel);
LIST_HEAD(upstream_list, upstream);

struct worker {
	struct shared *shared;
	uv_thread_t thread;
	struct loop *loop;
	uv_loop_t *uv;
	uv_timer_t tick;
	int64_t ticked_ms; /* 0: it was late, and the sockets come first */
	struct turn turn;
	char *rx, *tx;
	struct tls_room tls;
	struct certs *certs; /* held; NULL: no TLS */
	struct plane_limits limits;
	struct http_limits request_limits, answer_limits;
	const struct route_snapshot *snapshot; /* NULL before the first */
	struct edition *edition;
	_Atomic uint64_t adopted; /* serial of it */
	struct blocks blocks;
	struct cells cells;
	struct wheel wheel;
	struct request *free_requests;
	struct hold hold;
	struct queue queues[ROUTE_SITES][ROUTE_SERVICES];
	struct upstream_list upstreams; /* all of them */
	struct upstream_list idle[ROUTE_SITES][ROUTE_SERVICES]; /* LIFO */
	unsigned nidle[ROUTE_SITES][ROUTE_SERVICES];
	struct client_list clients;
	struct tunnel_list tunnels;
	struct listener *listeners[LISTENER_MAX];
	unsigned nlisteners;
	int64_t next_refusal_ms;       /* upstream.c */
	int64_t works_us[ROUTE_SITES]; /* when what it answered was sent */
	int64_t wall_offset_us;        /* stamp minus monotonic */
	char id[REQUEST_ID_SIZE];      /* the last request's */
	uint64_t id_next;
	struct http_head request_head, answer_head; /* of the present call */
	struct metrics metrics;
	struct accesslog_feed *log; /* NULL: off */
	bool draining;
	bool retired; /* it drains, and tunnels stay */
	_Atomic bool drained;
};

/* The time of this turn / now, monotonic. */
static inline int64_t
worker_now_ms(const struct worker *w)
{
	return (int64_t)uv_now(w->uv);
}
static inline int64_t
worker_now_us(void)
{
	return (int64_t)(uv_hrtime() / 1000);
}

static inline void
worker_count_limit(struct worker *w, enum limit limit)
{
	metrics_add(&w->metrics.limits[limit], 1);
}

#endif
