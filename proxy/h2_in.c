/*
 * What comes from the client. Frames that cost us more than they cost it
 * (resets, pings, settings, windows of a few bytes, empty data, faults that
 * make us reset) are weighed: beyond a burst and a rate the connection ends.
 */
#include <stddef.h>
#include <string.h>

#include "proxy/h2_inner.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

/* A burst of 200, then 40 in a second. */
#define WEIGHT_MS 25
#define BURST_MS (200 * WEIGHT_MS)
#define SMALL_WINDOW 256

static void
weigh(struct h2 *h, unsigned weight, const char *why)
{
	int64_t now_ms = worker_now_ms(h->client.stream.worker);

	if (h->calm_ms < now_ms)
		h->calm_ms = now_ms;
	h->calm_ms += (int64_t)weight * WEIGHT_MS;
	if (h->calm_ms > now_ms + BURST_MS)
		h2_calm(h, why);
}

/* on_frame does not see it: nghttp2 passes over it. */
static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	if (hd->type == NGHTTP2_PRIORITY)
		weigh(user, 1, "too many frames without a use");
	return 0;
}

static struct h2_stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(session, id)
		      : NULL;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
		 void *user)
{
	struct h2 *h = user;

	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		h2_head_begin(h, frame->hd.stream_id);
		if (h->nstreams == 0 && !h->drains)
			client_set_deadline(
			    &h->client,
			    h->client.stream.worker->limits.head_ms);
	}
	return 0;
}

static void
add_trailer(struct h2 *h, struct h2_stream *s, nghttp2_rcbuf *name,
	    nghttp2_rcbuf *value)
{
	struct blocks *blocks = &h->client.stream.worker->blocks;
	nghttp2_vec n = nghttp2_rcbuf_get_buf(name);
	nghttp2_vec v = nghttp2_rcbuf_get_buf(value);

	if (s->trailers_in != NULL && s->trailers_in->len > HTTP_TRAILER_MAX)
		return; /* refused at its end */
	block_append(blocks, &s->trailers_in, n.base, n.len);
	block_append(blocks, &s->trailers_in, ": ", 2);
	block_append(blocks, &s->trailers_in, v.base, v.len);
	block_append(blocks, &s->trailers_in, "\r\n", 2);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
	  nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *user)
{
	struct h2 *h = user;
	struct h2_stream *s;

	if (frame->hd.stream_id != h->head.id) {
		s = stream_of(session, frame->hd.stream_id);
		if (s != NULL)
			add_trailer(h, s, name, value);
		return 0;
	}
	if (h2_head_add(h, name, value) == 0)
		return 0;
	h2_calm(h, "a head past all measure");
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The window that the client may fill again. */
static void
give_back(struct h2_stream *s, size_t len)
{
	if (s->unwanted)
		s->owed += len;
	else
		nghttp2_session_consume_stream(s->h2->session, s->id, len);
}

static void
time_body(struct h2_stream *s)
{
	struct worker *w = s->h2->client.stream.worker;

	wheel_set(&w->wheel, &s->deadline,
		  limits_body_due(&w->limits, s->since_ms,
				  s->received - s->received_base,
				  worker_now_ms(w)));
}

/* As the site is to get it: in one piece with its framing. */
static void
pass_chunk(struct h2_stream *s, const char *at, size_t len)
{
	char *tx = s->h2->client.stream.worker->tx;
	size_t n = http_chunk_head(tx, len);

	memcpy(tx + n, at, len);
	n += len;
	memcpy(tx + n, HTTP_CHUNK_END, 2);
	relay_body(s->front.request, tx, n + 2);
}

static void
take_body(struct h2_stream *s, const char *at, size_t len)
{
	uint64_t most = s->h2->client.stream.worker->limits.body_limit_bytes;

	s->received += len;
	if (most > 0 && s->received > most) {
		worker_count_limit(s->h2->client.stream.worker,
				   LIMIT_BODY_LIMIT);
		relay_refuse(s->front.request, 413, "The body is too large");
		return;
	}
	if (!s->unwanted)
		time_body(s);
	if (!s->front.full && h2_is_full(s->h2)) {
		worker_count_limit(s->h2->client.stream.worker,
				   LIMIT_H2_BUFFER);
		s->front.full = true;
	}
	if (!s->chunked) {
		relay_body(s->front.request, at, len);
		return;
	}
	for (size_t n; len > 0 && s->front.request != NULL; at += n, len -= n) {
		n = len < WORKER_TX - 64 ? len : WORKER_TX - 64;
		pass_chunk(s, at, n);
	}
}

static int
on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at,
	 size_t len, void *user)
{
	struct h2_stream *s = stream_of(session, id);

	/* Others go on whatever becomes of this one. */
	nghttp2_session_consume_connection(session, len);
	if (s == NULL)
		return 0;
	if (s->front.request != NULL)
		take_body(s, (const char *)at, len);
	give_back(s, len);
	return 0;
}

