/*
 * A header block as text of HTTP/1.1: the request line as soon as the first
 * ordinary field comes (RFC 9113 8.3: those with a colon come first), then
 * the fields, then what was pieced together of Cookie.
 */
#include <string.h>

#include "proxy/h2_inner.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

/* Of a block that is refused anyway, before the connection is. */
#define PAST_MEASURE 8

static struct span
span_of_rcbuf(nghttp2_rcbuf *b)
{
	nghttp2_vec v;

	if (b == NULL)
		return span_make(NULL, 0);
	v = nghttp2_rcbuf_get_buf(b);
	return span_make((const char *)v.base, v.len);
}

static void
add(struct h2 *h, struct block **to, struct span s)
{
	if (s.len > 0)
		block_append(&h->client.stream.worker->blocks, to, s.at, s.len);
}

static void
add_text(struct h2 *h, const char *text)
{
	add(h, &h->head.text, span_of(text));
}

static void
refuse(struct h2_head *in, int status, const char *why)
{
	if (in->fault == 0) {
		in->fault = status;
		in->why = why;
	}
}

void
h2_head_begin(struct h2 *h, int32_t id)
{
	h2_head_drop(h);
	h->head.id = id;
}

static void
drop_one(nghttp2_rcbuf **b)
{
	if (*b != NULL)
		nghttp2_rcbuf_decref(*b);
	*b = NULL;
}

void
h2_head_drop(struct h2 *h)
{
	struct blocks *blocks = &h->client.stream.worker->blocks;

	block_put(blocks, &h->head.text);
	block_put(blocks, &h->head.cookie);
	drop_one(&h->head.method);
	drop_one(&h->head.scheme);
	drop_one(&h->head.authority);
	drop_one(&h->head.path);
	memset(&h->head, 0, sizeof(h->head));
}

static void
add_line(struct h2 *h)
{
	struct h2_head *in = &h->head;
	struct span scheme = span_of_rcbuf(in->scheme);
	struct span host = span_of_rcbuf(in->authority);
	struct span path = span_of_rcbuf(in->path);

	in->line = true;
	if (in->scheme != NULL && !span_iis(scheme, "https") &&
	    !span_iis(scheme, "http"))
		refuse(in, 400, "The scheme is neither http nor https");
	add(h, &in->text, span_of_rcbuf(in->method));
	add_text(h, " ");
	add(h, &in->text, in->path != NULL ? path : host);
	add_text(h, " HTTP/1.1\r\n");
	if (in->authority == NULL)
		return;
	add_text(h, "host: ");
	add(h, &in->text, host);
	add_text(h, "\r\n");
}

static nghttp2_rcbuf **
pseudo(struct h2_head *in, struct span name)
{
	if (span_is(name, ":method"))
		return &in->method;
	if (span_is(name, ":path"))
		return &in->path;
	if (span_is(name, ":scheme"))
		return &in->scheme;
	return span_is(name, ":authority") ? &in->authority : NULL;
}

static void
add_field(struct h2 *h, struct span name, struct span value)
{
	struct h2_head *in = &h->head;

	if (!in->line)
		add_line(h);
	if (span_is(name, "cookie")) { /* RFC 9113 8.2.3 */
		if (in->cookie != NULL)
			add(h, &in->cookie, span_of("; "));
		add(h, &in->cookie, value);
		return;
	}
	if (span_is(name, "host") && in->authority != NULL) {
		if (!span_ieq(value, span_of_rcbuf(in->authority)))
			refuse(in, 400, "Host differs from the authority");
		return;
	}
	in->length |= span_is(name, "content-length");
	add(h, &in->text, name);
	add_text(h, ": ");
	add(h, &in->text, value);
	add_text(h, "\r\n");
}

static void
refuse_size(struct h2 *h, enum limit limit)
{
	worker_count_limit(h->client.stream.worker, limit);
	refuse(&h->head, 431, "The head is too large");
}

