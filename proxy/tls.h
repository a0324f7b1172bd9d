/*
 * TLS between a stream and its owner: what is received is deciphered where
 * it came in, what is written is enciphered into one buffer of the worker
 * and sent from there. The owner's bytes are plain on both ways.
 */
#ifndef PROXY_TLS_H
#define PROXY_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct certs;
struct stream;
struct tls;

#define TLS_PLAIN 65536   /* deciphered at once */
#define TLS_CIPHER 278528 /* enciphered at once: what one read may take */

/* Of a worker: the buffers of the present call. */
struct tls_room {
	char *plain, *cipher;
	size_t len; /* of cipher */
};
void tls_room_init(struct tls_room *r);
void tls_room_fini(struct tls_room *r);

/*
 * The stream speaks TLS from now on, as the server. ops->on_ready tells that
 * the handshake has succeeded; certs are held until then. Not reading yet.
 */
void tls_serve(struct stream *s, struct certs *certs);

/*
 * As the client; takes ssl. ops->on_ready as above; what fails is on_end,
 * with tls_why. Not reading yet.
 */
void tls_connect(struct stream *s, SSL *ssl);
/* What went wrong: a constant; NULL: nothing of TLS's. */
const char *tls_why(const struct stream *s);

/* "h2", "http/1.1" or "": what was agreed on (RFC 7301). */
const char *tls_protocol(const struct stream *s);

/* --- for stream.c alone ------------------------------------------------- */

/*
 * Hands what it deciphers to ops->on_data as long as the stream reads; what is
 * small not before all sockets of this turn have been read.
 */
void tls_receive(struct stream *s, const char *at, size_t len);
/* Does so now; false: the owner reads no more. */
bool tls_catch_up(struct stream *s);
/* The connection is at its end; gives what on_end is told. */
int tls_end(struct stream *s, int why);
void tls_write(struct stream *s, const uv_buf_t *bufs, unsigned n);
/* The same in two steps; whatever else is written sends it first. */
void tls_prepare(struct stream *s, const uv_buf_t *buf);
void tls_send_prepared(struct stream *s);
/* Says that no more comes from this side. */
void tls_shutdown(struct stream *s);
/* It reads again: what had come is looked at in the end of this turn. */
void tls_resume(struct stream *s);
void tls_free(struct stream *s);

#endif