/* Only what the strict reader takes for trailers is passed on. */
static void
pass_trailers(struct h2_stream *s)
{
	struct worker *w = s->h2->client.stream.worker;
	struct http_body body;
	size_t n = 3, used;

	memcpy(w->tx, "0\r\n", 3);
	if (s->trailers_in != NULL) {
		memcpy(w->tx + n, s->trailers_in->at, s->trailers_in->len);
		n += s->trailers_in->len;
	}
	memcpy(w->tx + n, "\r\n", 2);
	n += 2;
	http_body_init(&body, HTTP_BODY_CHUNKED, 0);
	if (http_body_pass(&body, w->tx, n, &used) != HTTP_BODY_DONE ||
	    used != n)
		relay_refuse(s->front.request, 400,
			     "The trailers are malformed");
	else
		relay_body(s->front.request, w->tx, n);
}

static void
end_body(struct h2_stream *s)
{
	s->whole = true;
	wheel_clear(&s->deadline);
	if (s->chunked && s->front.request != NULL)
		pass_trailers(s);
	if (s->front.request != NULL)
		relay_body_end(s->front.request);
}

static void
take_headers(struct h2 *h, const nghttp2_frame *frame)
{
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2_stream *s = stream_of(h->session, frame->hd.stream_id);

	if (s != NULL && !s->whole && ends)
		end_body(s);
	else if (s == NULL && frame->hd.stream_id == h->head.id)
		h2_head_end(h, !ends);
}

static void
take_data(struct h2 *h, const nghttp2_frame *frame)
{
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2_stream *s = stream_of(h->session, frame->hd.stream_id);

	if (frame->hd.length == 0 && !ends)
		weigh(h, 1, "too many empty frames");
	if (s != NULL && !s->whole && ends)
		end_body(s);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		take_headers(h, frame);
		break;
	case NGHTTP2_DATA:
		take_data(h, frame);
		break;
	case NGHTTP2_RST_STREAM:
		weigh(h, 1, "too many streams are reset");
		break;
	case NGHTTP2_PING:
		weigh(h, 1, "too many pings");
		break;
	case NGHTTP2_SETTINGS:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
			weigh(h, 4, "too many settings");
		break;
	case NGHTTP2_WINDOW_UPDATE:
		if (frame->window_update.window_size_increment < SMALL_WINDOW)
			weigh(h, 1, "windows are opened too little by little");
		break;
	default:
		break;
	}
	return 0;
}

static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
		 void *user)
{
	weigh(user, 4, "too many invalid frames");
	return 0;
}

/*
 * The relay may be about to give it more: what is at a site is dropped at the
 * end of this turn.
 */
static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_stream *s = stream_of(session, id);

	if (s == NULL)
		return 0;
	s->closed = true;
	if (s->front.request == NULL)
		h2_stream_free(&s);
	else
		turn_add(&s->h2->client.stream.worker->turn, &s->h2->flush);
	return 0;
}

void
h2_in_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb,
							      on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback2(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
	    cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
}

static void
count_late(struct h2_stream *s, bool reads)
{
	struct worker *w = s->h2->client.stream.worker;

	worker_count_limit(
	    w, limits_body_broke(
		   &w->limits, reads ? s->since_ms : s->wait_since_ms,
		   reads ? s->received - s->received_base : s->wait_gone,
		   worker_now_ms(w)));
}

/* The rest of the request did not come, or the answer is not taken. */
void
h2_in_deadline(struct wheel_node *n)
{
	struct h2_stream *s = (struct h2_stream *)((char *)n -
						   offsetof(struct h2_stream,
							    deadline));

	bool reads = s->front.request != NULL && !s->said;

	count_late(s, reads);
	if (reads) {
		s->front.request->who = 'T';
		relay_refuse(s->front.request, 408,
			     "The request did not come in time");
		return;
	}
	nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id,
				  NGHTTP2_CANCEL);
	h2_serialise(s->h2);
}
