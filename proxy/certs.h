/*
 * The certificates that clients are shown, chosen by the name they ask for
 * (SNI), with everything else that a handshake needs. Immutable once loaded;
 * held by counting, from any thread; a reload loads another set.
 */
#ifndef PROXY_CERTS_H
#define PROXY_CERTS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

struct certs;
struct tickets;

enum certs_clients {
	CERTS_CLIENTS_OFF,     /* nobody is asked for a certificate */
	CERTS_CLIENTS_ASK,     /* one that is shown must be valid */
	CERTS_CLIENTS_REQUIRE, /* no connection without a valid one */
};

struct certs_conf {
	/*
	 * Files and folders (their *.pem), commas between. A file holds a
	 * certificate and what leads to the root; its key in the same file or
	 * in NAME.key beside it; NAME.ocsp is an answer to staple (DER). The
	 * first one is for clients that name no name, or none of these.
	 */
	const char *files;
	const char *client_ca; /* PEM file; with clients != OFF */
	enum certs_clients clients;
	int minimum;             /* TLS1_2_VERSION or TLS1_3_VERSION */
	struct tickets *tickets; /* borrowed; NULL: sessions are not resumed */
	bool no_h2;              /* HTTP/1.1 alone is agreed on */
};

/* NULL with e saying which file and what is wrong with it. */
struct certs *certs_load(const struct certs_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
struct certs *certs_hold(struct certs *c);
void certs_drop(struct certs **c);

/* For a new connection. The set must be held until it is secure. */
SSL *certs_session(const struct certs *c);

/* The first of them that ends, UNIX time. */
int64_t certs_end_s(const struct certs *c);
/* Prometheus text: when each of them ends. */
void certs_metrics(const struct certs *c, struct strbuf *out);

#endif
