/*
 * One thread of the data plane: a loop of its own, and everything that a
 * request touches on its way. Workers share nothing but `shared`.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "proxy/worker_data.h"

struct worker_conf {
	struct shared *shared;
	struct plane_limits limits;
	const struct listener_socket *sockets; /* taken */
	unsigned nsockets;
	struct certs *certs;   /* borrowed, or NULL */
	struct accesslog *log; /* borrowed, or NULL */
};

/* Starts the thread; returns when its loop can be posted to. */
struct worker *worker_start(const struct worker_conf *conf);
/* Cuts everything, ends the thread, frees; sets *wp NULL. */
void worker_stop(struct worker **wp);

/* From control's thread. */
void worker_adopt(struct worker *w, struct edition *e); /* takes a hold */
void worker_set_limits(struct worker *w, const struct plane_limits *limits);
void worker_set_certs(struct worker *w, struct certs *certs); /* held */
void worker_set_sockets(struct worker *w, const struct listener_socket *sockets,
			unsigned n); /* copied; others are closed */
/* softly: what is there ends by itself; only the sockets close. */
void worker_drain(struct worker *w, bool softly);
void worker_close_websockets(struct worker *w, enum route_site site, int code,
			     uint32_t spread_ms);

/* Of the worker's own thread. */
void worker_check_drained(struct worker *w);

#endif
