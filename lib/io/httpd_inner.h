/* The inside of httpd: server, connections, requests. */
#ifndef IO_HTTPD_INNER_H
#define IO_HTTPD_INNER_H

#include <sys/queue.h>

#include "base/strbuf.h"
#include "http/framing.h"
#include "http/head.h"
#include "io/addr.h"
#include "io/httpd.h"
#include "io/httpd_large.h"
#include "io/httpd_tls_inner.h"
#include "io/inner.h"

enum conn_state {
	CONN_IDLE,   /* no byte of a request has come */
	CONN_HEAD,   /* some have */
	CONN_BODY,   /* the head is whole */
	CONN_HANDLE, /* the owner has it */
	CONN_LINGER  /* answered for the last time, reads on until EOF */
};

struct httpd_req {
	TAILQ_ENTRY(httpd_req) entry; /* in httpd.orphans */
	struct httpd *httpd;
	struct httpd_conn *conn; /* NULL: the client has gone */
	struct arena *arena;
	struct http_head head;
	struct strbuf body;
	struct spool *spool; /* NULL: the body is in memory */
	char peer[ADDR_TEXT_SIZE];
	void *data;
};

union httpd_stream {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct httpd_conn {
	TAILQ_ENTRY(httpd_conn) entry;
	union httpd_stream io;
	struct httpd *httpd;
	enum conn_state state;
	struct conn_tls *tls; /* NULL: none */
	struct strbuf in;     /* not used yet */
	size_t scanned;       /* of it, for the end of the head */
	struct http_body body;
	bool body_done;        /* to the end, perhaps not yet spooled */
	struct httpd_req *req; /* BODY and HANDLE */
	struct pull *pull;     /* HANDLE: its answer is being made */
	struct timer *timer;
	struct loop_call *again; /* bytes of the next request are there */
	char peer[ADDR_TEXT_SIZE];
	unsigned writes; /* in flight */
	bool first;      /* no request came yet */
	bool paused;     /* reading is: too many bytes ahead */
	bool closing;
};
TAILQ_HEAD(httpd_conns, httpd_conn);

struct httpd {
	struct httpd_conf conf;   /* listen is a copy */
	struct httpd_spool spool; /* may NULL: none */
	struct httpd_tls tls;     /* begin NULL: none */
	union httpd_stream io;
	bool listening, is_unix;
	bool accept_later; /* one waits, too many are open */
	struct httpd_conns conns;
	TAILQ_HEAD(, httpd_req) orphans;
	unsigned nconns, in_flight;
	bool draining;
	bool closed; /* freed when the listener has closed */
	struct loop_call *drained;
	void (*on_drained)(void *ctx);
	void *drain_ctx;
};

/* httpd.c */
void httpd_lost(struct httpd *h); /* a connection has ended */

/* httpd_conn.c */
void conn_accept(struct httpd *h);
void conn_close(struct httpd_conn *c); /* at once; tells on_gone */
void conn_drop(struct httpd_conn *c);  /* at once; tells nobody */
void conn_drain(struct httpd_conn *c); /* if it is idle */
/* Sends (copied) and goes on to the next request, or closes. */
void conn_answered(struct httpd_conn *c, struct strbuf *out, bool close);
void conn_send(struct httpd_conn *c, const char *at, size_t len);

/* httpd_reply.c */
struct httpd_req *req_new(struct httpd_conn *c);
void req_free(struct httpd_req **r);
/* Answers in the server's own name and closes. */
void req_fault(struct httpd_conn *c, int status, const char *why);

#endif
