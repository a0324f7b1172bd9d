/*
 * What a request sees of the connection that it came on, whatever protocol
 * that speaks. One front is one request at a time.
 */
#ifndef PROXY_FRONT_H
#define PROXY_FRONT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "http/head.h"
#include "proxy/reply.h"

struct front;
struct request;

/*
 * Called by the relay. last: the message ends with these bytes; `ended`
 * follows when the request is accounted for and its memory is gone.
 */
struct front_ops {
	/* A 1xx that is passed on. */
	void (*interim)(struct front *f, const struct http_head *head);
	/* The head, and the first of the body; of a 101 too. */
	void (*answer)(struct front *f, const struct http_head *head,
		       struct span body, bool last);
	void (*data)(struct front *f, struct span data, bool last);
	/* An answer of our own, whole. */
	void (*reply)(struct front *f, const struct reply *reply);
	/* The answer cannot be finished. */
	void (*cut)(struct front *f);
	/* More of the request's body may come, or must not. */
	void (*body)(struct front *f, bool wanted);
	/* May free the front, or begin the next request on it. */
	void (*ended)(struct front *f);
};

struct front {
	const struct front_ops *ops;
	struct request *request; /* the one in work */
	const char *address;     /* of the client */
	const char *node;        /* the same as Forwarded writes it */
	const char *forwarded;   /* ready lines of X-Forwarded-* */
	const char *proto;       /* "http" or "https" */
	const char *protocol;    /* "HTTP/1.1" */
	size_t queued; /* bytes of answers the client has yet to take */
	uint64_t sent; /* bytes since the request began */
	bool decoded;  /* it wants bodies without chunked framing */
	bool full;     /* a body that is not whole is kept no longer */
};

#endif
