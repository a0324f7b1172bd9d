/*
 *        +--------------------------------------------+
 *        v                                            |
 *   HEAD --> BODY --> BUSY (its request is relayed) --+--> FLUSH, LINGER
 *                       \--> TUNNEL -------------------------^
 *
 * Bytes are taken from where they were received; only what cannot be used
 * yet (half a head, pipelined requests) is kept in `rest`.
 */
#include "proxy/h1.h"

#include <nghttp2/nghttp2.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/h1_inner.h"
#include "proxy/h2.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

#define REST_MAX 65536 /* of pipelined requests; then reading pauses */
#define LINGER_MS 2000

static void on_data(struct stream *s, char *at, size_t len);
static void on_end(struct stream *s, int why);
static void on_drained(struct stream *s);
static void on_closed(struct stream *s);
static void on_deadline(struct client *c);
static void on_drain(struct client *c);
static void on_abort(struct client *c);
static const struct client_ops h1_ops = { .stream = { .on_data = on_data,
						      .on_end = on_end,
						      .on_drained = on_drained,
						      .on_closed = on_closed },
					  .on_deadline = on_deadline,
					  .on_drain = on_drain,
					  .on_abort = on_abort };

void
h1_begin(struct client *c)
{
	struct h1 *h = (struct h1 *)c;

	c->ops = &h1_ops;
	c->stream.ops = &h1_ops.stream;
	h->front.ops = &h1_out_ops;
	h->front.protocol = "HTTP/1.1";
	client_introduce(c, &h->front);
	client_set_deadline(c, c->stream.worker->limits.head_ms);
}

static void
on_closed(struct stream *s)
{
	struct h1 *h = (struct h1 *)s;

	block_put(&s->worker->blocks, &h->rest);
	mem_free(h);
}

void
h1_close_now(struct h1 *h, bool reset)
{
	h->state = H1_LINGER; /* what still comes is passed over */
	client_close(&h->client, reset);
}

/*
 * Bytes of the client that were never read would make the kernel answer with
 * a reset, and the client might lose what it was told: so its side goes
 * first.
 */
static void
linger(struct h1 *h)
{
	h->state = H1_LINGER;
	client_set_deadline(&h->client, LINGER_MS);
	stream_shutdown(&h->client.stream);
	stream_resume(&h->client.stream);
}

void
h1_close_softly(struct h1 *h, bool unread)
{
	if (unread) {
		linger(h);
	} else if (h->client.stream.queued > 0) {
		h->state = H1_FLUSH;
		wheel_clear(&h->client.deadline);
		client_must_take(&h->client);
	} else {
		h1_close_now(h, false);
	}
}

/* What came is no request. */
static void
refuse_head(struct h1 *h, int status, const char *why)
{
	struct worker *w = h->client.stream.worker;
	struct reply r = { .status = status,
			   .form = reply_form_of(w->request_head.target),
			   .why = why };
	STRBUF_AUTO text = { 0 };
	uv_buf_t buf;

	if (w->snapshot != NULL)
		r.active = w->snapshot->active;
	metrics_add(&w->metrics.faults, 1);
	h->closes = true;
	h1_out_compose(h, &r, false, &text);
	buf = uv_buf_init(text.at, (unsigned)text.len);
	h1_out_send(h, &buf, 1);
	client_log_fault(&h->client, h->front.protocol, status, text.len);
	h1_close_softly(h, true);
}

static void
end_body(struct h1 *h)
{
	h->state = H1_BUSY;
	wheel_clear(&h->client.deadline);
	relay_body_end(h->front.request);
}

static void
refuse_body(struct h1 *h)
{
	worker_count_limit(h->client.stream.worker, LIMIT_BODY_LIMIT);
	relay_refuse(h->front.request, 413, "The body is too large");
}

