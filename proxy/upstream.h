/*
 * One connection to a service of a site: connecting, in use by one request,
 * or idle in its worker's pool (last in, first out). An idle one that the
 * site closes, or that says anything, leaves the pool at once.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proxy/route.h"
#include "proxy/stream.h"
#include "proxy/wheel.h"

struct block;
struct request;
struct upstream;
struct worker;

/* Called for the request in `request`; each may close the upstream. */
struct upstream_ops {
	void (*on_connected)(struct upstream *u);
	void (*on_data)(struct upstream *u, char *at, size_t len);
	/* connected false: nothing was sent. why is libuv's. */
	void (*on_end)(struct upstream *u, int why);
	void (*on_drained)(struct upstream *u);
	void (*on_deadline)(struct upstream *u);
};

struct upstream {
	struct stream stream; /* first: a stream is cast back */
	struct wheel_node deadline;
	LIST_ENTRY(upstream) entry; /* of all */
	LIST_ENTRY(upstream) idle;
	uv_connect_t connect;
	const struct upstream_ops *ops;
	struct request *request; /* NULL: idle or closing */
	enum route_site site;
	enum route_service service;
	bool tls;       /* its site speaks TLS */
	bool connected; /* and is known to be the site */
	bool pooled;    /* idle */
	bool closing;
	int64_t idle_ms;       /* since when */
	struct block *partial; /* an answer's head that is not whole */
};

/*
 * An idle connection, or a new one that connects (then on_connected or
 * on_end follows). request is set.
 */
struct upstream *upstream_get(struct worker *w, enum route_site site,
			      enum route_service service,
			      struct request *request,
			      const struct upstream_ops *ops);

/* Back to the pool: the answer was whole and the site will go on. */
void upstream_put(struct upstream **u);
/* It is of no more use. No callback comes. NULL is fine. */
void upstream_close(struct upstream **u);

void upstream_set_deadline(struct upstream *u, uint32_t ms);

/* Of a worker: closes the idle ones, or all (their requests must be gone). */
void upstream_close_idle(struct worker *w);

#endif
