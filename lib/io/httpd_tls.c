/*
 *   socket -> in (BIO) -> SSL_read -> plain
 *   plain -> SSL_write -> out (BIO) -> cipher -> socket
 *
 * Both BIOs are empty between two calls, but for half a record.
 */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "io/httpd_tls_inner.h"

struct conn_tls {
	SSL *ssl;
	BIO *in, *out; /* the session's */
	void (*end)(void *held);
	void *held;
};

struct conn_tls *
conn_tls_new(const struct httpd_tls *from)
{
	struct conn_tls *t = mem_new(struct conn_tls);

	t->end = from->end;
	t->ssl = from->begin(from->ctx, &t->held);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	assert(t->ssl != NULL && t->in != NULL && t->out != NULL);
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	return t;
}

void
conn_tls_free(struct conn_tls **tp)
{
	struct conn_tls *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	t->end(t->held);
	mem_free(t);
}

static void
drain(struct conn_tls *t, struct strbuf *cipher)
{
	size_t n = BIO_ctrl_pending(t->out);
	int got;

	if (n == 0)
		return;
	got = BIO_read(t->out, strbuf_reserve(cipher, n), (int)n);
	assert(got == (int)n);
	cipher->len += n;
	cipher->at[cipher->len] = '\0';
}

int
conn_tls_receive(struct conn_tls *t, struct span in, struct strbuf *plain,
		 struct strbuf *cipher)
{
	char piece[16384]; /* a record, RFC 8446 5.1 */
	int n, why;

	n = BIO_write(t->in, in.at, (int)in.len);
	assert(n == (int)in.len);
	ERR_clear_error();
	while ((n = SSL_read(t->ssl, piece, sizeof(piece))) > 0)
		strbuf_add(plain, piece, (size_t)n);
	why = SSL_get_error(t->ssl, n);
	drain(t, cipher);
	/* After its last word comes the end of the connection itself. */
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN ? 0
									  : -1;
}

void
conn_tls_send(struct conn_tls *t, struct span in, struct strbuf *cipher)
{
	if (in.len == 0 || !SSL_is_init_finished(t->ssl))
		return;
	ERR_clear_error();
	(void)SSL_write(t->ssl, in.at, (int)in.len);
	drain(t, cipher);
}

void
conn_tls_bye(struct conn_tls *t, struct strbuf *cipher)
{
	if (!SSL_is_init_finished(t->ssl))
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	drain(t, cipher);
}
