/* The inside of wsd: the server and its connections. */
#ifndef IO_WSD_INNER_H
#define IO_WSD_INNER_H

#include <libwebsockets.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "io/addr.h"
#include "io/fdwatch.h"
#include "io/inner.h"
#include "io/wsd.h"

#define WSD_REASON_MAX 124 /* with NUL: RFC 6455 5.5 leaves 123 bytes */

struct wsd_msg {
	unsigned uses;
	size_t len;            /* of the frame */
	unsigned char bytes[]; /* LWS_PRE for the library, then the frame */
};

struct wsd_queued {
	STAILQ_ENTRY(wsd_queued) entry;
	struct wsd_msg *msg;
};

struct wsd_conn {
	TAILQ_ENTRY(wsd_conn) entry;
	struct wsd *wsd;
	struct lws *wsi;
	void *data; /* the owner's */
	bool told;  /* on_close was called */
	struct strbuf in;
	STAILQ_HEAD(, wsd_queued) queue;
	size_t queued_bytes;
	int64_t heard_ms;
	bool ping_due;
	bool peer_closed; /* its close frame has come */
	bool closing;
	bool close_sent;
	int code; /* of the end; 0: not known yet */
	char reason[WSD_REASON_MAX];
};

struct wsd {
	struct wsd_conf conf; /* listen is a copy */
	struct lws_context *context;
	struct lws_vhost *vhost;
	int fd; /* that listens, or -1 */
	struct fdwatch *watch;
	struct timer *pause; /* no descriptors are left: watch sleeps */
	TAILQ_HEAD(, wsd_conn) conns;
	unsigned nconns;
	struct timer *pinger; /* while there are connections */
	struct timer *drain_end;
	struct loop_call *drained;
	void (*on_drained)(void *ctx);
	void *drain_ctx;
	unsigned in_callback;      /* of libwebsockets */
	struct loop_call *destroy; /* was asked for in one */
	bool dying;                /* the owner hears nothing more */
	uv_idle_t reaper; /* counts turns of the loop by being closed */
	unsigned reaper_turns;
};

/* A request to upgrade, as wsd_field sees it. */
struct wsd_heads {
	struct lws *wsi;
	struct arena *arena;
};

/* wsd.c */
void wsd_lost(struct wsd *w); /* a connection has ended */
void wsd_gained(struct wsd *w);

/* wsd_conn.c */
int wsd_conn_event(struct lws *wsi, enum lws_callback_reasons reason,
		   void *user, void *in, size_t len);
/* Without a closing handshake. */
void wsd_conn_cut(struct wsd_conn *c, int code, const char *reason);
/* Pings it, or cuts it when it has been silent for too long. */
void wsd_conn_check(struct wsd_conn *c, int64_t now_ms);

/* wsd_hello.c */
int wsd_hello(struct wsd *w, struct lws *wsi);
int wsd_refuse(struct wsd *w, struct lws *wsi, int status);

#endif
