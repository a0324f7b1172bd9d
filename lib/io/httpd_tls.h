/*
 * TLS below httpd. The owner of the server brings the sessions, with the
 * certificates in them; HTTP/1.1 must be what ALPN agrees on.
 */
#ifndef IO_HTTPD_TLS_H
#define IO_HTTPD_TLS_H

struct ssl_st; /* OpenSSL's SSL */

struct httpd_tls {
	/* Given: a session for a new connection. *held is handed to end when
	 * that is over: what the session stands on. */
	struct ssl_st *(*begin)(void *ctx, void **held);
	void (*end)(void *held);
	void *ctx;
};

#endif
