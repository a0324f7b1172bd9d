/*
 * A client's HTTP/1 connection: heads and bodies in, one request at a time
 * in the relay, answers out in the order of the requests.
 */
#ifndef PROXY_H1_H
#define PROXY_H1_H

struct client;

/* The connection speaks it from now on. Its memory has room for struct h1. */
void h1_begin(struct client *c);

#endif
