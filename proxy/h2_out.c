/*
 * Answers. Content goes from where it was received, and what finds no window
 * is kept: then front.queued says so and the relay stops reading.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/h2_inner.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

static void on_interim(struct front *f, const struct http_head *head);
static void on_answer(struct front *f, const struct http_head *head,
		      struct span body, bool last);
static void on_answer_data(struct front *f, struct span data, bool last);
static void on_reply(struct front *f, const struct reply *reply);
static void on_cut(struct front *f);
static void on_body(struct front *f, bool wanted);
static void on_ended(struct front *f);
const struct front_ops h2_out_ops = { .interim = on_interim,
				      .answer = on_answer,
				      .data = on_answer_data,
				      .reply = on_reply,
				      .cut = on_cut,
				      .body = on_body,
				      .ended = on_ended };

static struct h2_stream *
of_front(struct front *f)
{
	return (struct h2_stream *)((char *)f -
				    offsetof(struct h2_stream, front));
}

static struct worker *
worker_of(const struct h2_stream *s)
{
	return s->h2->client.stream.worker;
}

static size_t
waiting(const struct h2_stream *s)
{
	return s->now.len + (s->wait != NULL ? s->wait->len - s->wait_at : 0);
}

static void
on_interim(struct front *f, const struct http_head *head)
{
	struct h2_stream *s = of_front(f);

	if (s->closed)
		return;
	h2_fields_interim(s, head);
	h2_serialise(s->h2);
}

/* --- content ------------------------------------------------------------- */

/* Behind a chunked body: "CRLF 0 ... CRLF" and the lines, or nothing. */
static struct span
trailers_of(const struct h2_stream *s)
{
	struct span text, line;

	if (s->tail == NULL)
		return span_make(NULL, 0);
	text = span_make(s->tail->at, s->tail->len);
	if (text.len > 2 && text.at[0] == '\r')
		text = span_skip(text, 2);
	if (!span_cut(&text, '\n', &line) || text.len <= 2)
		return span_make(NULL, 0);
	return text;
}

/* nghttp2_data_source_read_callback, whose shape is not ours to choose. */
#define READ_PARAMETERS                                                    \
	nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, \
	    uint32_t *flags, nghttp2_data_source *source, void *user

static ssize_t
on_read(READ_PARAMETERS)
{
	struct h2_stream *s = source->ptr;
	size_t n = waiting(s);
	struct span trailers;

	if (n == 0 && !s->last) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n > length)
		return (ssize_t)length;
	if (!s->last)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	trailers = trailers_of(s);
	if (trailers.len > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		h2_fields_trailers(s, trailers);
	}
	return (ssize_t)n;
}

static void
drained(struct h2_stream *s)
{
	block_put(&worker_of(s)->blocks, &s->wait);
	s->wait_at = 0;
	s->front.queued = 0;
	if (s->whole)
		wheel_clear(&s->deadline);
	if (s->front.request != NULL)
		relay_drained(s->front.request);
}

/* What waits must be taken. */
static void
time_wait(struct h2_stream *s)
{
	struct worker *w = worker_of(s);

	wheel_set(&w->wheel, &s->deadline,
		  limits_body_due(&w->limits, s->wait_since_ms, s->wait_gone,
				  worker_now_ms(w)));
}

/* One frame, from what waits and then from what is there now. */
static int
on_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
	size_t length, nghttp2_data_source *source, void *user)
{
	struct h2_stream *s = source->ptr;
	struct worker *w = worker_of(s);
	struct block **out = &s->h2->out;
	size_t n = 0;

	block_append(&w->blocks, out, head, 9);
	s->front.sent += 9 + length;
	if (s->wait != NULL) {
		n = s->wait->len - s->wait_at;
		n = n < length ? n : length;
		block_append(&w->blocks, out, s->wait->at + s->wait_at, n);
		s->wait_at += n;
		s->wait_gone += n;
		if (s->wait_at == s->wait->len)
			drained(s);
		else
			time_wait(s);
	}
	if (n < length)
		block_append(&w->blocks, out, s->now.at, length - n);
	s->now = span_skip(s->now, length - n);
	return 0;
}

/* What nghttp2 did not take is kept. */
static void
keep(struct h2_stream *s)
{
	struct worker *w = worker_of(s);

	if (s->now.len > 0) {
		if (s->wait == NULL) {
			s->wait_since_ms = worker_now_ms(w);
			s->wait_gone = 0;
			time_wait(s);
		}
		block_append(&w->blocks, &s->wait, s->now.at, s->now.len);
	}
	s->now = span_make(NULL, 0);
	s->front.queued = waiting(s);
}

