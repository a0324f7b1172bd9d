/*
 *   on_read --> tls_receive --> BIO (in) --> SSL_read --> worker->plain -->
 * owner owner --> tls_write --> SSL_write --> BIO (out) --> worker->cipher -->
 * socket
 *
 * room.cipher is empty between two calls from outside.
 */
#include "proxy/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proxy/block.h"
#include "proxy/certs.h"
#include "proxy/stream.h"
#include "proxy/tls_heap.h"
#include "proxy/turn.h"
#include "proxy/worker.h"

#define RECORD_MAX 16384 /* of plain bytes, RFC 8446 5.1 */
#define RECORD_HEAD 5
/* Receive at once and decipher later: a request, not what is uploaded. */
#define SMALL 2048

struct tls {
	SSL *ssl;
	struct stream *stream;
	struct certs *certs; /* during the handshake */
	/* Received and not yet deciphered, of the present call. */
	const char *in;
	size_t in_len;
	size_t record;      /* what is to come of the record that has begun */
	struct block *kept; /* the same while the owner does not read */
	struct turn_node look; /* at what is kept */
	struct block *held;    /* enciphered, goes out before all else */
	bool holds;            /* what is enciphered now is held */
	bool ready;
	bool alone; /* the record that is written is all there is */
	bool broken;
	bool at_end;     /* the other side said that it ends */
	const char *why; /* it is broken */
};

static int on_bio_read(BIO *bio, char *out, int n);
static int on_bio_write(BIO *bio, const char *at, int n);
static long on_bio_ctrl(BIO *bio, int command, long n, void *p);
static void flush(struct tls *t);
static void on_look(struct turn_node *n);

static BIO_METHOD *method;
static uv_once_t once = UV_ONCE_INIT;

static void
make_method(void)
{
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(),
			      "stream");
	assert(method != NULL);
	BIO_meth_set_read(method, on_bio_read);
	BIO_meth_set_write(method, on_bio_write);
	BIO_meth_set_ctrl(method, on_bio_ctrl);
}

void
tls_room_init(struct tls_room *r)
{
	r->plain = malloc(TLS_PLAIN);
	r->cipher = malloc(TLS_CIPHER);
	assert(r->plain != NULL && r->cipher != NULL);
	tls_heap_open();
}

void
tls_room_fini(struct tls_room *r)
{
	free(r->plain);
	free(r->cipher);
	tls_heap_close();
}

static void
attach(struct stream *s, SSL *ssl)
{
	struct tls *t = mem_new(struct tls);
	BIO *bio;

	uv_once(&once, make_method);
	bio = BIO_new(method);
	assert(bio != NULL);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_read_ahead(ssl, 1); /* no farther than on_bio_read goes */
	t->ssl = ssl;
	t->stream = s;
	t->look.fn = on_look;
	t->look.first = true;
	s->tls = t;
}

void
tls_serve(struct stream *s, struct certs *certs)
{
	attach(s, certs_session(certs));
	s->tls->certs = certs_hold(certs);
}

void
tls_connect(struct stream *s, SSL *ssl)
{
	attach(s, ssl);
	SSL_do_handshake(ssl); /* its first word; the answer is read */
	flush(s->tls);
}

const char *
tls_why(const struct stream *s)
{
	long verified;

	if (s->tls == NULL)
		return NULL;
	verified = SSL_get_verify_result(s->tls->ssl);
	return verified != X509_V_OK ? X509_verify_cert_error_string(verified)
				     : s->tls->why;
}

void
tls_free(struct stream *s)
{
	struct tls *t = s->tls;

	s->tls = NULL;
	if (t == NULL)
		return;
	turn_remove(&s->worker->turn, &t->look);
	block_put(&s->worker->blocks, &t->kept);
	block_put(&s->worker->blocks, &t->held);
	SSL_free(t->ssl);
	certs_drop(&t->certs);
	mem_free(t);
}

const char *
tls_protocol(const struct stream *s)
{
	const unsigned char *at = NULL;
	unsigned n = 0;

	if (s->tls != NULL)
		SSL_get0_alpn_selected(s->tls->ssl, &at, &n);
	if (n == 2 && memcmp(at, "h2", 2) == 0)
		return "h2";
	return n > 0 ? "http/1.1" : "";
}

/* Something is there to be given to OpenSSL: not less than a record's head. */
static bool
gives(const struct tls *t)
{
	return t->in_len > 0 && (t->record > 0 || t->in_len >= RECORD_HEAD);
}