static void
begin_body(struct h1 *h, const struct http_head *head, bool waits)
{
	static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct worker *w = h->client.stream.worker;
	uint64_t most = w->limits.body_limit_bytes;

	http_body_init(&h->body, head->body, head->length);
	h->state = H1_BODY;
	if (head->body == HTTP_BODY_NONE ||
	    (head->body == HTTP_BODY_LENGTH && head->length == 0)) {
		end_body(h);
		return;
	}
	if (most > 0 && head->body == HTTP_BODY_LENGTH && head->length > most) {
		refuse_body(h);
		return;
	}
	h->body_since_ms = worker_now_ms(w);
	h->body_base = 0;
	client_set_deadline(&h->client, w->limits.body_ms);
	if (head->expect_continue && waits) {
		uv_buf_t buf = uv_buf_init(go_on, sizeof(go_on) - 1);

		stream_write(&h->client.stream, &buf, 1);
	}
}

/* Returns the bytes used; 0: the head is not whole. */
static size_t
take_head(struct h1 *h, const char *at, size_t len)
{
	struct worker *w = h->client.stream.worker;
	struct http_head *head = &w->request_head;
	size_t lead = http_head_lead(at, len);
	struct http_fault fault;
	size_t end;

	if (h->scanned < lead)
		h->scanned = lead;
	end = http_head_end(at, len, &h->scanned);
	if (end == 0 && len <= w->request_limits.head_bytes)
		return 0;
	h->spoke = true;
	h->scanned = 0;
	head->method_text = head->target = span_make(NULL, 0);
	if (end == 0) {
		worker_count_limit(w, LIMIT_HEAD_BYTES);
		refuse_head(h, 431, "The head is too large");
		return len;
	}
	if (http_request_parse(head, at + lead, end - lead, &w->request_limits,
			       &fault) != 0) {
		if (fault.status == 431)
			worker_count_limit(w, end - lead > w->limits.head_bytes
						  ? LIMIT_HEAD_BYTES
						  : LIMIT_FIELDS);
		refuse_head(h, fault.status, fault.what);
		return len;
	}
	h->old = head->minor == 0;
	h->front.protocol = h->old ? "HTTP/1.0" : "HTTP/1.1";
	h->front.decoded = h->old;
	h->closes = !head->keep_alive | !client_count_request(&h->client);
	relay_begin(w, &h->front, head, end - lead);
	begin_body(h, head, end == len);
	return end;
}

static void
time_body(struct h1 *h)
{
	struct worker *w = h->client.stream.worker;

	wheel_set(&w->wheel, &h->client.deadline,
		  limits_body_due(&w->limits, h->body_since_ms,
				  h->body.total - h->body_base,
				  worker_now_ms(w)));
}

static size_t
take_body(struct h1 *h, const char *at, size_t len)
{
	struct worker *w = h->client.stream.worker;
	uint64_t most = w->limits.body_limit_bytes;
	enum http_body_result rc;
	size_t used;

	rc = http_body_pass(&h->body, at, len, &used);
	if (rc == HTTP_BODY_BAD) {
		relay_refuse(h->front.request, 400, h->body.what);
		return len;
	}
	if (most > 0 && h->body.total > most) {
		refuse_body(h);
		return len;
	}
	time_body(h);
	relay_body(h->front.request, at, used);
	if (rc == HTTP_BODY_DONE && h->state == H1_BODY)
		end_body(h);
	return used;
}

/* Returns the bytes used; the rest waits. */
static size_t
process(struct h1 *h, const char *at, size_t len)
{
	size_t used = 0, n = 1;

	h->processing = true;
	while (used < len && n > 0) {
		switch (h->state) {
		case H1_HEAD:
			n = take_head(h, at + used, len - used);
			break;
		case H1_BODY:
			n = take_body(h, at + used, len - used);
			break;
		case H1_BUSY:
			n = 0;
			break;
		case H1_TUNNEL:
			n = len - used;
			relay_body(h->front.request, at + used, n);
			break;
		case H1_FLUSH:
		case H1_LINGER:
			n = len - used;
			break;
		}
		used += n;
	}
	h->processing = false;
	return used;
}

static void
after_rest(struct h1 *h)
{
	if (h->rest->len == 0) {
		block_put(&h->client.stream.worker->blocks, &h->rest);
	} else if (h->rest->len > REST_MAX && h->state == H1_BUSY) {
		stream_pause(&h->client.stream);
		return;
	}
	if (!h->body_paused)
		stream_resume(&h->client.stream);
}

