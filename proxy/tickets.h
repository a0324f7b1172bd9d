/*
 * The keys of TLS session tickets (RFC 5077, RFC 8446 4.6.1): all workers
 * have the same, so a client may come back to any of them. The newest makes
 * tickets for an hour and opens them for two more. Safe from any thread.
 */
#ifndef PROXY_TICKETS_H
#define PROXY_TICKETS_H

#include <openssl/ssl.h>

struct tickets;

struct tickets *tickets_new(void);
void tickets_free(struct tickets **t);

/* Its sessions are kept in tickets of these keys alone. t is borrowed. */
void tickets_serve(struct tickets *t, SSL_CTX *ctx);

#endif
