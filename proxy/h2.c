/*
 *   on_data --> nghttp2_session_mem_recv --> h2_in, h2_head --> relay
 *   relay --> h2_out, h2_fields --> nghttp2_session_mem_send --> out
 *   out --end of turn--> stream
 *
 * Answers are framed where they were received; what the client's windows or
 * the kernel do not take waits in their streams. Frames of one turn of the
 * loop go out in one write.
 */
#include "proxy/h2.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/h2_inner.h"
#include "proxy/hpack.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

#define STREAMS 100     /* at once, of a connection */
#define WINDOW 262144   /* of a stream, towards us */
#define WINDOWS 1048576 /* of a connection */
/* Streams that were under way when the client was told (RFC 9113 6.8). */
#define DRAIN_MS 300
/* Frames beyond which a write is made within a turn. */
#define OUT_MAX 262144

static void on_data(struct stream *s, char *at, size_t len);
static void on_end(struct stream *s, int why);
static void on_drained(struct stream *s);
static void on_closed(struct stream *s);
static void on_deadline(struct client *c);
static void on_drain(struct client *c);
static void on_abort(struct client *c);
static void on_flush(struct turn_node *n);
static void on_send(struct turn_node *n);
static const struct client_ops h2_ops = { .stream = { .on_data = on_data,
						      .on_end = on_end,
						      .on_drained = on_drained,
						      .on_closed = on_closed },
					  .on_deadline = on_deadline,
					  .on_drain = on_drain,
					  .on_retire = on_drain,
					  .on_abort = on_abort };

static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;
static uv_once_t once = UV_ONCE_INIT;

static void
make_shared(void)
{
	int rc = nghttp2_session_callbacks_new(&callbacks) |
		 nghttp2_option_new(&options);

	assert(rc == 0);
	h2_in_callbacks(callbacks);
	h2_out_callbacks(callbacks);
	nghttp2_option_set_no_auto_window_update(options, 1);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_max_outbound_ack(options, 100);
	nghttp2_option_set_max_settings(options, 16);
	nghttp2_option_set_max_continuations(options, 8);
}

static void
say_settings(struct h2 *h)
{
	uint32_t head_bytes = h->client.stream.worker->limits.head_bytes;
	nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head_bytes },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	int rc = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, entries,
					 sizeof(entries) / sizeof(entries[0]));

	assert(rc == 0);
	rc = nghttp2_session_set_local_window_size(
	    h->session, NGHTTP2_FLAG_NONE, 0, WINDOWS);
	assert(rc == 0);
}

static void *
on_malloc(size_t size, void *cells)
{
	return cells_get(cells, size);
}

static void
on_free(void *at, void *cells)
{
	cells_put(cells, at);
}

static void *
on_calloc(size_t n, size_t size, void *cells)
{
	return cells_get_zeroed(cells, n * size);
}

static void *
on_realloc(void *at, size_t size, void *cells)
{
	return cells_resize(cells, at, size);
}

static void
make_session(struct h2 *h)
{
	nghttp2_mem mem = { .mem_user_data = &h->client.stream.worker->cells,
			    .malloc = on_malloc,
			    .free = on_free,
			    .calloc = on_calloc,
			    .realloc = on_realloc };
	int rc = nghttp2_session_server_new3(&h->session, callbacks, h, options,
					     &mem);

	assert(rc == 0);
}

void
h2_begin(struct client *c)
{
	struct h2 *h = (struct h2 *)c;
	struct worker *w = c->stream.worker;

	uv_once(&once, make_shared);
	memset((char *)h + sizeof(*c), 0, sizeof(*h) - sizeof(*c));
	c->ops = &h2_ops;
	c->stream.ops = &h2_ops.stream;
	h->flush.fn = on_flush;
	h->send.fn = on_send;
	h->fields.table = hpack_new();
	LIST_INIT(&h->streams);
	make_session(h);
	say_settings(h);
	metrics_add(&w->metrics.h2_connections, 1);
	client_set_deadline(c, w->limits.head_ms);
	turn_add(&w->turn, &h->flush);
}

/* Not while a drain waits for what is on its way. */
static void
clear_deadline(struct h2 *h)
{
	if (!h->drains || h->named)
		wheel_clear(&h->client.deadline);
}

