/*
 * What the parts of h2 share: h2.c the connection, h2_in.c what comes from the
 * client, h2_head.c a request's head, h2_fields.c heads of answers, h2_out.c
 * answers. Nobody else's.
 */
#ifndef PROXY_H2_INNER_H
#define PROXY_H2_INNER_H

#include <nghttp2/nghttp2.h>

#include "http/framing.h"
#include "proxy/block.h"
#include "proxy/client.h"
#include "proxy/front.h"
#include "proxy/h2.h"
#include "proxy/h2_fields.h"
#include "proxy/turn.h"

/* What a header block says until it is whole. */
struct h2_head {
	int32_t id;         /* 0: none is coming */
	struct block *text; /* lines of HTTP/1.1; the pieces of Cookie apart */
	struct block *cookie;
	nghttp2_rcbuf *method, *scheme, *authority, *path;
	size_t bytes;
	unsigned fields;
	bool line;   /* text begins with the request line */
	bool length; /* Content-Length is there */
	int fault;   /* a status */
	const char *why;
};

struct h2 {
	struct client client; /* first: it is cast back */
	nghttp2_session *session;
	LIST_HEAD(, h2_stream) streams;
	unsigned nstreams;
	struct h2_head head;
	struct h2_fields fields;
	struct block *out; /* frames that go at the end of this turn */
	struct turn_node flush;
	struct turn_node send; /* what is prepared */
	bool in_session;       /* nghttp2 calls us: it must not be called */
	bool closes;           /* when all is said */
	bool drains, named;    /* and what the last stream is, was said */
	bool spoke;            /* a first head has come */
	int64_t calm_ms;       /* h2_in.c: when its patience is whole again */
};

struct h2_stream {
	struct front front;
	struct h2 *h2;
	LIST_ENTRY(h2_stream) entry;
	struct wheel_node deadline;
	int32_t id;
	/* Of the request. */
	bool chunked; /* its length is not known: framed for the site */
	bool whole;
	bool unwanted; /* its body must wait: the client gets no window */
	size_t owed;   /* bytes of window that it gets then */
	uint64_t received, received_base; /* in all; at since_ms */
	int64_t since_ms, wait_since_ms;  /* wait: of the answer */
	uint64_t wait_gone;               /* since then */
	struct block *trailers_in;
	struct http_body body;
	struct span now;    /* not sent yet, valid for the present call */
	struct block *wait; /* the same, kept; before it */
	size_t wait_at;
	struct block *tail; /* of a chunked body: since the last content */
	bool last;          /* nothing follows */
	bool deferred;      /* nghttp2 waits for more */
	bool said;          /* its head was given to nghttp2 */
	bool closed;        /* nghttp2 is done with it, the relay perhaps not */
};

/* h2.c */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_free(struct h2_stream **s);
/* More is kept for this connection than h2_buffer. */
bool h2_is_full(const struct h2 *h);
/* Frames to h->out, which goes out at the end of the turn. */
void h2_serialise(struct h2 *h);
/* The client asks for more than its share: ends the connection. */
void h2_calm(struct h2 *h, const char *why);

/* h2_in.c: nghttp2's callbacks; stream deadlines. */
void h2_in_callbacks(nghttp2_session_callbacks *cb);
void h2_in_deadline(struct wheel_node *n);

/* h2_head.c: 0, or -1 when the block is past all measure. */
void h2_head_begin(struct h2 *h, int32_t id);
int h2_head_add(struct h2 *h, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
/* The whole request, or a refusal; body: DATA follows. */
void h2_head_end(struct h2 *h, bool body);
void h2_head_drop(struct h2 *h);
/* h2_out.c */
extern const struct front_ops h2_out_ops;
void h2_out_callbacks(nghttp2_session_callbacks *cb);

#endif
