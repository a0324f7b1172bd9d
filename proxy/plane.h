/*
 * The data plane: worker threads that forward requests by the newest routing
 * snapshot. They share nothing but that; control decides and publishes.
 * Every function here belongs to the thread of control's loop, and every
 * callback comes from that loop.
 */
#ifndef PROXY_PLANE_H
#define PROXY_PLANE_H

#include "base/strbuf.h"
#include "proxy/certs.h"
#include "proxy/limits.h"
#include "proxy/plane_event.h"
#include "proxy/route.h"

struct listener_socket;
struct plane;

enum plane_log_format { PLANE_LOG_JSON, PLANE_LOG_COMMON };

struct plane_conf {
	const char *listen; /* HOST:PORT, several by commas; copied, as all */
	const char *tls_listen;  /* the same, for TLS; NULL or "": none */
	struct certs_conf tls;   /* needed for those; without tickets */
	const char *introducers; /* networks (introduction.h); NULL: none */
	unsigned workers;
	struct plane_limits limits; /* a field that is 0 takes the default */
	const char *access_log;     /* file, "-" = stderr, "" or NULL = off */
	enum plane_log_format log_format;
	void (*on_signal)(void *ctx, const struct plane_event *event);
	/* Of a former process: used where the address is listened on, else
	 * closed. Taken. */
	const struct listener_socket *sockets;
	unsigned nsockets;
	/* All workers have adopted the newest snapshot. May be NULL. */
	void (*on_settled)(void *ctx);
	void *ctx;
};

/* Listens; until the first snapshot comes requests are held. NULL on -1. */
struct plane *plane_open(const struct plane_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
/* Cuts everything at once, ends the threads. */
void plane_close(struct plane **p);
/* Its callbacks go there from now on. */
void plane_own(struct plane *p, const struct plane_conf *conf);
/* The sockets of all workers, borrowed until a reload. */
const struct listener_socket *plane_sockets(const struct plane *p, unsigned *n);
/*
 * Another process listens now: closes the sockets; clients are told to come
 * again by their answers, WebSockets stay. on_drained: the last one has gone.
 */
void plane_retire(struct plane *p, void (*on_drained)(void *ctx), void *ctx);
/* The newest snapshot again, with those; false: it says so already. */
bool plane_follow(struct plane *p, const struct plane_news *news);
/* Stops listening, finishes requests, closes WebSockets. */
void plane_drain(struct plane *p, void (*on_drained)(void *ctx), void *ctx);

/*
 * Takes *snapshot. Requests that wait look again, even when it says what the
 * last one said: control also publishes when a signal's probe was good.
 */
void plane_publish(struct plane *p, struct route_snapshot **snapshot);
bool plane_settled(const struct plane *p);

/* may_write: in flight, not GET, HEAD, OPTIONS, no byte answered yet. */
struct plane_counts {
	uint64_t in_flight[ROUTE_SITES];
	uint64_t may_write[ROUTE_SITES];
	uint64_t writes[ROUTE_SITES]; /* ever, answered or not */
	uint64_t websockets[ROUTE_SITES];
	uint64_t answers[ROUTE_SITES], failed[ROUTE_SITES]; /* ever; 5xx */
	uint64_t held, held_bytes, connections;
};
void plane_counts(const struct plane *p, struct plane_counts *out);

/* Each with a close frame of that code, evenly spread over the time. */
void plane_close_websockets(struct plane *p, enum route_site site, int code,
			    uint32_t spread_ms);

void plane_set_limits(struct plane *p, const struct plane_limits *limits);
/*
 * Listening addresses, certificates and limits anew; workers and log stay.
 * No connection is closed. -1: all is as before.
 */
int plane_reload(struct plane *p, const struct plane_conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* When the first certificate ends, UNIX time in us; 0: there is none. */
int64_t plane_certificate_until_us(const struct plane *p);
/* Prometheus text 0.0.4, appended: gsb_proxy_... */
void plane_metrics(const struct plane *p, struct strbuf *out);

#endif
