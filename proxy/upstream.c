#include "proxy/upstream.h"

#include <stddef.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/tls.h"
#include "proxy/trust.h"
#include "proxy/worker.h"

/* Below the 75 s after which the sites close an idle connection. */
#define POOL_IDLE_MS 30000
/* A pooled one that rested so long is looked at before it is used. */
#define PEEK_AFTER_MS 1000
/* Between two lines of the log about sites that are not who they should be. */
#define REFUSAL_MS 5000

static void on_connect(uv_connect_t *req, int status);
static void on_data(struct stream *s, char *at, size_t len);
static void on_ready(struct stream *s);
static void on_end(struct stream *s, int why);
static void on_drained(struct stream *s);
static void on_closed(struct stream *s);
static void on_deadline(struct wheel_node *n);

static const struct stream_ops stream_ops = { .on_data = on_data,
					      .on_end = on_end,
					      .on_drained = on_drained,
					      .on_closed = on_closed,
					      .on_ready = on_ready };

static struct upstream *
upstream_new(struct worker *w, enum route_site site, enum route_service service)
{
	struct upstream *u = mem_new(struct upstream);

	stream_init(&u->stream, w, &stream_ops);
	wheel_node_init(&u->deadline, on_deadline);
	u->site = site;
	u->service = service;
	LIST_INSERT_HEAD(&w->upstreams, u, entry);
	metrics_add(&w->metrics.upstreams, 1);
	return u;
}

static void
connect_start(struct upstream *u)
{
	struct worker *w = u->stream.worker;
	const struct route_address
	    *a = &w->snapshot->upstream[u->site][u->service].address;

	metrics_add(&w->metrics.connects, 1);
	u->tls = a->tls;
	upstream_set_deadline(u, w->limits.connect_ms);
	/*
	 * No socket to be had: the deadline tells, soon, so that no callback
	 * comes before upstream_get has returned.
	 */
	if (uv_tcp_connect(&u->connect, &u->stream.tcp,
			   (const struct sockaddr *)&a->addr, on_connect) != 0)
		upstream_set_deadline(u, 0);
}

static void
take_from_pool(struct upstream *u)
{
	struct worker *w = u->stream.worker;

	LIST_REMOVE(u, idle);
	u->pooled = false;
	w->nidle[u->site][u->service]--;
	metrics_sub(&w->metrics.idle, 1);
}

