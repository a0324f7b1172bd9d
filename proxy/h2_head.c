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

/* Of a literal, measured by the compiler. */
#define TEXT(literal) span_make(literal, sizeof(literal) - 1)

static struct span
span_of_rcbuf(nghttp2_rcbuf *b)
{
	nghttp2_vec v;

	if (b == NULL)
		return span_make(NULL, 0);
	v = nghttp2_rcbuf_get_buf(b);
	return span_make((const char *)v.base, v.len);
}

/* Parts one after another, in one piece. */
static void
add(struct h2 *h, struct block **to, const struct span *parts, size_t n)
{
	size_t len = 0;
	char *at;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	if (len == 0)
		return;
	at = block_extend(&h->client.stream.worker->blocks, to, len);
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > 0)
			memcpy(at, parts[i].at, parts[i].len);
		at += parts[i].len;
	}
}

static void
add_text(struct h2 *h, struct span text)
{
	add(h, &h->head.text, &text, 1);
}

static void
add_line(struct h2 *h, struct span name, struct span value)
{
	const struct span parts[] = { name, TEXT(": "), value, TEXT("\r\n") };

	add(h, &h->head.text, parts, 4);
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
add_request_line(struct h2 *h)
{
	struct h2_head *in = &h->head;
	struct span scheme = span_of_rcbuf(in->scheme);
	struct span host = span_of_rcbuf(in->authority);
	const struct span parts[] = {
		span_of_rcbuf(in->method),
		TEXT(" "),
		in->path != NULL ? span_of_rcbuf(in->path) : host,
		TEXT(" HTTP/1.1\r\n"),
	};

	in->line = true;
	if (in->scheme != NULL && !span_iis(scheme, "https") &&
	    !span_iis(scheme, "http"))
		refuse(in, 400, "The scheme is neither http nor https");
	add(h, &in->text, parts, 4);
	if (in->authority != NULL)
		add_line(h, TEXT("host"), host);
}

static nghttp2_rcbuf **
pseudo(struct h2_head *in, struct span name)
{
	if (span_eq(name, TEXT(":method")))
		return &in->method;
	if (span_eq(name, TEXT(":path")))
		return &in->path;
	if (span_eq(name, TEXT(":scheme")))
		return &in->scheme;
	return span_eq(name, TEXT(":authority")) ? &in->authority : NULL;
}

/* Pieces of Cookie become one (RFC 9113 8.2.3). */
static void
add_cookie(struct h2 *h, struct span value)
{
	struct block **cookie = &h->head.cookie;
	const struct span parts[] = { TEXT("; "), value };

	if (*cookie != NULL)
		add(h, cookie, parts, 2);
	else
		add(h, cookie, &value, 1);
}

static void
add_field(struct h2 *h, struct span name, struct span value)
{
	struct h2_head *in = &h->head;

	if (!in->line)
		add_request_line(h);
	if (span_eq(name, TEXT("cookie"))) {
		add_cookie(h, value);
		return;
	}
	if (in->authority != NULL && span_eq(name, TEXT("host"))) {
		if (!span_ieq(value, span_of_rcbuf(in->authority)))
			refuse(in, 400, "Host differs from the authority");
		return;
	}
	in->length |= span_eq(name, TEXT("content-length"));
	add_line(h, name, value);
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
		add_request_line(h);
	if (in->cookie != NULL)
		add_line(h, TEXT("cookie"),
			 span_make(in->cookie->at, in->cookie->len));
	if (body && !in->length)
		add_line(h, TEXT("transfer-encoding"), TEXT("chunked"));
	add_text(h, TEXT("\r\n"));
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
