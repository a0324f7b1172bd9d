/*
 * A client's HTTP/2 connection (RFC 9113), framed by nghttp2: every stream
 * is a front of its own, and its request is written down as HTTP/1.1 and
 * judged by the same strict parser as one that came that way.
 */
#ifndef PROXY_H2_H
#define PROXY_H2_H

struct client;

/* The connection speaks it from now on. Its memory has room for struct h2. */
void h2_begin(struct client *c);

#endif
