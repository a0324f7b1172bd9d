#include "proxy/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "proxy/certs.h"
#include "proxy/client.h"
#include "proxy/listener.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"

#define LATE_TICKS 3

/* What control posts; each message is the worker's to free. */
struct order {
	struct worker *worker;
	struct edition *edition;
	struct plane_limits limits;
	struct certs *certs;
	struct listener_socket sockets[LISTENER_MAX];
	unsigned nsockets;
	enum route_site site;
	int code;
	uint32_t spread_ms;
	bool softly;
};

struct start {
	struct worker *worker;
	const struct worker_conf *conf;
	uv_sem_t ready;
};

static void run(void *arg);
static void on_tick(uv_timer_t *timer);

struct worker *
worker_start(const struct worker_conf *conf)
{
	struct worker *w = mem_new(struct worker);
	struct start start = { .worker = w, .conf = conf };
	int rc = uv_sem_init(&start.ready, 0);

	assert(rc == 0);
	w->shared = conf->shared;
	rc = uv_thread_create(&w->thread, run, &start);
	assert(rc == 0);
	uv_sem_wait(&start.ready);
	uv_sem_destroy(&start.ready);
	return w;
}

static void
set_limits(struct worker *w, const struct plane_limits *limits)
{
	w->limits = *limits;
	w->request_limits = (struct http_limits){
		.head_bytes = limits->head_bytes,
		.target_bytes = 8192,
		.fields = limits->fields
	};
	w->answer_limits = (struct http_limits){ .head_bytes = WORKER_HEAD_MAX,
						 .target_bytes = 8192,
						 .fields = HTTP_FIELDS_MAX };
}

static void
set_clock(struct worker *w)
{
	w->wall_offset_us = clock_pg_us() - worker_now_us();
}

static void
make_prefix(struct worker *w)
{
	STRBUF_AUTO text = { 0 };
	uint8_t random[16];

	crypto_random(random, sizeof(random));
	crypto_base64url(span_make((const char *)random, sizeof(random)),
			 &text);
	memcpy(w->id, text.at, WORKER_ID_PREFIX);
	w->id_next = (uint64_t)crypto_random_u32() << 6;
}

static void
each_queue(struct worker *w, void (*fn)(struct queue *q, struct worker *w))
{
	for (int site = 0; site < ROUTE_SITES; site++)
		for (int service = 0; service < ROUTE_SERVICES; service++)
			fn(&w->queues[site][service], w);
}

