/*
 * One thread of the data plane: a loop of its own, and everything that a
 * request touches on its way. Workers share nothing but `shared`.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <sys/queue.h>
#include <uv.h>

#include "http/head.h"
#include "io/loop.h"
#include "proxy/accesslog.h"
#include "proxy/block.h"
#include "proxy/hold.h"
#include "proxy/listener.h"
#include "proxy/metrics.h"
#include "proxy/plane.h"
#include "proxy/request.h"
#include "proxy/shared.h"
#include "proxy/wheel.h"

#define WORKER_RX 262144      /* what one read takes; proxy.md says why */
#define WORKER_TX 65536       /* heads, and small bodies behind them */
#define WORKER_HEAD_MAX 32768 /* of an answer, and what limits may allow */

LIST_HEAD(client_list, client);
LIST_HEAD(tunnel_list, tunnel);
LIST_HEAD(upstream_list, upstream);

struct worker {
	struct shared *shared;
	uv_thread_t thread;
	struct loop *loop;
	uv_loop_t *uv;
	uv_timer_t tick;
	char *rx, *tx;
	struct plane_limits limits;
	struct http_limits request_limits, answer_limits;
	const struct route_snapshot *snapshot; /* NULL before the first */
	struct edition *edition;
	_Atomic uint64_t adopted; /* serial of it */
	struct blocks blocks;
	struct wheel wheel;
	struct request *free_requests;
	struct hold hold;
	struct upstream_list upstreams; /* all of them */
	struct upstream_list idle[ROUTE_SITES][ROUTE_SERVICES]; /* LIFO */
	unsigned nidle[ROUTE_SITES][ROUTE_SERVICES];
	struct client_list clients;
	struct tunnel_list tunnels;
	struct listener *listeners[LISTENER_MAX];
	unsigned nlisteners;
	int64_t works_us[ROUTE_SITES]; /* when what it answered was sent */
	int64_t wall_offset_us;        /* stamp minus monotonic */
	char id_prefix[REQUEST_ID_SIZE - 8];
	uint64_t id_next;
	struct http_head request_head, answer_head; /* of the present call */
	struct metrics metrics;
	struct accesslog_feed *log; /* NULL: off */
	bool draining;
	_Atomic bool drained;
};

struct worker_conf {
	struct shared *shared;
	struct plane_limits limits;
	const int *fds; /* listening sockets, taken */
	unsigned nfds;
	struct accesslog *log; /* borrowed, or NULL */
};

/* Starts the thread; returns when its loop can be posted to. */
struct worker *worker_start(const struct worker_conf *conf);
/* Cuts everything, ends the thread, frees; sets *wp NULL. */
void worker_stop(struct worker **wp);

/* From control's thread. */
void worker_adopt(struct worker *w, struct edition *e); /* takes a hold */
void worker_set_limits(struct worker *w, const struct plane_limits *limits);
void worker_drain(struct worker *w);
void worker_close_websockets(struct worker *w, enum route_site site, int code,
			     uint32_t spread_ms);

/* Of the worker's own thread. The time of this turn / now, monotonic. */
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
void worker_check_drained(struct worker *w);

#endif