int
h2_head_add(struct h2 *h, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
	const struct http_limits *l = &h->client.stream.worker->request_limits;
	struct span n = span_of_rcbuf(name), v = span_of_rcbuf(value);
	struct h2_head *in = &h->head;
	nghttp2_rcbuf **known;

	in->bytes += n.len + v.len + 4;
	in->fields++;
	if (in->fault == 0 && in->bytes > l->head_bytes)
		refuse_size(h, LIMIT_HEAD_BYTES);
	else if (in->fault == 0 && in->fields > l->fields + 4)
		refuse_size(h, LIMIT_FIELDS);
	if (in->bytes > (size_t)PAST_MEASURE * l->head_bytes)
		return -1;
	if (in->fault != 0)
		return 0;
	if (n.len == 0 || n.at[0] != ':') {
		add_field(h, n, v);
		return 0;
	}
	known = pseudo(in, n);
	if (known == NULL) {
		refuse(in, 400, "An unknown pseudo-header field");
		return 0;
	}
	nghttp2_rcbuf_incref(value);
	drop_one(known);
	*known = value;
	return 0;
}

static void
begin_body(struct h2_stream *s, const struct http_head *head)
{
	struct worker *w = s->h2->client.stream.worker;
	uint64_t most = w->limits.body_limit_bytes;

	if (most > 0 && head->body == HTTP_BODY_LENGTH && head->length > most) {
		worker_count_limit(w, LIMIT_BODY_LIMIT);
		relay_refuse(s->front.request, 413, "The body is too large");
		return;
	}
	s->chunked = head->body == HTTP_BODY_CHUNKED;
	s->since_ms = worker_now_ms(w);
	wheel_set(&w->wheel, &s->deadline, s->since_ms + w->limits.body_ms);
	if (head->expect_continue) {
		struct http_head go_on = { .status = 100 };

		s->front.ops->interim(&s->front, &go_on);
	}
}

static void
reject(struct h2 *h, int status, const char *why)
{
	struct worker *w = h->client.stream.worker;
	struct h2_stream *s = h2_stream_new(h, h->head.id);
	struct reply r = { .status = status,
			   .form = reply_form_of(w->request_head.target),
			   .why = why };

	if (w->snapshot != NULL)
		r.active = w->snapshot->active;
	metrics_add(&w->metrics.faults, 1);
	s->front.ops->reply(&s->front, &r);
	client_log_fault(&h->client, s->front.protocol, status, s->front.sent);
}

static struct span
finish_text(struct h2 *h, bool body)
{
	struct h2_head *in = &h->head;

	if (!in->line)
		add_line(h);
	if (in->cookie != NULL) {
		add_text(h, "cookie: ");
		add(h, &in->text, span_make(in->cookie->at, in->cookie->len));
		add_text(h, "\r\n");
	}
	if (body && !in->length)
		add_text(h, "transfer-encoding: chunked\r\n");
	add_text(h, "\r\n");
	return span_make(in->text->at, in->text->len);
}

/* It was surely not processed: the client may ask again (RFC 9113 8.7). */
static void
put_off(struct h2 *h)
{
	worker_count_limit(h->client.stream.worker, LIMIT_H2_BUFFER);
	nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->head.id,
				  NGHTTP2_REFUSED_STREAM);
	h2_head_drop(h);
}

void
h2_head_end(struct h2 *h, bool body)
{
	struct worker *w = h->client.stream.worker;
	struct http_head *head = &w->request_head;
	struct span text = finish_text(h, body);
	struct http_fault fault = { .status = h->head.fault,
				    .what = h->head.why };
	size_t scanned = 0;

	if (h2_is_full(h)) {
		put_off(h);
		return;
	}
	head->method_text = head->target = span_make(NULL, 0);
	if (fault.status == 0 &&
	    http_head_end(text.at, text.len, &scanned) != text.len) {
		fault.status = 400;
		fault.what = "A line end within a field";
	}
	if (fault.status != 0 ||
	    http_request_parse(head, text.at, text.len, &w->request_limits,
			       &fault) != 0) {
		reject(h, fault.status, fault.what);
	} else {
		struct h2_stream *s = h2_stream_new(h, h->head.id);

		relay_begin(w, &s->front, head, text.len);
		s->whole = !body;
		if (body)
			begin_body(s, head);
		else
			relay_body_end(s->front.request);
	}
	h2_head_drop(h);
}