static void
init(struct worker *w, const struct worker_conf *conf)
{
	w->rx = malloc(WORKER_RX);
	w->tx = malloc(WORKER_TX);
	assert(w->rx != NULL && w->tx != NULL);
	tls_room_init(&w->tls);
	w->certs = certs_hold(conf->certs);
	turn_init(&w->turn, w->uv);
	set_limits(w, &conf->limits);
	wheel_init(&w->wheel, worker_now_ms(w));
	hold_init(&w->hold, w);
	each_queue(w, queue_init);
	LIST_INIT(&w->upstreams);
	LIST_INIT(&w->clients);
	LIST_INIT(&w->tunnels);
	make_prefix(w);
	set_clock(w);
	if (conf->log != NULL)
		w->log = accesslog_feed_new(conf->log, &w->metrics.log_lost);
	uv_timer_init(w->uv, &w->tick);
	w->tick.data = w;
	w->ticked_ms = worker_now_ms(w);
	uv_timer_start(&w->tick, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
	for (unsigned i = 0; i < conf->nsockets; i++)
		w->listeners[w->nlisteners++] = listener_open(
		    w, &conf->sockets[i]);
}

static void
fini(struct worker *w)
{
	edition_drop(&w->edition);
	accesslog_feed_free(&w->log);
	request_fini(w);
	blocks_fini(&w->blocks);
	cells_fini(&w->cells);
	certs_drop(&w->certs);
	free(w->rx);
	free(w->tx);
	tls_room_fini(&w->tls);
}

static void
run(void *arg)
{
	struct start *start = arg;
	struct worker *w = start->worker;

	loop_open();
	w->loop = loop_current();
	w->uv = loop_uv();
	init(w, start->conf);
	uv_sem_post(&start->ready); /* start is gone from here on */
	loop_run();
	loop_close();
	fini(w);
}

/*
 * libuv runs timers before it reads sockets. After a standstill of our own
 * what came in time lies in the sockets, and is read before a deadline counts.
 */
static bool
comes_late(struct worker *w)
{
	int64_t before_ms = w->ticked_ms;
	bool late = before_ms != 0 &&
		    worker_now_ms(w) - before_ms > LATE_TICKS * WHEEL_TICK_MS;

	w->ticked_ms = late ? 0 : worker_now_ms(w);
	if (late)
		uv_timer_start(&w->tick, on_tick, 1, WHEEL_TICK_MS);
	return late;
}

static void
on_tick(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	if (comes_late(w))
		return;
	set_clock(w);
	wheel_turn(&w->wheel, worker_now_ms(w));
	if (w->log != NULL)
		accesslog_flush(w->log);
}

static void
close_listeners(struct worker *w)
{
	while (w->nlisteners > 0)
		listener_close(&w->listeners[--w->nlisteners]);
}

static void
on_stop(void *ctx)
{
	struct worker *w = ctx;
	struct client *c;

	close_listeners(w);
	while ((c = LIST_FIRST(&w->clients)) != NULL)
		client_abort(c);
	upstream_close_idle(w);
	assert(LIST_EMPTY(&w->upstreams));
	each_queue(w, queue_fini);
	hold_close(&w->hold);
	turn_fini(&w->turn);
	uv_close((uv_handle_t *)&w->tick, NULL);
	loop_stop();
}

void
worker_stop(struct worker **wp)
{
	struct worker *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	loop_post(w->loop, on_stop, w);
	uv_thread_join(&w->thread);
	mem_free(w);
}

static struct order *
order_new(struct worker *w)
{
	struct order *o = mem_new(struct order);

	o->worker = w;
	return o;
}

/* Connections to an address that is no longer the site's are of no use. */
static bool
moved(const struct route_snapshot *from, const struct route_snapshot *to)
{
	if (from == NULL)
		return false;
	for (int site = 0; site < ROUTE_SITES; site++)
		for (int service = 0; service < ROUTE_SERVICES; service++)
			if (strcmp(from->upstream[site][service].address.text,
				   to->upstream[site][service].address.text) !=
			    0)
				return true;
	return false;
}

static bool
is_switch(const struct edition *from, const struct route_snapshot *to)
{
	return from != NULL && from->snapshot->active != to->active;
}

static void
on_adopt(void *ctx)
{
	struct order *o = ctx;
	struct worker *w = o->worker;
	struct edition *old = w->edition;

	if (moved(w->snapshot, o->edition->snapshot))
		upstream_close_idle(w);
	w->edition = o->edition;
	w->snapshot = w->edition->snapshot;
	mem_free(o);
	if (is_switch(old, w->snapshot))
		queue_start_slowly(&w->queues[w->snapshot->active][ROUTE_WEB]);
	relay_review(w);
	each_queue(w, queue_review);
	hold_review(w);
	atomic_store(&w->adopted, w->snapshot->serial);
	uv_async_send(&w->shared->to_control);
	edition_drop(&old);
}

void
worker_adopt(struct worker *w, struct edition *e)
{
	struct order *o = order_new(w);

	o->edition = e;
	atomic_fetch_add(&e->holders, 1);
	loop_post(w->loop, on_adopt, o);
}

static void
on_limits(void *ctx)
{
	struct order *o = ctx;

	set_limits(o->worker, &o->limits);
	mem_free(o);
}

void
worker_set_limits(struct worker *w, const struct plane_limits *limits)
{
	struct order *o = order_new(w);

	o->limits = *limits;
	loop_post(w->loop, on_limits, o);
}

static void
on_certs(void *ctx)
{
	struct order *o = ctx;

	certs_drop(&o->worker->certs);
	o->worker->certs = o->certs;
	mem_free(o);
}

void
worker_set_certs(struct worker *w, struct certs *certs)
{
	struct order *o = order_new(w);

	o->certs = certs_hold(certs);
	loop_post(w->loop, on_certs, o);
}

static bool
is_listed(struct listener *l, const struct listener_socket *sockets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (listener_is(l, &sockets[i]))
			return true;
	return false;
}

static bool
is_open(struct worker *w, const struct listener_socket *socket)
{
	for (unsigned i = 0; i < w->nlisteners; i++)
		if (listener_is(w->listeners[i], socket))
			return true;
	return false;
}

/* Those that stay are not touched: nobody in their queues is lost. */
static void
on_sockets(void *ctx)
{
	struct order *o = ctx;
	struct worker *w = o->worker;

	for (unsigned i = w->nlisteners; i > 0; i--) {
		struct listener **l = &w->listeners[i - 1];

		if (is_listed(*l, o->sockets, o->nsockets))
			continue;
		listener_close(l);
		*l = w->listeners[--w->nlisteners];
	}
	for (unsigned i = 0; i < o->nsockets && !w->draining; i++)
		if (!is_open(w, &o->sockets[i]))
			w->listeners[w->nlisteners++] = listener_open(
			    w, &o->sockets[i]);
	mem_free(o);
}

void
worker_set_sockets(struct worker *w, const struct listener_socket *sockets,
		   unsigned n)
{
	struct order *o = order_new(w);

	memcpy(o->sockets, sockets, n * sizeof(*sockets));
	o->nsockets = n;
	loop_post(w->loop, on_sockets, o);
}

static void
on_close_websockets(void *ctx)
{
	struct order *o = ctx;

	tunnel_close_all(o->worker, o->site, o->code, o->spread_ms);
	mem_free(o);
}

void
worker_close_websockets(struct worker *w, enum route_site site, int code,
			uint32_t spread_ms)
{
	struct order *o = order_new(w);

	o->site = site;
	o->code = code;
	o->spread_ms = spread_ms;
	loop_post(w->loop, on_close_websockets, o);
}

/* Another process is there for them. */
static void
tell_clients(struct worker *w)
{
	struct client *c, *next;

	for (c = LIST_FIRST(&w->clients); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (!w->retired)
			c->ops->on_drain(c);
		else if (c->ops->on_retire != NULL)
			c->ops->on_retire(c);
	}
}

static void
on_drain(void *ctx)
{
	struct order *o = ctx;
	struct worker *w = o->worker;

	w->draining = true;
	w->retired = o->softly;
	mem_free(o);
	close_listeners(w);
	upstream_close_idle(w);
	for (int site = 0; site < ROUTE_SITES && !w->retired; site++)
		tunnel_close_all(w, (enum route_site)site, TUNNEL_MOVES, 0);
	tell_clients(w);
	worker_check_drained(w);
}

void
worker_drain(struct worker *w, bool softly)
{
	struct order *o = order_new(w);

	o->softly = softly;
	loop_post(w->loop, on_drain, o);
}

void
worker_check_drained(struct worker *w)
{
	if (!w->draining || !LIST_EMPTY(&w->clients))
		return;
	atomic_store(&w->drained, true);
	uv_async_send(&w->shared->to_control);
}