/* With its head (RFC 8446 5.1); all there is when it is none. */
static size_t
record_size(const struct tls *t)
{
	const uint8_t *head = (const uint8_t *)t->in;

	if (head[0] < SSL3_RT_CHANGE_CIPHER_SPEC ||
	    head[0] > SSL3_RT_APPLICATION_DATA)
		return t->in_len;
	return RECORD_HEAD + ((size_t)head[3] << 8 | head[4]);
}

/*
 * One record, head and all, in one go: OpenSSL then neither asks twice nor has
 * bytes of the next one that nobody here knows of.
 */
static int
on_bio_read(BIO *bio, char *out, int n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!gives(t)) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (t->record == 0)
		t->record = record_size(t);
	if ((size_t)n > t->in_len)
		n = (int)t->in_len;
	if ((size_t)n > t->record)
		n = (int)t->record;
	memcpy(out, t->in, (size_t)n);
	t->in += n;
	t->in_len -= (size_t)n;
	t->record -= (size_t)n;
	return n;
}

static void
send_held(struct tls *t)
{
	struct block *held = t->held;
	uv_buf_t buf;

	if (held == NULL)
		return;
	t->held = NULL;
	buf = uv_buf_init(held->at, (unsigned)held->len);
	stream_write_raw(t->stream, &buf, 1);
	block_put(&t->stream->worker->blocks, &held);
}

static void
flush(struct tls *t)
{
	struct worker *w = t->stream->worker;
	uv_buf_t buf = uv_buf_init(w->tls.cipher, (unsigned)w->tls.len);

	w->tls.len = 0;
	if (buf.len > 0)
		send_held(t);
	if (buf.len > 0)
		stream_write_raw(t->stream, &buf, 1);
}

static int
on_bio_write(BIO *bio, const char *at, int n)
{
	struct tls *t = BIO_get_data(bio);
	struct worker *w = t->stream->worker;

	BIO_clear_retry_flags(bio);
	if (t->holds) {
		block_append(&w->blocks, &t->held, at, (size_t)n);
		return n;
	}
	if (t->alone && w->tls.len == 0) {
		uv_buf_t buf = uv_buf_init((char *)at, (unsigned)n);

		send_held(t);
		stream_write_raw(t->stream, &buf, 1);
		return n;
	}
	if (w->tls.len + (size_t)n > TLS_CIPHER)
		flush(t);
	assert(n <= TLS_CIPHER);
	memcpy(w->tls.cipher + w->tls.len, at, (size_t)n);
	w->tls.len += (size_t)n;
	return n;
}

static long
on_bio_ctrl(BIO *bio, int command, long n, void *p)
{
	return command == BIO_CTRL_FLUSH;
}

/* Another SSL_read would find something; one that finds nothing is dear. */
static bool
more(const struct tls *t)
{
	return gives(t) || SSL_pending(t->ssl) > 0;
}

/*
 * After a read that gave nothing. What others left in OpenSSL's queue of errors
 * must not count; to empty it before each call would cost as much as to
 * decipher a request.
 */
static void
judge(struct tls *t, int n)
{
	unsigned long last = ERR_peek_last_error();
	int why;

	ERR_clear_error();
	why = SSL_get_error(t->ssl, n);
	t->at_end = why == SSL_ERROR_ZERO_RETURN;
	t->broken = !t->at_end && why != SSL_ERROR_WANT_READ;
	if (t->broken)
		t->why = ERR_reason_error_string(last);
}

/* Deciphers as much as has come and as fits. */
static size_t
decipher(struct tls *t)
{
	struct worker *w = t->stream->worker;
	size_t got = 0;
	int n;

	do {
		n = SSL_read(t->ssl, w->tls.plain + got,
			     (int)(TLS_PLAIN - got));
		if (n > 0)
			got += (size_t)n;
	} while (n > 0 && more(t) && TLS_PLAIN - got >= RECORD_MAX);
	if (n <= 0)
		judge(t, n);
	flush(t); /* handshakes, alerts, updates of keys */
	return got;
}

static void
count_handshake(struct tls *t)
{
	struct metrics *m = &t->stream->worker->metrics;

	metrics_add(&m->tls_handshakes, 1);
	if (SSL_session_reused(t->ssl))
		metrics_add(&m->tls_resumed, 1);
}

