#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "http/status.h"
#include "proxy/h1_inner.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

/* A body so small is sent in one piece with its head. */
#define COPY_MAX 16384
static_assert(WORKER_HEAD_MAX + 128 + COPY_MAX <= WORKER_TX,
	      "the largest head and a copied body fit");

static void on_interim(struct front *f, const struct http_head *head);
static void on_answer(struct front *f, const struct http_head *head,
		      struct span body, bool last);
static void on_answer_data(struct front *f, struct span data, bool last);
static void on_reply(struct front *f, const struct reply *reply);
static void on_cut(struct front *f);
static void on_body(struct front *f, bool wanted);
static void on_ended(struct front *f);
const struct front_ops h1_out_ops = { .interim = on_interim,
				      .answer = on_answer,
				      .data = on_answer_data,
				      .reply = on_reply,
				      .cut = on_cut,
				      .body = on_body,
				      .ended = on_ended };

static struct h1 *
of_front(struct front *f)
{
	return (struct h1 *)((char *)f - offsetof(struct h1, front));
}

void
h1_out_send(struct h1 *h, const uv_buf_t *bufs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		h->front.sent += bufs[i].len;
	stream_write(&h->client.stream, bufs, n);
	h->front.queued = h->client.stream.queued;
	client_must_take(&h->client);
}

void
h1_out_compose(const struct h1 *h, const struct reply *r, bool bodyless,
	       struct strbuf *out)
{
	STRBUF_AUTO body = { 0 };

	reply_body(r, &body);
	strbuf_addf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", r->status,
		    http_status_reason(r->status), clock_http_now());
	reply_fields(r, out);
	strbuf_addf(out, "Content-Length: %zu\r\n", body.len);
	if (h->closes)
		strbuf_adds(out, "Connection: close\r\n");
	else if (h->old)
		strbuf_adds(out, "Connection: keep-alive\r\n");
	strbuf_adds(out, "\r\n");
	if (!bodyless)
		strbuf_add_span(out, strbuf_span(&body));
}

static void
on_interim(struct front *f, const struct http_head *head)
{
	struct h1 *h = of_front(f);
	char *tx = h->client.stream.worker->tx;
	uv_buf_t buf;

	if (h->old)
		return; /* RFC 9110 15.2 */
	buf = uv_buf_init(
	    tx, (unsigned)rewrite_answer(head, REWRITE_SILENT, true, tx));
	stream_write(&h->client.stream, &buf, 1);
}

static enum rewrite_connection
connection_of(struct h1 *h, const struct http_head *head)
{
	if (head->status == 101) {
		h->state = H1_TUNNEL;
		h->closes = true;
		return REWRITE_UPGRADE;
	}
	h->until_close = head->body == HTTP_BODY_UNTIL_CLOSE ||
			 (h->old && head->body == HTTP_BODY_CHUNKED);
	if (h->until_close || h->state == H1_BODY ||
	    h->client.stream.worker->draining)
		h->closes = true;
	if (h->closes)
		return REWRITE_CLOSE;
	return h->old ? REWRITE_KEEP : REWRITE_SILENT;
}

static void
on_answer(struct front *f, const struct http_head *head, struct span body,
	  bool last)
{
	struct h1 *h = of_front(f);
	char *tx = h->client.stream.worker->tx;
	size_t n = rewrite_answer(head, connection_of(h, head), h->old, tx);
	uv_buf_t bufs[2];

	if (body.len <= COPY_MAX) {
		if (body.len > 0)
			memcpy(tx + n, body.at, body.len);
		bufs[0] = uv_buf_init(tx, (unsigned)(n + body.len));
		h1_out_send(h, bufs, 1);
		return;
	}
	bufs[0] = uv_buf_init(tx, (unsigned)n);
	bufs[1] = uv_buf_init((char *)body.at, (unsigned)body.len);
	h1_out_send(h, bufs, 2);
}

static void
on_answer_data(struct front *f, struct span data, bool last)
{
	uv_buf_t buf = uv_buf_init((char *)data.at, (unsigned)data.len);

	if (data.len > 0)
		h1_out_send(of_front(f), &buf, 1);
}

static void
on_reply(struct front *f, const struct reply *reply)
{
	struct h1 *h = of_front(f);
	STRBUF_AUTO text = { 0 };
	uv_buf_t buf;

	if (h->state == H1_BODY || h->client.stream.worker->draining)
		h->closes = true;
	h1_out_compose(h, reply, f->request->method == HTTP_HEAD, &text);
	buf = uv_buf_init(text.at, (unsigned)text.len);
	h1_out_send(h, &buf, 1);
}

/*
 * Where the end of the connection is the end of the body, only a reset tells
 * the client that this was not it.
 */
static void
on_cut(struct front *f)
{
	struct h1 *h = of_front(f);

	h->closes = true;
	h->is_cut = true;
}

/* While it is the site that is slow the client's time stands still. */
static void
time_pause(struct h1 *h)
{
	struct worker *w = h->client.stream.worker;

	if (h->state != H1_BODY)
		return;
	if (h->body_paused) {
		wheel_clear(&h->client.deadline);
		return;
	}
	h->body_since_ms = worker_now_ms(w);
	h->body_base = h->body.total;
	client_set_deadline(&h->client, w->limits.body_ms);
}

static void
on_body(struct front *f, bool wanted)
{
	struct h1 *h = of_front(f);

	h->body_paused = !wanted;
	time_pause(h);
	if (!wanted)
		stream_pause(&h->client.stream);
	else if (h->state == H1_TUNNEL && h->rest != NULL && !h->processing)
		h1_process_rest(h);
	else
		stream_resume(&h->client.stream);
}

static void
on_ended(struct front *f)
{
	struct h1 *h = of_front(f);
	bool unread = h->state == H1_BODY || h->state == H1_TUNNEL;

	h->body_paused = false;
	if (h->is_cut) {
		h1_close_now(h, h->until_close);
		return;
	}
	if (h->closes || h->client.stream.worker->draining) {
		h1_close_softly(h, unread || h->rest != NULL);
		return;
	}
	h->state = H1_HEAD;
	client_set_deadline(&h->client,
			    h->client.stream.worker->limits.idle_ms);
	if (h->rest != NULL && !h->processing)
		h1_process_rest(h);
}
