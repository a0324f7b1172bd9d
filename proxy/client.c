#include "proxy/client.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/h1_inner.h"
#include "proxy/h2_inner.h"
#include "proxy/tls.h"
#include "proxy/worker.h"

/* Whichever protocol it will be. */
union speaker {
	struct h1 h1;
	struct h2 h2;
};

static void on_data(struct stream *s, char *at, size_t len);
static void on_ready(struct stream *s);
static void on_end(struct stream *s, int why);
static void on_closed(struct stream *s);
static void on_due(struct wheel_node *n);
static void give_up(struct client *c);
static void on_late(struct client *c);
static void on_abort(struct client *c);
/* Of one whose handshake is under way, or that was turned away. */
static const struct client_ops shaking_ops = {
	.stream = { .on_data = on_data,
		    .on_ready = on_ready,
		    .on_end = on_end,
		    .on_closed = on_closed },
	.on_deadline = on_late,
	.on_drain = give_up,
	.on_abort = on_abort
};

void
client_set_deadline(struct client *c, uint32_t ms)
{
	struct worker *w = c->stream.worker;

	wheel_set(&w->wheel, &c->deadline, worker_now_ms(w) + ms);
}

/* Bytes that the kernel has taken for it in all. */
static uint64_t
taken(const struct client *c)
{
	return c->stream.written - c->stream.tcp.write_queue_size;
}

void
client_must_take(struct client *c)
{
	if (c->stream.queued == 0)
		return;
	if (c->out_since_ms == 0) {
		c->out_since_ms = worker_now_ms(c->stream.worker);
		c->out_base = c->out_seen = taken(c);
	}
	if (c->deadline.at_ms == INT64_MAX)
		client_set_deadline(c, c->stream.worker->limits.body_ms);
}

bool
client_takes(struct client *c)
{
	struct worker *w = c->stream.worker;
	int64_t now_ms = worker_now_ms(w), due_ms;
	uint64_t n = taken(c);

	due_ms = limits_body_due(&w->limits, c->out_since_ms, n - c->out_base,
				 now_ms);
	if (n == c->out_seen || due_ms <= now_ms) {
		worker_count_limit(w, n == c->out_seen ? LIMIT_BODY_TIME
						       : LIMIT_BODY_RATE);
		return false;
	}
	c->out_seen = n;
	wheel_set(&w->wheel, &c->deadline, due_ms);
	return true;
}

bool
client_count_request(struct client *c)
{
	struct worker *w = c->stream.worker;

	if (++c->requests < w->limits.connection_requests)
		return true;
	if (c->requests == w->limits.connection_requests)
		worker_count_limit(w, LIMIT_CONNECTION_REQUESTS);
	return false;
}

static void
name_peer(struct client *c)
{
	if (uv_ip_name(&c->peer.any, c->address, sizeof(c->address)) != 0)
		snprintf(c->address, sizeof(c->address), "unknown");
	/* RFC 7239 6: an IPv6 address stands in brackets and quotes. */
	snprintf(c->node, sizeof(c->node),
		 c->peer.any.sa_family == AF_INET6 ? "\"[%s]\"" : "%s",
		 c->address);
	rewrite_forwarded(c->address, c->tls ? "https" : "http", c->forwarded);
}

void
client_introduce(const struct client *c, struct front *f)
{
	f->address = c->address;
	f->node = c->node;
	f->forwarded = c->forwarded;
	f->proto = c->tls ? "https" : "http";
}

/* Closes it without having been one of the worker's clients. */
static void
turn_away(struct client *c)
{
	metrics_add(&c->stream.worker->metrics.turned_away, 1);
	stream_close(&c->stream);
}

/* Who is still to be introduced counts for no address. */
static const struct sockaddr *
counted_as(const struct client *c)
{
	return c->nameless ? NULL : &c->peer.any;
}

static void
begin(struct client *c)
{
	struct worker *w = c->stream.worker;

	if (!c->tls) {
		h1_begin(c);
		return;
	}
	tls_serve(&c->stream, w->certs);
	client_set_deadline(c, w->limits.head_ms);
}