/* False: the stream is no more the owner's to read from. */
static bool
tell(struct tls *t, size_t got)
{
	struct stream *s = t->stream;

	if (!t->ready && SSL_is_init_finished(t->ssl)) {
		t->ready = true;
		certs_drop(&t->certs);
		count_handshake(t);
		s->ops->on_ready(s);
	}
	if (got > 0 && !stream_is_closing(s))
		s->ops->on_data(s, s->worker->tls.plain, got);
	if (stream_is_closing(s))
		return false;
	if (t->broken && !t->ready)
		metrics_add(&s->worker->metrics.tls_failed, 1);
	if (t->broken || t->at_end)
		stream_end(s, t->at_end ? UV_EOF : UV_EPROTO);
	return !t->broken && !t->at_end;
}

/* While the owner wants them, and until nothing is left of them. */
static void
pump(struct tls *t)
{
	size_t got;

	do {
		got = decipher(t);
		if (!tell(t, got))
			return;
	} while (t->stream->reading && more(t));
}

/* t->in is what is left of the present call's bytes. */
static void
keep(struct tls *t)
{
	struct blocks *blocks = &t->stream->worker->blocks;

	if (t->kept != NULL) {
		block_consume(t->kept, t->kept->len - t->in_len);
		if (t->kept->len == 0)
			block_put(blocks, &t->kept);
	} else if (t->in_len > 0) {
		block_append(blocks, &t->kept, t->in, t->in_len);
	}
	t->in_len = 0;
}

static void
take(struct tls *t, const char *at, size_t len)
{
	struct stream *s = t->stream;

	t->in = at;
	t->in_len = len;
	pump(t);
	if (!stream_is_closing(s))
		keep(t);
}

/*
 * All connections of this turn receive, then all of them decipher: each of
 * these is as much code as the processor keeps at hand.
 */
void
tls_receive(struct stream *s, const char *at, size_t len)
{
	struct tls *t = s->tls;
	bool later = t->ready && len <= SMALL;

	if (t->kept != NULL || later) {
		block_append(&s->worker->blocks, &t->kept, at, len);
		at = t->kept->at;
		len = t->kept->len;
	}
	if (later)
		turn_add(&s->worker->turn, &t->look);
	else
		take(t, at, len);
}

void
tls_resume(struct stream *s)
{
	if (s->tls->kept != NULL || SSL_pending(s->tls->ssl) > 0)
		turn_add(&s->worker->turn, &s->tls->look);
}

static void
on_look(struct turn_node *n)
{
	struct tls *t = (struct tls *)((char *)n - offsetof(struct tls, look));

	if (!t->stream->reading || stream_is_closing(t->stream))
		return;
	if (t->kept != NULL)
		take(t, t->kept->at, t->kept->len);
	else
		take(t, NULL, 0);
}

bool
tls_catch_up(struct stream *s)
{
	turn_remove(&s->worker->turn, &s->tls->look);
	if (s->tls->kept != NULL)
		on_look(&s->tls->look);
	return s->reading && !stream_is_closing(s);
}

int
tls_end(struct stream *s, int why)
{
	/* Without a word of the other side's it may be anybody's doing. */
	return why == UV_EOF && !s->tls->at_end ? UV_ECONNRESET : why;
}

/* One SSL_write for each of bufs; false: nothing can be sent any more. */
static bool
encipher(struct tls *t, const uv_buf_t *bufs, unsigned n)
{
	for (unsigned i = 0; i < n && !t->broken; i++)
		t->broken = bufs[i].len > 0 && SSL_write(t->ssl, bufs[i].base,
							 (int)bufs[i].len) <= 0;
	return !t->broken;
}

void
tls_write(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	struct tls *t = s->tls;

	if (!t->ready || t->broken || stream_is_closing(s))
		return;
	t->alone = n == 1 && bufs[0].len <= RECORD_MAX;
	encipher(t, bufs, n);
	t->alone = false;
	flush(t);
	if (t->broken)
		stream_fail(s);
}

void
tls_prepare(struct stream *s, const uv_buf_t *buf)
{
	struct tls *t = s->tls;

	if (!t->ready || t->broken || stream_is_closing(s))
		return;
	t->holds = true;
	if (!encipher(t, buf, 1))
		stream_fail(s);
	t->holds = false;
}

void
tls_send_prepared(struct stream *s)
{
	send_held(s->tls);
}

void
tls_shutdown(struct stream *s)
{
	struct tls *t = s->tls;

	if (!t->ready || t->broken)
		return;
	SSL_shutdown(t->ssl);
	flush(t);
}