static void
push(struct h2_stream *s)
{
	if (s->deferred && (waiting(s) > 0 || s->last)) {
		s->deferred = false;
		nghttp2_session_resume_data(s->h2->session, s->id);
	}
	h2_serialise(s->h2);
	keep(s);
}

static void
add_tail(struct h2_stream *s, const char *at, size_t len)
{
	if (len > 0)
		block_append(&worker_of(s)->blocks, &s->tail, at, len);
}

/* Content of a chunked body, without its framing. */
static void
unchunk(struct h2_stream *s, struct span raw)
{
	struct blocks *blocks = &worker_of(s)->blocks;
	enum http_body_result rc;
	struct span data;
	size_t used;

	do {
		rc = http_body_next(&s->body, raw.at, raw.len, &used, &data);
		if (rc == HTTP_BODY_DATA) {
			block_put(blocks, &s->tail);
			block_append(blocks, &s->wait, data.at, data.len);
		} else {
			add_tail(s, raw.at, used);
		}
		raw = span_skip(raw, used);
	} while (rc == HTTP_BODY_DATA);
}

/* The answer's next bytes as the site sent them. */
static void
take(struct h2_stream *s, struct span raw, bool last)
{
	s->last = last;
	if (s->body.kind == HTTP_BODY_CHUNKED)
		unchunk(s, raw);
	else
		s->now = raw;
}

static void
on_answer(struct front *f, const struct http_head *head, struct span body,
	  bool last)
{
	struct h2_stream *s = of_front(f);
	nghttp2_data_provider from = { .source.ptr = s,
				       .read_callback = on_read };
	bool none = last && body.len == 0;
	struct h2 *h = s->h2;

	if (s->closed)
		return;
	http_body_init(&s->body, head->body, head->length);
	take(s, body, last);
	s->said = true;
	h2_fields_answer(s, head, none ? NULL : &from);
	push(s);
	h2_fields_said(h);
}

static void
on_answer_data(struct front *f, struct span data, bool last)
{
	struct h2_stream *s = of_front(f);

	if (s->closed)
		return;
	take(s, data, last);
	push(s);
}

static void
on_reply(struct front *f, const struct reply *reply)
{
	bool to_head = f->request != NULL && f->request->method == HTTP_HEAD;
	STRBUF_AUTO text = { 0 };
	STRBUF_AUTO body = { 0 };
	struct http_head head;
	struct http_fault fault;
	int rc;

	reply_body(reply, &body);
	strbuf_addf(&text, "HTTP/1.1 %d \r\nDate: %s\r\n", reply->status,
		    clock_http_now());
	reply_fields(reply, &text);
	strbuf_addf(&text, "Content-Length: %zu\r\n\r\n", body.len);
	rc = http_response_parse(&head, text.at, text.len,
				 to_head ? HTTP_HEAD : HTTP_GET, NULL, &fault);
	assert(rc == 0);
	on_answer(f, &head, to_head ? span_make(NULL, 0) : strbuf_span(&body),
		  true);
}

static void
on_cut(struct front *f)
{
	struct h2_stream *s = of_front(f);

	s->last = true;
	nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id,
				  NGHTTP2_INTERNAL_ERROR);
	h2_serialise(s->h2);
}

/* While it is the site that is slow the client's time stands still. */
static void
on_body(struct front *f, bool wanted)
{
	struct h2_stream *s = of_front(f);
	struct worker *w = worker_of(s);

	if (s->unwanted != wanted)
		return;
	s->unwanted = !wanted;
	if (s->whole)
		return;
	if (!wanted) {
		wheel_clear(&s->deadline);
		return;
	}
	s->since_ms = worker_now_ms(w);
	s->received_base = s->received;
	wheel_set(&w->wheel, &s->deadline,
		  worker_now_ms(w) + w->limits.body_ms);
	nghttp2_session_consume_stream(s->h2->session, s->id, s->owed);
	s->owed = 0;
	turn_add(&w->turn, &s->h2->flush);
}

static void
on_ended(struct front *f)
{
	struct h2_stream *s = of_front(f);

	if (s->closed)
		h2_stream_free(&s);
}

/* All is said and the client still speaks: it need not (RFC 9113 8.1). */
static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_stream *s;

	if ((frame->hd.type != NGHTTP2_DATA &&
	     frame->hd.type != NGHTTP2_HEADERS) ||
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s != NULL && !s->whole)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id,
					  NGHTTP2_NO_ERROR);
	return 0;
}

void
h2_out_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
}