struct h2_stream *
h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = cells_get_zeroed(&h->client.stream.worker->cells,
					       sizeof(*s));

	s->h2 = h;
	s->id = id;
	s->front.ops = &h2_out_ops;
	s->front.protocol = "HTTP/2.0";
	client_introduce(&h->client, &s->front);
	wheel_node_init(&s->deadline, h2_in_deadline);
	LIST_INSERT_HEAD(&h->streams, s, entry);
	nghttp2_session_set_stream_user_data(h->session, id, s);
	clear_deadline(h);
	h->nstreams++;
	h->spoke = true;
	if (!client_count_request(&h->client))
		on_drain(&h->client);
	return s;
}

bool
h2_is_full(const struct h2 *h)
{
	const struct h2_stream *s;
	uint64_t bytes = 0;

	LIST_FOREACH(s, &h->streams, entry)
	{
		const struct request *r = s->front.request;

		if (r != NULL && !r->forgotten)
			bytes += r->body_kept;
		if (s->wait != NULL)
			bytes += s->wait->len - s->wait_at;
	}
	return bytes > h->client.stream.worker->limits.h2_buffer_bytes;
}

static void
set_idle(struct h2 *h)
{
	struct worker *w = h->client.stream.worker;

	if (!h->drains)
		client_set_deadline(&h->client, w->limits.idle_ms);
	else if (h->named)
		client_set_deadline(&h->client, 0);
	turn_add(&w->turn, &h->flush);
}

void
h2_stream_free(struct h2_stream **sp)
{
	struct h2_stream *s = *sp;
	struct h2 *h = s->h2;
	struct blocks *blocks = &h->client.stream.worker->blocks;

	*sp = NULL;
	LIST_REMOVE(s, entry);
	wheel_remove(&s->deadline);
	block_put(blocks, &s->trailers_in);
	block_put(blocks, &s->wait);
	block_put(blocks, &s->tail);
	cells_put(&h->client.stream.worker->cells, s);
	if (--h->nstreams == 0)
		set_idle(h);
}

static void
write_out(struct h2 *h)
{
	uv_buf_t buf;

	if (h->out == NULL)
		return;
	buf = uv_buf_init(h->out->at, (unsigned)h->out->len);
	stream_write(&h->client.stream, &buf, 1);
	block_put(&h->client.stream.worker->blocks, &h->out);
}

/* While the kernel does not take what it has got, streams keep theirs. */
static void
serialise(struct h2 *h)
{
	const uint8_t *at;
	ssize_t n = 1;

	if (h->in_session || h->fields.late || h->client.stream.queued > 0)
		return;
	h->in_session = true;
	while (n > 0 && nghttp2_session_want_write(h->session) != 0) {
		n = nghttp2_session_mem_send(h->session, &at);
		if (n > 0)
			h2_fields_append(h, at, (size_t)n);
		if (h->out != NULL && h->out->len > OUT_MAX)
			write_out(h);
	}
	h->in_session = false;
	h->closes |= n < 0;
}

void
h2_serialise(struct h2 *h)
{
	turn_add(&h->client.stream.worker->turn, &h->flush);
	serialise(h);
}

static void
drop_all(struct h2 *h)
{
	struct h2_stream *s;

	while ((s = LIST_FIRST(&h->streams)) != NULL) {
		if (s->front.request != NULL)
			relay_drop(s->front.request);
		h2_stream_free(&s);
	}
}

static void
remove_turns(struct h2 *h)
{
	struct turn *turn = &h->client.stream.worker->turn;

	turn_remove(turn, &h->flush);
	turn_remove(turn, &h->send);
}

static void
close_now(struct h2 *h)
{
	drop_all(h);
	remove_turns(h);
	client_close(&h->client, false);
}

/* Streams that the client has ended before their answer. */
static void
drop_closed(struct h2 *h)
{
	struct h2_stream *s, *next;

	for (s = LIST_FIRST(&h->streams); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (!s->closed)
			continue;
		if (s->front.request != NULL)
			relay_drop(s->front.request);
		h2_stream_free(&s);
	}
}

static bool
is_over(const struct h2 *h)
{
	if (h->closes)
		return true;
	return nghttp2_session_want_read(h->session) == 0 &&
	       nghttp2_session_want_write(h->session) == 0;
}

/* All connections of this turn prepare, then all of them send. */
static bool
prepare_out(struct h2 *h)
{
	uv_buf_t buf;
	bool prepared;

	if (h->out == NULL)
		return false;
	buf = uv_buf_init(h->out->at, (unsigned)h->out->len);
	prepared = stream_prepare(&h->client.stream, &buf);
	block_put(&h->client.stream.worker->blocks, &h->out);
	return prepared;
}

