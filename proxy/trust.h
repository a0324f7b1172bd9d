/*
 * TLS to the sites: who is believed to be a site, and how the proxy shows
 * itself. Immutable once loaded; held by counting, from any thread.
 */
#ifndef PROXY_TRUST_H
#define PROXY_TRUST_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"

struct trust;

struct trust_conf {
	const char *ca_file;     /* PEM; "" or NULL: the system's authorities */
	const char *certificate; /* as in certs.h; "" or NULL: shows none */
	bool unused; /* no site has TLS: the system's, 140 or so, stay unread */
};

/* NULL with e saying which file and what is wrong with it. */
struct trust *trust_load(const struct trust_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
struct trust *trust_hold(struct trust *t);
void trust_drop(struct trust **t);

/*
 * For a new connection to that host, a name (sent as SNI) or an address: the
 * handshake fails unless the site's certificate is good for it.
 */
SSL *trust_session(const struct trust *t, const char *host);

/* Files for who speaks TLS by other means; NULL: the system's, none. */
const char *trust_ca_file(const struct trust *t);
const char *trust_certificate(const struct trust *t);
const char *trust_key(const struct trust *t);

#endif
