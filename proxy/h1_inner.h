/*
 * What the two halves of h1 share: h1.c reads requests, h1_out.c writes
 * answers. Nobody else's.
 */
#ifndef PROXY_H1_INNER_H
#define PROXY_H1_INNER_H

#include "http/framing.h"
#include "proxy/block.h"
#include "proxy/client.h"
#include "proxy/front.h"
#include "proxy/h1.h"

enum h1_state { H1_HEAD, H1_BODY, H1_BUSY, H1_TUNNEL, H1_FLUSH, H1_LINGER };

struct h1 {
	struct client client; /* first: it is cast back */
	struct front front;
	enum h1_state state;
	struct http_body body; /* of the request */
	int64_t body_since_ms;
	uint64_t body_base; /* bytes of it that had come by then */
	struct block *rest;
	size_t scanned; /* of rest, for the end of a head */
	bool spoke;     /* a first head has come */
	bool processing;
	bool closes; /* behind the present answer */
	bool old;    /* the client speaks 1.0 */
	bool body_paused;
	bool until_close; /* only the end of the connection ends the answer */
	bool is_cut;      /* the answer was broken off */
};

/* The front's operations. */
extern const struct front_ops h1_out_ops;

/* An answer of our own as text; bodyless: to HEAD. */
void h1_out_compose(const struct h1 *h, const struct reply *r, bool bodyless,
		    struct strbuf *out);
void h1_out_send(struct h1 *h, const uv_buf_t *bufs, unsigned n);

/* Bytes are in rest and the state has changed: goes on with them. */
void h1_process_rest(struct h1 *h);
/* The last answer was given. unread: the client may have more to say. */
void h1_close_softly(struct h1 *h, bool unread);
/* At once; reset: so that the client sees that it was not the end. */
void h1_close_now(struct h1 *h, bool reset);

#endif