/* What could be said is with the kernel. */
static void
settle(struct h2 *h)
{
	drop_closed(h);
	client_must_take(&h->client);
	if (h->client.stream.queued == 0 && is_over(h))
		close_now(h);
}

static void
on_flush(struct turn_node *n)
{
	struct h2 *h = (struct h2 *)((char *)n - offsetof(struct h2, flush));
	struct stream *s = &h->client.stream;

	if (stream_is_closing(s))
		return;
	serialise(h);
	turn_remove(&s->worker->turn, &h->flush);
	if (prepare_out(h))
		turn_add(&s->worker->turn, &h->send);
	else
		settle(h);
}

static void
on_send(struct turn_node *n)
{
	struct h2 *h = (struct h2 *)((char *)n - offsetof(struct h2, send));

	if (stream_is_closing(&h->client.stream))
		return;
	stream_send_prepared(&h->client.stream);
	settle(h);
}

void
h2_calm(struct h2 *h, const char *why)
{
	struct worker *w = h->client.stream.worker;

	if (h->closes)
		return;
	log_warn("h2", "client=%s closed=\"%s\"", h->client.address, why);
	metrics_add(&w->metrics.h2_calmed, 1);
	nghttp2_session_terminate_session(h->session,
					  NGHTTP2_ENHANCE_YOUR_CALM);
	h->closes = true;
	turn_add(&w->turn, &h->flush);
}

static void
on_data(struct stream *s, char *at, size_t len)
{
	struct h2 *h = (struct h2 *)s;
	ssize_t n;

	if (h->closes)
		return;
	h->in_session = true;
	n = nghttp2_session_mem_recv(h->session, (uint8_t *)at, len);
	h->in_session = false;
	if (n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_SETTINGS ||
	    n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		h2_calm(h, nghttp2_strerror((int)n));
	else if (n < 0)
		h->closes = true;
	turn_add(&s->worker->turn, &h->flush);
}

static void
on_end(struct stream *s, int why)
{
	close_now((struct h2 *)s);
}

static void
on_drained(struct stream *s)
{
	struct h2 *h = (struct h2 *)s;

	h->client.out_since_ms = 0;
	if (h->nstreams > 0)
		clear_deadline(h);
	h2_serialise(h);
}

static void
on_closed(struct stream *s)
{
	struct h2 *h = (struct h2 *)s;

	h2_head_drop(h);
	block_put(&s->worker->blocks, &h->out);
	nghttp2_session_del(h->session);
	hpack_free(&h->fields.table);
	mem_free(h);
}

/* What came until now is answered, nothing more. */
static void
name_last(struct h2 *h)
{
	h->named = true;
	nghttp2_submit_goaway(
	    h->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->session),
	    NGHTTP2_NO_ERROR, NULL, 0);
	h->closes = h->nstreams == 0;
	wheel_clear(&h->client.deadline);
	client_must_take(&h->client);
	turn_add(&h->client.stream.worker->turn, &h->flush);
}

static void
end_idle(struct h2 *h)
{
	struct worker *w = h->client.stream.worker;

	worker_count_limit(w, h->spoke ? LIMIT_IDLE_TIME : LIMIT_HEAD_TIME);
	nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
	client_set_deadline(&h->client, w->limits.body_ms);
	h->closes = h->nstreams == 0;
	turn_add(&w->turn, &h->flush);
}

/* Nobody speaks, or the client does not take what it asked for. */
static void
on_deadline(struct client *c)
{
	struct h2 *h = (struct h2 *)c;

	if (h->drains && !h->named) {
		name_last(h);
	} else if (c->stream.queued > 0) {
		if (!client_takes(c))
			close_now(h);
	} else if (h->closes || (h->drains && h->nstreams == 0)) {
		close_now(h);
	} else if (!h->drains) {
		end_idle(h);
	}
}

/* First a word, for requests that are on their way; then the end. */
static void
on_drain(struct client *c)
{
	struct h2 *h = (struct h2 *)c;

	if (h->drains)
		return;
	h->drains = true;
	nghttp2_submit_shutdown_notice(h->session);
	client_set_deadline(c, DRAIN_MS);
	turn_add(&c->stream.worker->turn, &h->flush);
}

static void
on_abort(struct client *c)
{
	struct h2 *h = (struct h2 *)c;

	drop_all(h);
	remove_turns(h);
}
