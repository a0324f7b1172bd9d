/*
 *   control's loop                        worker i
 *   plane_publish --- loop_post --------> adopts the snapshot
 *   on_async <------- uv_async ---------- adopted, signals, drained
 */
#include "proxy/plane.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "proxy/introduction.h"
#include "proxy/tickets.h"
#include "proxy/worker.h"

#define SIGNAL_MS 50 /* between two events of one kind */
#define WORKERS_MAX 64

struct plane {
	struct shared shared;
	struct worker *workers[WORKERS_MAX];
	unsigned nworkers;
	struct listener_socket sockets[WORKERS_MAX * LISTENER_MAX];
	unsigned nsockets; /* of each worker */
	struct accesslog *log;
	struct tickets *tickets;
	struct certs *certs;     /* NULL: no TLS */
	struct edition *edition; /* the newest; NULL before the first */
	uint64_t serial;
	bool settled_told;
	uint64_t epoch;
	enum route_site active;
	enum route_mode mode;
	int64_t signalled_ms[ROUTE_SITES][ROUTE_SERVICES][PLANE_SIGNALS];
	struct timer *signals_due;
	void (*on_signal)(void *ctx, const struct plane_event *event);
	void (*on_settled)(void *ctx);
	void *ctx;
	void (*on_drained)(void *ctx);
	void *drained_ctx;
};

static void on_async(uv_async_t *async);

static void
start_workers(struct plane *p, const struct plane_conf *conf)
{
	struct worker_conf each = { .shared = &p->shared,
				    .limits = limits_complete(&conf->limits),
				    .nsockets = p->nsockets,
				    .certs = p->certs,
				    .log = p->log };

	for (unsigned i = 0; i < p->nworkers; i++) {
		each.sockets = p->sockets + i * p->nsockets;
		p->workers[i] = worker_start(&each);
	}
}

/* Beside the old ones: connections that began with those go on. */
static int
load_certs(struct plane *p, const struct certs_conf *from, struct err *e)
{
	struct certs_conf conf = *from;
	struct certs *certs;

	if (p->tickets == NULL)
		p->tickets = tickets_new();
	conf.tickets = p->tickets;
	certs = certs_load(&conf, e);
	if (certs == NULL)
		return -1;
	certs_drop(&p->certs);
	p->certs = certs;
	return 0;
}

/* Those of a former process that this one does not listen on. */
static void
close_unused(const struct plane *p, const struct listener_socket *sockets,
	     unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool used = false;

		for (unsigned k = 0; k < p->nworkers * p->nsockets; k++)
			used |= p->sockets[k].fd == sockets[i].fd;
		if (!used)
			close(sockets[i].fd);
	}
}

void
plane_own(struct plane *p, const struct plane_conf *conf)
{
	p->on_signal = conf->on_signal;
	p->on_settled = conf->on_settled;
	p->ctx = conf->ctx;
}

const struct listener_socket *
plane_sockets(const struct plane *p, unsigned *n)
{
	*n = p->nworkers * p->nsockets;
	return p->sockets;
}

struct plane *
plane_open(const struct plane_conf *conf, struct err *e)
{
	const char *path = conf->access_log;
	struct plane *p = mem_new(struct plane);
	struct listener_conf listen = { .plain = conf->listen,
					.tls = conf->tls_listen,
					.old = conf->sockets,
					.nold = conf->nsockets };
	int n;

	p->nworkers = conf->workers > 0 ? conf->workers : 1;
	if (p->nworkers > WORKERS_MAX) {
		err_set(e, ERR_INVALID, "%u workers; 1 to %d are right",
			p->nworkers, WORKERS_MAX);
		goto fail_plane;
	}
	if (path != NULL && path[0] != '\0') {
		p->log = accesslog_open(path, conf->log_format, e);
		if (p->log == NULL)
			goto fail_plane;
	}
	if (listen.tls != NULL && listen.tls[0] != '\0' &&
	    load_certs(p, &conf->tls, e) != 0)
		goto fail_log;
	p->shared.trust = introduction_trust_new(
	    conf->introducers != NULL ? conf->introducers : "", e);
	if (p->shared.trust == NULL)
		goto fail_log;
	n = listener_bind(&listen, p->nworkers, p->sockets, e);
	if (n < 0)
		goto fail_log;
	p->nsockets = (unsigned)n;
	close_unused(p, conf->sockets, conf->nsockets);
	plane_own(p, conf);
	p->settled_told = true;
	shared_init(&p->shared);
	uv_async_init(loop_uv(), &p->shared.to_control, on_async);
	p->shared.to_control.data = p;
	start_workers(p, conf);
	return p;

fail_log:
	introduction_trust_free(&p->shared.trust);
	certs_drop(&p->certs);
	tickets_free(&p->tickets);
	accesslog_close(&p->log);
fail_plane:
	mem_free(p);
	return NULL;
}

