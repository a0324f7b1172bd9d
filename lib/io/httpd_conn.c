/*
 *   IDLE -> HEAD -> BODY -> HANDLE -> IDLE        (keep-alive)
 *     \       \       \        \----> LINGER -> closed
 *      \-------+-------+---- fault --^
 *
 * Bytes are collected in `in`; one request at a time is taken out of it, so
 * pipelined requests are answered in order. While the owner has a request,
 * reading goes on (a lost client must be noticed) up to AHEAD_MAX bytes.
 * LINGER reads and drops: a close with unread bytes would reset the
 * connection and could destroy the answer on its way.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "io/httpd_large_inner.h"

#define READ_SIZE (64 * 1024)
#define AHEAD_MAX (64 * 1024)
#define LINGER_MS 2000

/* One for all connections of a thread: it is empty between two callbacks. */
static _Thread_local char read_buf[READ_SIZE];

struct send {
	uv_write_t uv;
	struct httpd_conn *conn;
	char bytes[];
};

static void on_buf(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_again(void *ctx);
static void on_sent(uv_write_t *req, int status);
static void on_shutdown(uv_shutdown_t *req, int status);
static void on_time(void *ctx);
static void on_closed(uv_handle_t *handle);
static void process(struct httpd_conn *c);
static void send_raw(struct httpd_conn *c, const char *at, size_t len);

void
conn_set_timer(struct httpd_conn *c, uint32_t ms)
{
	timer_cancel(&c->timer);
	if (ms > 0)
		c->timer = timer_start(ms, on_time, c);
}

void
conn_accept(struct httpd *h)
{
	struct httpd_conn *c = mem_new(struct httpd_conn);
	struct sockaddr_storage sa = { 0 };
	int len = sizeof(sa);

	c->httpd = h;
	c->first = true;
	if (h->is_unix)
		io_must(uv_pipe_init(loop_uv(), &c->io.pipe, 0));
	else
		io_must(uv_tcp_init(loop_uv(), &c->io.tcp));
	c->io.handle.data = c;
	TAILQ_INSERT_TAIL(&h->conns, c, entry);
	h->nconns++;
	if (uv_accept(&h->io.stream, &c->io.stream) != 0) {
		conn_drop(c);
		return;
	}
	if (!h->is_unix) {
		uv_tcp_nodelay(&c->io.tcp, 1);
		uv_tcp_getpeername(&c->io.tcp, (struct sockaddr *)&sa, &len);
	}
	addr_text((const struct sockaddr *)&sa, c->peer);
	if (h->tls.begin != NULL)
		c->tls = conn_tls_new(&h->tls);
	conn_set_timer(c, h->conf.head_ms);
	if (uv_read_start(&c->io.stream, on_buf, on_read) != 0)
		conn_drop(c);
}

static void
on_closed(uv_handle_t *handle)
{
	struct httpd_conn *c = handle->data;

	strbuf_fini(&c->in);
	mem_free(c);
}

void
conn_drop(struct httpd_conn *c)
{
	struct httpd *h = c->httpd;

	assert(!c->closing);
	c->closing = true;
	timer_cancel(&c->timer);
	conn_tls_free(&c->tls);
	loop_defer_cancel(&c->again);
	pull_stop(&c->pull);
	if (c->req != NULL && c->state == CONN_HANDLE)
		h->in_flight--;
	req_free(&c->req);
	TAILQ_REMOVE(&h->conns, c, entry);
	h->nconns--;
	uv_close(&c->io.handle, on_closed);
	httpd_lost(h);
}

void
conn_close(struct httpd_conn *c)
{
	struct httpd *h = c->httpd;
	struct httpd_req *r = c->req;

	if (c->state != CONN_HANDLE || c->pull != NULL) {
		conn_drop(c);
		return;
	}
	h->in_flight--;
	c->req = NULL;
	r->conn = NULL;
	TAILQ_INSERT_TAIL(&h->orphans, r, entry);
	conn_drop(c);
	if (h->conf.on_gone == NULL)
		return; /* lives until it is answered */
	h->conf.on_gone(h->conf.ctx, r);
	req_free(&r);
}

void
conn_drain(struct httpd_conn *c)
{
	if (c->state == CONN_IDLE && c->writes == 0)
		conn_drop(c);
}

static void
on_buf(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	*buf = uv_buf_init(read_buf, sizeof(read_buf));
}

/* c->in has more of it. */
static void
received(struct httpd_conn *c)
{
	if (c->state == CONN_HANDLE || c->again != NULL) {
		c->paused = c->in.len > AHEAD_MAX;
		if (c->paused)
			uv_read_stop(&c->io.stream);
		return;
	}
	process(c);
}

static void
decipher(struct httpd_conn *c, struct span bytes)
{
	STRBUF_AUTO cipher = { 0 };
	size_t before = c->in.len;
	int rc = conn_tls_receive(c->tls, bytes, &c->in, &cipher);

	if (cipher.len > 0)
		send_raw(c, cipher.at, cipher.len);
	if (rc < 0)
		conn_close(c);
	else if (c->in.len > before)
		received(c);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct httpd_conn *c = stream->data;

	if (n == 0)
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	if (c->state == CONN_LINGER)
		return;
	if (c->tls != NULL) {
		decipher(c, span_make(buf->base, (size_t)n));
		return;
	}
	strbuf_add(&c->in, buf->base, (size_t)n);
	received(c);
}

/* The body is whole: the owner's turn. */
static void
hand_over(struct httpd_conn *c)
{
	struct httpd *h = c->httpd;

	c->state = CONN_HANDLE;
	c->first = false;
	conn_set_timer(c, 0);
	h->in_flight++;
	h->conf.on_request(h->conf.ctx, c->req);
}

static uint64_t
body_room(const struct httpd_conn *c)
{
	const struct httpd_req *r = c->req;
	uint64_t limit = r->spool != NULL ? c->httpd->spool.limit
					  : c->httpd->conf.body_limit;
	uint64_t have = r->body.len + spool_size(r->spool);

	return limit > have ? limit - have : 0;
}

static void
refuse_large(struct httpd_conn *c)
{
	const struct httpd_spool *s = &c->httpd->spool;
	struct err why = { 0 };

	if (s->may != NULL && !s->may(c->httpd->conf.ctx, c->req, &why) &&
	    why.code == ERR_REFUSED)
		req_fault(c, 403, err_text(&why));
	else
		req_fault(c, 413, "the body is too large");
}

static void
process_body(struct httpd_conn *c)
{
	struct httpd_req *r = c->req;
	enum http_body_result result;
	size_t at = 0, used;
	struct span data;

	do {
		result = http_body_next(&c->body, c->in.at + at, c->in.len - at,
					&used, &data);
		at += used;
		if (result != HTTP_BODY_DATA)
			break;
		if (data.len > body_room(c)) {
			refuse_large(c);
			return;
		}
		strbuf_add_span(&r->body, data);
	} while (true);
	strbuf_consume(&c->in, at);
	c->body_done = result == HTTP_BODY_DONE;
	if (result != HTTP_BODY_BAD && spool_wants(r)) {
		conn_set_timer(c, 0);
		conn_read(c, false);
		spool_write(r->spool, &r->body);
		return;
	}
	if (result == HTTP_BODY_BAD)
		req_fault(c, 400, c->body.what);
	else if (result == HTTP_BODY_DONE)
		hand_over(c);
	else
		conn_set_timer(c, c->httpd->conf.body_ms);
}

static void
begin_body(struct httpd_conn *c)
{
	const struct http_head *head = &c->req->head;
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	c->state = CONN_BODY;
	http_body_init(&c->body, head->body, head->length);
	if (head->body != HTTP_BODY_NONE && c->httpd->spool.may != NULL &&
	    c->httpd->spool.may(c->httpd->conf.ctx, c->req, NULL))
		c->req->spool = spool_new(c);
	if (head->body == HTTP_BODY_LENGTH && head->length > body_room(c)) {
		refuse_large(c);
		return;
	}
	if (head->expect_continue && c->in.len == 0)
		conn_send(c, go_on, sizeof(go_on) - 1);
	if (!c->closing)
		process_body(c);
}

void
conn_read(struct httpd_conn *c, bool on)
{
	if (on)
		uv_read_start(&c->io.stream, on_buf, on_read);
	else
		uv_read_stop(&c->io.stream);
}

void
conn_spooled(struct httpd_conn *c, bool ok)
{
	conn_read(c, true);
	if (!ok)
		req_fault(c, 507, "the body cannot be kept: see the log");
	else if (c->body_done)
		hand_over(c);
	else
		process_body(c);
}

/* The head's bytes move to the request, whose spans point into them. */
static void
take_head(struct httpd_conn *c, size_t len)
{
	struct http_fault fault = { 0 };
	char *copy;

	c->req = req_new(c);
	copy = arena_dup(c->req->arena, c->in.at, len);
	strbuf_consume(&c->in, len);
	c->scanned = 0;
	if (http_request_parse(&c->req->head, copy, len, NULL, &fault) < 0) {
		c->req->head = (struct http_head){ 0 };
		req_fault(c, fault.status, fault.what);
		return;
	}
	begin_body(c);
}

static void
process(struct httpd_conn *c)
{
	size_t len;

	if (c->state == CONN_BODY) {
		process_body(c);
		return;
	}
	assert(c->state == CONN_IDLE || c->state == CONN_HEAD);
	if (c->state == CONN_IDLE) {
		strbuf_consume(&c->in, http_head_lead(c->in.at, c->in.len));
		if (c->in.len == 0)
			return;
		c->state = CONN_HEAD;
		if (!c->first)
			conn_set_timer(c, c->httpd->conf.head_ms);
	}
	len = http_head_end(c->in.at, c->in.len, &c->scanned);
	if (len > 0)
		take_head(c, len);
	else if (c->in.len > HTTP_LIMITS_DEFAULT.head_bytes)
		req_fault(c, 431, "the head is too large");
}

void
conn_send(struct httpd_conn *c, const char *at, size_t len)
{
	STRBUF_AUTO cipher = { 0 };

	if (c->tls != NULL) {
		conn_tls_send(c->tls, span_make(at, len), &cipher);
		at = strbuf_text(&cipher);
		len = cipher.len;
	}
	if (len > 0)
		send_raw(c, at, len);
}

static void
send_raw(struct httpd_conn *c, const char *at, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)at, (unsigned)len);
	struct send *s;
	int n = 0;

	if (c->writes == 0)
		n = uv_try_write(&c->io.stream, &buf, 1);
	if (n < 0)
		n = 0; /* the write below finds out why */
	if ((size_t)n == len)
		return;
	s = mem_alloc(sizeof(*s) + len - (size_t)n);
	memcpy(s->bytes, at + n, len - (size_t)n);
	s->conn = c;
	buf = uv_buf_init(s->bytes, (unsigned)(len - (size_t)n));
	s->uv.data = s;
	c->writes++;
	io_must(uv_write(&s->uv, &c->io.stream, &buf, 1, on_sent));
}

