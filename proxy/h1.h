/*
 * A client's HTTP/1 connection: heads and bodies in, one request at a time
 * in the relay, answers out in the order of the requests.
 */
#ifndef PROXY_H1_H
#define PROXY_H1_H

#include <uv.h>

struct h1;
struct worker;

/* A connection waits on that listening socket. */
void h1_accept(struct worker *w, uv_stream_t *server);

/* The worker drains: idle ones close, others behind their answer. */
void h1_drain(struct h1 *h);
/* The worker's next one; NULL at the end. */
struct h1 *h1_next(struct h1 *h);
/* Cuts it. */
void h1_abort(struct h1 *h);

#endif