static void
on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void
plane_close(struct plane **pp)
{
	struct plane *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	p->on_drained = NULL;
	for (unsigned i = 0; i < p->nworkers; i++)
		worker_stop(&p->workers[i]);
	accesslog_close(&p->log);
	certs_drop(&p->certs);
	tickets_free(&p->tickets);
	timer_cancel(&p->signals_due);
	edition_drop(&p->edition);
	shared_fini(&p->shared);
	uv_close((uv_handle_t *)&p->shared.to_control, on_closed);
}

static void
drain(struct plane *p, bool softly, void (*on_drained)(void *ctx), void *ctx)
{
	p->on_drained = on_drained;
	p->drained_ctx = ctx;
	for (unsigned i = 0; i < p->nworkers; i++)
		worker_drain(p->workers[i], softly);
}

void
plane_drain(struct plane *p, void (*on_drained)(void *ctx), void *ctx)
{
	drain(p, false, on_drained, ctx);
}

void
plane_retire(struct plane *p, void (*on_drained)(void *ctx), void *ctx)
{
	drain(p, true, on_drained, ctx);
}

bool
plane_follow(struct plane *p, const struct plane_news *news)
{
	const struct route_snapshot *old;
	struct route_snapshot *s;

	if (p->edition == NULL)
		return false;
	old = p->edition->snapshot;
	if (news->epoch == p->epoch &&
	    news->rooms[ROUTE_PRIMARY] ==
		old->upstream[ROUTE_PRIMARY][ROUTE_COLLAB].granted &&
	    news->rooms[ROUTE_BACKUP] ==
		old->upstream[ROUTE_BACKUP][ROUTE_COLLAB].granted)
		return false;
	s = route_copy(old);
	s->epoch = news->epoch;
	s->active = news->active;
	s->mode = ROUTE_SERVE;
	s->suspect = false;
	for (int i = 0; i < ROUTE_SITES; i++)
		s->upstream[i][ROUTE_COLLAB].granted = news->rooms[i];
	mem_free((void *)s->redirects);
	s->redirects = redirects_route(&news->redirects);
	s->nredirects = news->redirects.n;
	plane_publish(p, &s);
	return true;
}

void
plane_publish(struct plane *p, struct route_snapshot **snapshot)
{
	struct edition *e = mem_new(struct edition);

	e->snapshot = *snapshot;
	*snapshot = NULL;
	e->snapshot->serial = ++p->serial;
	p->epoch = e->snapshot->epoch;
	p->active = e->snapshot->active;
	p->mode = e->snapshot->mode;
	p->settled_told = false;
	atomic_init(&e->holders, 1);
	for (unsigned i = 0; i < p->nworkers; i++)
		worker_adopt(p->workers[i], e);
	edition_drop(&p->edition);
	p->edition = e;
}

bool
plane_settled(const struct plane *p)
{
	for (unsigned i = 0; i < p->nworkers; i++)
		if (atomic_load(&p->workers[i]->adopted) != p->serial)
			return false;
	return true;
}

void
plane_counts(const struct plane *p, struct plane_counts *out)
{
	*out = (struct plane_counts){ 0 };
	for (unsigned i = 0; i < p->nworkers; i++) {
		const struct metrics *m = &p->workers[i]->metrics;

		for (int s = 0; s < ROUTE_SITES; s++) {
			out->in_flight[s] += metrics_read(&m->in_flight[s]);
			out->may_write[s] += metrics_read(&m->may_write[s]);
			out->writes[s] += metrics_read(&m->writes[s]);
			out->websockets[s] += metrics_read(&m->websockets[s]);
			out->failed[s] += metrics_read(&m->answers[s][5]);
			for (int k = 0; k < METRICS_CLASSES; k++)
				out->answers[s] += metrics_read(
				    &m->answers[s][k]);
		}
	}
	out->held = atomic_load(&p->shared.held);
	out->held_bytes = atomic_load(&p->shared.held_bytes);
	out->connections = atomic_load(&p->shared.connections);
}

void
plane_close_websockets(struct plane *p, enum route_site site, int code,
		       uint32_t spread_ms)
{
	for (unsigned i = 0; i < p->nworkers; i++)
		worker_close_websockets(p->workers[i], site, code, spread_ms);
}

