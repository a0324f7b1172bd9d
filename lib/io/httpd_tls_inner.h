/* One connection's TLS, between two memory BIOs: bytes in, bytes out. */
#ifndef IO_HTTPD_TLS_INNER_H
#define IO_HTTPD_TLS_INNER_H

#include "base/span.h"
#include "base/strbuf.h"
#include "io/httpd_tls.h"

struct conn_tls;

/* from: borrowed and outlives it. */
struct conn_tls *conn_tls_new(const struct httpd_tls *from);
void conn_tls_free(struct conn_tls **t);

/*
 * Deciphers what came into plain; cipher gets what must be sent because of
 * it (handshakes, alerts), also on -1: the other side is not to be talked to.
 */
int conn_tls_receive(struct conn_tls *t, struct span in, struct strbuf *plain,
		     struct strbuf *cipher);
/* Enciphers; nothing before the handshake has ended. */
void conn_tls_send(struct conn_tls *t, struct span in, struct strbuf *cipher);
/* The words for the end of what this side sends. */
void conn_tls_bye(struct conn_tls *t, struct strbuf *cipher);

#endif