static void
on_sent(uv_write_t *req, int status)
{
	struct send *s = req->data;
	struct httpd_conn *c = s->conn;

	mem_free(s);
	c->writes--;
	if (c->closing)
		return;
	if (status < 0)
		conn_close(c);
	else if (c->state == CONN_IDLE && c->httpd->draining)
		conn_drop(c);
	else if (c->state == CONN_IDLE && c->writes == 0)
		conn_set_timer(c, c->httpd->conf.idle_ms);
}

static void
begin_linger(struct httpd_conn *c)
{
	uv_shutdown_t *req = mem_new(uv_shutdown_t);
	STRBUF_AUTO bye = { 0 };

	if (c->tls != NULL)
		conn_tls_bye(c->tls, &bye);
	if (bye.len > 0)
		send_raw(c, bye.at, bye.len);
	c->state = CONN_LINGER;
	strbuf_fini(&c->in);
	/* A slow reader gets the time of a body, else a moment. */
	conn_set_timer(c, c->writes > 0 ? c->httpd->conf.body_ms : LINGER_MS);
	if (uv_shutdown(req, &c->io.stream, on_shutdown) != 0) {
		mem_free(req);
		conn_drop(c);
	}
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	mem_free(req);
}

void
conn_answered(struct httpd_conn *c, struct strbuf *out, bool close)
{
	req_free(&c->req);
	c->state = CONN_IDLE;
	c->scanned = 0;
	conn_send(c, out->at, out->len);
	if (c->paused)
		uv_read_start(&c->io.stream, on_buf, on_read);
	c->paused = false;
	if (close || c->httpd->draining) {
		begin_linger(c);
		return;
	}
	conn_set_timer(c, c->writes > 0 ? c->httpd->conf.body_ms
					: c->httpd->conf.idle_ms);
	if (c->in.len > 0)
		c->again = loop_defer(on_again, c);
}

static void
on_again(void *ctx)
{
	struct httpd_conn *c = ctx;

	c->again = NULL;
	process(c);
}

static void
on_time(void *ctx)
{
	struct httpd_conn *c = ctx;

	c->timer = NULL;
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		req_fault(c, 408, "the request did not come in time");
	else
		conn_drop(c);
}