void
plane_set_limits(struct plane *p, const struct plane_limits *limits)
{
	struct plane_limits l = limits_complete(limits);

	for (unsigned i = 0; i < p->nworkers; i++)
		worker_set_limits(p->workers[i], &l);
}

static void
take_sockets(struct plane *p, const struct listener_socket *next, unsigned n)
{
	p->nsockets = n;
	memcpy(p->sockets, next, p->nworkers * n * sizeof(*next));
	for (unsigned i = 0; i < p->nworkers; i++)
		worker_set_sockets(p->workers[i], next + i * n, n);
}

int
plane_reload(struct plane *p, const struct plane_conf *conf, struct err *e)
{
	struct listener_socket next[WORKERS_MAX * LISTENER_MAX];
	struct listener_conf listen = { .plain = conf->listen,
					.tls = conf->tls_listen,
					.old = p->sockets,
					.nold = p->nworkers * p->nsockets };
	int n = listener_bind(&listen, p->nworkers, next, e);

	if (n < 0)
		return -1;
	if (listen.tls != NULL && listen.tls[0] != '\0' &&
	    load_certs(p, &conf->tls, e) != 0) {
		listener_unbind(next, p->nworkers * (unsigned)n);
		return -1;
	}
	for (unsigned i = 0; p->certs != NULL && i < p->nworkers; i++)
		worker_set_certs(p->workers[i], p->certs);
	take_sockets(p, next, (unsigned)n);
	plane_set_limits(p, &conf->limits);
	return 0;
}

int64_t
plane_certificate_until_us(const struct plane *p)
{
	return p->certs != NULL ? certs_end_s(p->certs) * 1000000 : 0;
}

void
plane_metrics(const struct plane *p, struct strbuf *out)
{
	const struct metrics *all[WORKERS_MAX];
	struct metrics_gauges g = { .epoch = p->epoch };
	struct plane_counts counts;

	plane_counts(p, &counts);
	for (unsigned i = 0; i < p->nworkers; i++)
		all[i] = &p->workers[i]->metrics;
	if (p->serial > 0) {
		g.active = route_site_name(p->active);
		g.mode = route_mode_name(p->mode);
	}
	g.held = counts.held;
	g.held_bytes = counts.held_bytes;
	g.connections = counts.connections;
	metrics_render(all, p->nworkers, &g, out);
	if (p->certs != NULL)
		certs_metrics(p->certs, out);
}

static void on_signals_due(void *ctx);

/* One kind of one service; false: something waits for its time. */
static bool
tell_signal(struct plane *p, enum route_site site, enum route_service service,
	    enum plane_signal kind)
{
	int64_t *last = &p->signalled_ms[site][service][kind];
	struct plane_event event = { .site = site,
				     .service = service,
				     .kind = kind };
	int64_t now = clock_mono_ms();

	if (atomic_load(&p->shared.signals[site][service][kind].n) == 0)
		return true;
	if (now - *last < SIGNAL_MS)
		return false;
	*last = now;
	event.n = atomic_exchange(&p->shared.signals[site][service][kind].n, 0);
	event.epoch = atomic_load(
	    &p->shared.signals[site][service][kind].epoch);
	if (p->on_signal != NULL)
		p->on_signal(p->ctx, &event);
	return true;
}

static void
tell_signals(struct plane *p)
{
	bool all = true;

	for (int i = 0; i < ROUTE_SITES * ROUTE_SERVICES * PLANE_SIGNALS; i++)
		all &= tell_signal(
		    p, (enum route_site)(i / PLANE_SIGNALS / ROUTE_SERVICES),
		    (enum route_service)(i / PLANE_SIGNALS % ROUTE_SERVICES),
		    (enum plane_signal)(i % PLANE_SIGNALS));
	if (!all && p->signals_due == NULL)
		p->signals_due = timer_start(SIGNAL_MS, on_signals_due, p);
}

static void
on_signals_due(void *ctx)
{
	struct plane *p = ctx;

	p->signals_due = NULL;
	tell_signals(p);
}

static bool
drained(const struct plane *p)
{
	for (unsigned i = 0; i < p->nworkers; i++)
		if (!atomic_load(&p->workers[i]->drained))
			return false;
	return true;
}

static void
on_async(uv_async_t *async)
{
	struct plane *p = async->data;
	void (*on_drained)(void *ctx);

	tell_signals(p);
	if (!p->settled_told && plane_settled(p)) {
		p->settled_told = true;
		if (p->on_settled != NULL)
			p->on_settled(p->ctx);
	}
	on_drained = p->on_drained;
	if (on_drained == NULL || !drained(p))
		return;
	p->on_drained = NULL;
	on_drained(p->drained_ctx);
}