void
client_accept(struct worker *w, uv_stream_t *server, bool tls)
{
	struct client *c = mem_alloc(sizeof(union speaker));
	int len = sizeof(c->peer);
	enum limit limit;

	stream_init(&c->stream, w, &shaking_ops.stream);
	wheel_node_init(&c->deadline, on_due);
	c->ops = &shaking_ops;
	c->tls = tls;
	if (uv_accept(server, (uv_stream_t *)&c->stream.tcp) != 0) {
		turn_away(c);
		return;
	}
	uv_tcp_getpeername(&c->stream.tcp, &c->peer.any, &len);
	name_peer(c);
	c->nameless = introduction_trusts(w->shared->trust, &c->peer.any);
	if (w->draining) {
		turn_away(c);
		return;
	}
	if (!shared_connect(w->shared, &w->limits, counted_as(c), &limit)) {
		worker_count_limit(w, limit);
		turn_away(c);
		return;
	}
	LIST_INSERT_HEAD(&w->clients, c, entry);
	metrics_add(&w->metrics.clients, 1);
	metrics_add(&w->metrics.accepted, 1);
	if (c->nameless)
		client_set_deadline(c, w->limits.head_ms);
	else
		begin(c);
	stream_start(&c->stream);
}

/* False: there are too many of that address. */
static bool
introduce(struct client *c, const struct introduction *in)
{
	struct worker *w = c->stream.worker;
	enum limit limit;

	if (in->named)
		c->peer = in->from;
	if (!shared_connect(w->shared, &w->limits, &c->peer.any, &limit)) {
		worker_count_limit(w, limit);
		metrics_add(&w->metrics.turned_away, 1);
		return false;
	}
	shared_disconnect(w->shared, NULL);
	c->nameless = false;
	name_peer(c);
	return true;
}

/* The header comes before everything, TLS too. */
static void
on_data(struct stream *s, char *at, size_t len)
{
	struct client *c = (struct client *)s;
	struct block *early = c->early;
	struct introduction in;
	int used;

	if (early != NULL || len < INTRODUCTION_MAX) {
		block_append(&s->worker->blocks, &early, at, len);
		at = early->at;
		len = early->len;
	}
	c->early = early;
	used = introduction_parse(at, len, &in);
	if (used == 0)
		return;
	if (used < 0)
		metrics_add(&s->worker->metrics.faults, 1);
	if (used < 0 || !introduce(c, &in)) {
		client_close(c, false);
		return;
	}
	c->early = NULL;
	begin(c);
	if ((size_t)used < len)
		stream_received(s, at + used, len - (size_t)used);
	block_put(&s->worker->blocks, &early);
}

static void
on_ready(struct stream *s)
{
	struct client *c = (struct client *)s;

	if (strcmp(tls_protocol(s), "h2") == 0)
		h2_begin(c);
	else
		h1_begin(c);
}

static void
on_end(struct stream *s, int why)
{
	client_close((struct client *)s, false);
}

static void
give_up(struct client *c)
{
	client_close(c, false);
}

/* No introduction, or no handshake, in time. */
static void
on_late(struct client *c)
{
	worker_count_limit(c->stream.worker, LIMIT_HEAD_TIME);
	client_close(c, false);
}

static void
on_abort(struct client *c)
{
}

void
client_close(struct client *c, bool reset)
{
	struct worker *w = c->stream.worker;

	if (stream_is_closing(&c->stream))
		return;
	LIST_REMOVE(c, entry);
	wheel_remove(&c->deadline);
	metrics_sub(&w->metrics.clients, 1);
	shared_disconnect(w->shared, counted_as(c));
	if (reset)
		stream_reset(&c->stream);
	else
		stream_close(&c->stream);
	worker_check_drained(w);
}

void
client_abort(struct client *c)
{
	c->ops->on_abort(c);
	client_close(c, false);
}

void
client_log_fault(const struct client *c, const char *protocol, int status,
		 uint64_t sent)
{
	struct worker *w = c->stream.worker;
	const struct http_head *head = &w->request_head;
	struct accesslog_entry e = { .wall_us = clock_wall_us(),
				     .client = c->address,
				     .method = head->method_text,
				     .target = head->target,
				     .protocol = protocol,
				     .status = status,
				     .bytes_out = sent,
				     .read_us = -1,
				     .held_us = -1,
				     .answer_us = -1,
				     .end = "PR--" };

	metrics_add(&w->metrics.answers[METRICS_OWN][status / 100], 1);
	if (w->log != NULL)
		accesslog_add(w->log, &e);
}

static void
on_closed(struct stream *s)
{
	struct client *c = (struct client *)s;

	block_put(&s->worker->blocks, &c->early);
	mem_free(c);
}

static void
on_due(struct wheel_node *n)
{
	struct client *c = (struct client *)((char *)n -
					     offsetof(struct client, deadline));

	c->ops->on_deadline(c);
}