/* The site may have closed it while this turn of the loop went on. */
static bool
is_stale(struct upstream *u)
{
	char byte;

	if (worker_now_ms(u->stream.worker) - u->idle_ms < PEEK_AFTER_MS)
		return false;
	return recv(u->stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

struct upstream *
upstream_get(struct worker *w, enum route_site site, enum route_service service,
	     struct request *request, const struct upstream_ops *ops)
{
	struct upstream *u;

	while ((u = LIST_FIRST(&w->idle[site][service])) != NULL) {
		take_from_pool(u);
		if (!is_stale(u))
			break;
		upstream_close(&u);
	}
	if (u == NULL) {
		u = upstream_new(w, site, service);
		connect_start(u);
	} else {
		metrics_add(&w->metrics.reuses, 1);
	}
	u->request = request;
	u->ops = ops;
	return u;
}

void
upstream_put(struct upstream **up)
{
	struct upstream *u = *up;
	struct worker *w = u->stream.worker;

	if (w->draining || u->stream.queued > 0 ||
	    w->nidle[u->site][u->service] >= w->limits.pool) {
		upstream_close(up);
		return;
	}
	*up = NULL;
	u->request = NULL;
	u->pooled = true;
	u->idle_ms = worker_now_ms(w);
	LIST_INSERT_HEAD(&w->idle[u->site][u->service], u, idle);
	w->nidle[u->site][u->service]++;
	metrics_add(&w->metrics.idle, 1);
	upstream_set_deadline(u, POOL_IDLE_MS);
	stream_resume(&u->stream);
}

void
upstream_close(struct upstream **up)
{
	struct upstream *u = *up;

	*up = NULL;
	if (u == NULL || u->closing)
		return;
	if (u->pooled)
		take_from_pool(u);
	u->closing = true;
	u->request = NULL;
	LIST_REMOVE(u, entry);
	wheel_remove(&u->deadline);
	block_put(&u->stream.worker->blocks, &u->partial);
	metrics_sub(&u->stream.worker->metrics.upstreams, 1);
	stream_close(&u->stream);
}

void
upstream_set_deadline(struct upstream *u, uint32_t ms)
{
	struct worker *w = u->stream.worker;

	wheel_set(&w->wheel, &u->deadline, worker_now_ms(w) + ms);
}

/* By the newest snapshot: another one may have come since it began. */
static bool
secures(struct upstream *u)
{
	const struct route_snapshot *s = u->stream.worker->snapshot;
	const struct route_address *a = &s->upstream[u->site][u->service]
					     .address;

	if (!u->tls)
		return false;
	tls_connect(&u->stream, trust_session(s->trust, a->host));
	return true;
}

static void
on_connect(uv_connect_t *req, int status)
{
	struct stream *s = req->handle->data;
	struct upstream *u = (struct upstream *)s;

	if (u->closing)
		return;
	if (status != 0) {
		u->ops->on_end(u, status);
		return;
	}
	uv_tcp_nodelay(&s->tcp, 1);
	if (secures(u)) {
		stream_start(s);
		return;
	}
	u->connected = true;
	stream_start(s);
	u->ops->on_connected(u);
}

/* The site is who it should be. */
static void
on_ready(struct stream *s)
{
	struct upstream *u = (struct upstream *)s;

	u->connected = true;
	u->ops->on_connected(u);
}

static void
on_data(struct stream *s, char *at, size_t len)
{
	struct upstream *u = (struct upstream *)s;

	if (u->request == NULL)
		upstream_close(&u); /* nobody asked */
	else
		u->ops->on_data(u, at, len);
}

/* Once in a while: whoever waits tries again and again. */
static void
tell_refusal(struct upstream *u)
{
	struct worker *w = u->stream.worker;
	const char *why = tls_why(&u->stream);

	metrics_add(&w->metrics.site_tls_failed[u->site], 1);
	if (worker_now_ms(w) < w->next_refusal_ms)
		return;
	w->next_refusal_ms = worker_now_ms(w) + REFUSAL_MS;
	log_warn("upstream", "site=%s service=%s address=%s tls=\"%s\"",
		 route_site_name(u->site), route_service_name(u->service),
		 w->snapshot->upstream[u->site][u->service].address.text,
		 why != NULL ? why : "the connection ended");
}

static void
on_end(struct stream *s, int why)
{
	struct upstream *u = (struct upstream *)s;

	if (tls_why(s) != NULL || (u->tls && !u->connected))
		tell_refusal(u);
	if (u->request == NULL)
		upstream_close(&u);
	else
		u->ops->on_end(u, why);
}

static void
on_drained(struct stream *s)
{
	struct upstream *u = (struct upstream *)s;

	if (u->request != NULL)
		u->ops->on_drained(u);
}

static void
on_closed(struct stream *s)
{
	mem_free(s);
}

static void
on_deadline(struct wheel_node *n)
{
	struct upstream *u = (struct upstream *)((char *)n -
						 offsetof(struct upstream,
							  deadline));

	if (u->request == NULL)
		upstream_close(&u);
	else
		u->ops->on_deadline(u);
}

void
upstream_close_idle(struct worker *w)
{
	for (int site = 0; site < ROUTE_SITES; site++)
		for (int service = 0; service < ROUTE_SERVICES; service++) {
			struct upstream_list *l = &w->idle[site][service];
			struct upstream *u;

			while ((u = LIST_FIRST(l)) != NULL)
				upstream_close(&u);
		}
}