void
h1_process_rest(struct h1 *h)
{
	bool fresh = h->scanned == 0;
	size_t used = process(h, h->rest->at, h->rest->len);

	block_consume(h->rest, used);
	if (fresh && h->state == H1_HEAD && h->rest->len > 0)
		client_set_deadline(&h->client,
				    h->client.stream.worker->limits.head_ms);
	after_rest(h);
}

static void
take(struct h1 *h, char *at, size_t len)
{
	struct stream *s = &h->client.stream;
	struct blocks *blocks = &s->worker->blocks;
	size_t used;

	if (h->rest != NULL) {
		block_append(blocks, &h->rest, at, len);
		h1_process_rest(h);
		return;
	}
	used = process(h, at, len);
	if (used == len)
		return;
	if (h->state == H1_HEAD) /* half a head: from now on it is timed */
		client_set_deadline(&h->client, s->worker->limits.head_ms);
	block_append(blocks, &h->rest, at + used, len - used);
	after_rest(h);
}

/* With prior knowledge (RFC 9113 3.3): whoever begins so sends it whole. */
static bool
is_h2(const struct h1 *h, const char *at, size_t len)
{
	return !h->client.tls && !h->spoke && h->rest == NULL &&
	       len >= NGHTTP2_CLIENT_MAGIC_LEN &&
	       memcmp(at, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN) == 0;
}

static void
on_data(struct stream *s, char *at, size_t len)
{
	struct h1 *h = (struct h1 *)s;

	if (at[0] == 'P' && is_h2(h, at, len)) {
		h2_begin(&h->client);
		s->ops->on_data(s, at, len);
		return;
	}
	take(h, at, len);
}

static void
on_end(struct stream *s, int why)
{
	struct h1 *h = (struct h1 *)s;

	if (h->front.request != NULL)
		relay_drop(h->front.request);
	h1_close_now(h, false);
}

static void
on_drained(struct stream *s)
{
	struct h1 *h = (struct h1 *)s;

	h->front.queued = 0;
	h->client.out_since_ms = 0;
	if (h->state == H1_FLUSH) {
		h1_close_now(h, false);
		return;
	}
	if (h->state == H1_BUSY || h->state == H1_TUNNEL)
		wheel_clear(&h->client.deadline);
	if (h->front.request != NULL)
		relay_drained(h->front.request);
}

static void
on_deadline(struct client *c)
{
	struct h1 *h = (struct h1 *)c;
	struct worker *w = c->stream.worker;

	switch (h->state) {
	case H1_HEAD:
		worker_count_limit(w, h->rest != NULL || !h->spoke
					  ? LIMIT_HEAD_TIME
					  : LIMIT_IDLE_TIME);
		if (h->rest == NULL)
			h1_close_now(h, false);
		else
			refuse_head(h, 408, "The request did not come in time");
		return;
	case H1_BODY:
		worker_count_limit(
		    w, limits_body_broke(&w->limits, h->body_since_ms,
					 h->body.total - h->body_base,
					 worker_now_ms(w)));
		h->front.request->who = 'T';
		relay_refuse(h->front.request, 408,
			     "The request did not come in time");
		return;
	case H1_BUSY:
	case H1_TUNNEL:
		if (client_takes(c))
			return;
		if (h->front.request != NULL)
			relay_drop(h->front.request);
		h1_close_now(h, false);
		return;
	case H1_FLUSH:
		if (!client_takes(c))
			h1_close_now(h, false);
		return;
	case H1_LINGER:
		h1_close_now(h, false);
		return;
	}
}

static void
on_drain(struct client *c)
{
	struct h1 *h = (struct h1 *)c;

	if (h->state == H1_HEAD && h->rest == NULL)
		h1_close_now(h, false);
	else
		h->closes = true;
}

static void
on_abort(struct client *c)
{
	struct h1 *h = (struct h1 *)c;

	if (h->front.request != NULL)
		relay_drop(h->front.request);
}
