/*
 *   probe ended, signal, settled, barrier, order, tick --> control_look
 *
 *   look --> step --> record --> audit --> apply the plan --+
 *    ^                                                      |
 *    +------------- as long as something was decided -------+
 */
#include "proxy/control.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/timer.h"
#include "proxy/control_barriers.h"
#include "proxy/control_keys.h"
#include "proxy/control_record.h"
#include "proxy/decide.h"
#include "proxy/publish.h"
#include "proxy/sitecall.h"
#include "proxy/tell.h"

/* Those that the first call did not reach: they were being opened. */
#define SOCKETS_MS 500
/* Over how long: of a site that lives, each its turn; of one that does not. */
#define MOVE_MS 5000
#define MOVE_EACH_MS 2
#define DROP_MS 500
/* More changes in one look than any history has: a bug. */
#define STEPS_MAX 100

static void on_probed(void *ctx);
static void on_signal(void *ctx, const struct plane_event *event);
static void on_settled(void *ctx);
static void on_companies(void *ctx);
static void on_tick(void *ctx);

static int
read_addresses(struct control *c, const struct conf *conf, struct err *e)
{
	for (int s = 0; s < ROUTE_SITES; s++)
		if (route_address_parse(conf->web[s], &c->web[s], e) < 0 ||
		    route_address_parse(conf->collab[s], &c->collab[s], e) < 0)
			return -1;
	return 0;
}

static int
read_trust(struct control *c, const struct conf *conf, struct err *e)
{
	struct trust_conf from;
	struct trust *t;

	conf_trust(conf, &from);
	t = trust_load(&from, e);
	if (t == NULL)
		return -1;
	trust_drop(&c->trust);
	c->trust = t;
	sitecall_trust(t);
	return 0;
}

static int
read_record(struct control *c, struct err *e)
{
	struct authority_record rec = { 0 };
	struct failover_conf conf;
	struct err why = { 0 };
	int loaded;

	c->authority = authority_open(c->conf->state_dir, e);
	if (c->authority == NULL)
		return -1;
	c->events = events_open(c->conf->state_dir, c->conf->audit_bytes, e);
	if (c->events == NULL)
		return -1;
	conf_failover(c->conf, &conf);
	failover_init(&c->f, &conf, clock_mono_ms());
	loaded = authority_load(c->authority, &rec, &why);
	if (loaded < 0)
		log_error("control", "error=\"%s\"", err_text(&why));
	c->former_ttl_ms = rec.ttl_ms;
	c->begun_ms = clock_mono_ms();
	failover_found(&c->f, loaded, &rec, events_former_epoch(c->events));
	return 0;
}

static void
start_watch(struct control *c)
{
	struct watch_conf w = { .keys = c->keys,
				.former_ttl_ms = (uint32_t)c->former_ttl_ms,
				.may_grant = control_record_may_grant,
				.on_probed = on_probed,
				.ctx = c };

	for (int s = 0; s < ROUTE_SITES; s++) {
		w.address[s][ROUTE_WEB] = c->conf->web[s];
		w.address[s][ROUTE_COLLAB] = c->conf->collab_health[s];
	}
	conf_pace(c->conf, &w.pace);
	c->watch = watch_new(&w);
	c->companies = companies_open(
	    &(struct companies_conf){ .dir = c->conf->state_dir,
				      .keys = c->keys,
				      .on_change = on_companies,
				      .ctx = c });
	c->orders = orders_new();
}

static void
make_plane_conf(struct control *c, const struct conf *conf,
		struct plane_conf *p)
{
	*p = (struct plane_conf){
		.listen = conf->listen,
		.tls_listen = conf->tls_listen,
		.workers = (unsigned)conf->workers,
		.access_log = conf->access_log,
		.log_format = (enum plane_log_format)conf->access_format,
		.on_signal = on_signal,
		.on_settled = on_settled,
		.ctx = c,
	};
	conf_plane(conf, p);
}

static int
start_plane(struct control *c, const struct control_origin *from, struct err *e)
{
	struct plane_conf p;

	make_plane_conf(c, c->conf, &p);
	if (from != NULL && from->plane != NULL) {
		c->plane = from->plane;
		plane_own(c->plane, &p);
		return 0;
	}
	p.sockets = from != NULL ? from->sockets : NULL;
	p.nsockets = from != NULL ? from->nsockets : 0;
	c->plane = plane_open(&p, e);
	return c->plane != NULL ? 0 : -1;
}

struct control *
control_open(const struct conf *conf, const struct control_origin *from,
	     struct err *e)
{
	struct control *c = mem_new(struct control);

	c->conf = conf;
	c->begun_wall_us = clock_wall_us();
	c->state_wall_us = c->begun_wall_us;
	c->keys = keyring_load(conf->keys_file, e);
	if (c->keys == NULL || read_addresses(c, conf, e) < 0 ||
	    read_trust(c, conf, e) < 0 || read_record(c, e) < 0 ||
	    start_plane(c, from, e) < 0) {
		control_close(&c);
		return NULL;
	}
	start_watch(c);
	c->publish = true;
	c->tick = timer_start(0, on_tick, c);
	events_add(c->events, "service", c->f.rec.epoch,
		   "gsb-proxy " GSB_VERSION " begins", NULL);
	return c;
}

void
control_close(struct control **cp)
{
	struct control *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	timer_cancel(&c->tick);
	barrier_cancel(&c->there);
	barrier_cancel(&c->back);
	watch_free(&c->watch);
	companies_close(&c->companies);
	plane_close(&c->plane);
	trust_drop(&c->trust);
	sitecall_trust(NULL);
	orders_free(&c->orders);
	events_close(&c->events);
	authority_close(&c->authority);
	control_record_cancel(c);
	keyring_free(&c->keys);
	mem_free(c);
}

struct plane *
control_leave(struct control **cp)
{
	static const struct plane_conf nobody;
	struct plane *plane = (*cp)->plane;

	plane_own(plane, &nobody);
	(*cp)->plane = NULL;
	control_close(cp);
	return plane;
}

static bool
needs_restart(const struct conf *a, const struct conf *b)
{
	return strcmp(a->state_dir, b->state_dir) != 0 ||
	       strcmp(a->admin, b->admin) != 0 ||
	       strcmp(a->metrics_listen, b->metrics_listen) != 0 ||
	       strcmp(a->dashboard_listen, b->dashboard_listen) != 0 ||
	       a->dashboard_tls != b->dashboard_tls ||
	       strcmp(a->keys_file, b->keys_file) != 0 ||
	       strcmp(a->access_log, b->access_log) != 0 ||
	       a->access_format != b->access_format || a->workers != b->workers;
}

/* They were read and found right: a check of the configuration does that. */
static void
move_sites(struct control *c, const struct conf *conf)
{
	struct err e;
	int rc = read_addresses(c, conf, &e);

	assert(rc == 0);
	if (read_trust(c, conf, &e) < 0) /* it has changed meanwhile */
		log_error("control", "error=\"%s\"", err_text(&e));
	for (int s = 0; s < ROUTE_SITES; s++) {
		enum route_site site = (enum route_site)s;

		watch_set_address(c->watch, site, ROUTE_WEB, conf->web[s]);
		watch_set_address(c->watch, site, ROUTE_COLLAB,
				  conf->collab_health[s]);
	}
	c->publish = true;
}

int
control_reload(struct control *c, const struct conf *conf, struct err *e)
{
	bool more = needs_restart(c->conf, conf);
	struct health_pace pace;
	struct plane_conf p;

	if (strcmp(c->conf->keys_file, conf->keys_file) == 0 &&
	    control_keys(c, false, "SIGHUP", e) < 0)
		return -1;
	make_plane_conf(c, conf, &p);
	if (plane_reload(c->plane, &p, e) != 0)
		return -1;
	c->conf = conf;
	conf_failover(conf, &c->f.conf);
	conf_pace(conf, &pace);
	watch_set_pace(c->watch, &pace);
	move_sites(c, conf);
	events_add(c->events, "service", c->f.rec.epoch,
		   more ? "configuration read again; some of it holds from an "
			  "upgrade or a restart on"
			: "configuration read again",
		   NULL);
	control_look(c);
	return 0;
}

void
control_drain(struct control *c, void (*on_drained)(void *ctx), void *ctx)
{
	events_add(c->events, "service", c->f.rec.epoch, "draining", NULL);
	plane_drain(c->plane, on_drained, ctx);
}

static void
look_gates(struct control *c)
{
	struct gates_inputs in;
	struct gates_conf conf;

	watch_gates(c->watch, &c->view, c->f.rec.active, &in);
	in.certificate_until_us = plane_certificate_until_us(c->plane);
	conf_gates(c->conf, &conf);
	gates_look(&c->gates, &conf, &in);
	c->view.gates = c->gates;
}

static void
look_around(struct control *c)
{
	/* Before the counts: what a worker sent until then is in them. */
	bool settled = plane_settled(c->plane);
	struct plane_counts counts;

	plane_counts(c->plane, &counts);
	watch_view(c->watch, c->f.rec.epoch, &counts, settled, &c->view);
	tell_shares(c, &counts);
	for (int s = 0; s < ROUTE_SITES; s++) {
		c->view.site[s].answers = counts.answers[s];
		c->view.site[s].failed = counts.failed[s];
		c->view.site[s].writes = counts.writes[s];
	}
	look_gates(c);
	c->view.barriers = c->barriers;
	c->view.barrier_there = c->there_seen;
	c->view.barrier_back = c->back_seen;
}

/* Sockets that have no business at the site that is not active any more. */
static void
move_sockets(struct control *c)
{
	enum route_site other = failover_other(c->plan.active);
	uint64_t n = c->view.site[other].websockets;
	uint32_t spread = DROP_MS;

	if (!c->plan.close_websockets || n == 0) {
		c->sockets_ms = 0;
		return;
	}
	if (c->view.now_ms < c->sockets_ms)
		return;
	if (c->f.state == STATE_RELEASE)
		spread = n < MOVE_MS / MOVE_EACH_MS ? (uint32_t)n * MOVE_EACH_MS
						    : MOVE_MS;
	c->sockets_ms = c->view.now_ms + spread + SOCKETS_MS;
	plane_close_websockets(c->plane, other, 1012, spread);
}

static void
apply(struct control *c)
{
	enum route_site active = c->f.rec.active;
	const struct health_seen *web;

	plan_make(&c->f, &c->view, &c->plan);
	watch_aim(c->watch, c->plan.terms);
	watch_hurry(c->watch, c->plan.fast);
	publish_if_new(c);
	control_barriers_want(c);
	move_sockets(c);
	web = watch_seen(c->watch, active, ROUTE_WEB);
	if (c->view.site[active].serving)
		companies_heard(c->companies, c->web[active].text,
				web->last.companies);
}

static void
arm_tick(struct control *c)
{
	if (c->tick != NULL && c->plan.tick_ms >= c->tick_ms)
		return;
	timer_cancel(&c->tick);
	c->tick_ms = c->plan.tick_ms;
	c->tick = timer_start(c->tick_ms, on_tick, c);
}

/* One decision; false: there is none, or it waits for the disk. */
static bool
step(struct control *c)
{
	struct failover next = c->f;
	struct failover_change change;
	bool stepped;

	if (c->pending != NULL || c->view.now_ms < c->record_retry_ms)
		return false;
	stepped = failover_step(&next, &c->view, &change) == 1;
	if (stepped && next.store) {
		control_record_start(c, &next, &change);
		return false;
	}
	c->f = next;
	if (stepped)
		tell_change(c, &change);
	return stepped;
}

void
control_look(struct control *c)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		bool stepped;

		look_around(c);
		control_record_look(c);
		tell_verdicts(c);
		stepped = step(c);
		apply(c);
		if (!stepped) {
			arm_tick(c);
			return;
		}
	}
	assert(!"decisions that never end");
}

void
control_order(struct control *c, const struct rules_order *o, bool dry,
	      struct rules_judged *judged, uint64_t *id)
{
	struct rules_order known = *o;

	*id = 0;
	known.company_known = companies_know(c->companies, o->company);
	look_around(c);
	rules_judge(&known, control_record_next(c), &c->view, judged);
	if (dry)
		return;
	if (judged->verdict == RULES_GO)
		*id = orders_take(c->orders, o, judged->message);
	tell_order(c, o, judged, *id);
	if (judged->verdict != RULES_GO)
		return;
	c->f.word = judged->word;
	c->record_retry_ms = 0;
	control_look(c);
}

static void
on_tick(void *ctx)
{
	struct control *c = ctx;

	c->tick = NULL; /* it has fired */
	control_look(c);
}

/* A probe after a signal was good: who waits for it may look again. */
static void
settle_signals(struct control *c)
{
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			const struct health_seen *seen = watch_seen(
			    c->watch, (enum route_site)s,
			    (enum route_service)k);

			if (c->signalled[s][k] == 0 ||
			    seen->ended < c->signalled[s][k])
				continue;
			c->signalled[s][k] = 0;
			if (seen->failures == 0)
				c->publish = true;
		}
}

static void
on_probed(void *ctx)
{
	struct control *c = ctx;

	settle_signals(c);
	control_look(c);
}

static void
on_signal(void *ctx, const struct plane_event *event)
{
	struct control *c = ctx;
	const struct health_seen *seen = watch_seen(c->watch, event->site,
						    event->service);

	c->signals[event->kind] += event->n;
	/* One in flight set out before the signal: the next one tells. */
	if (c->signalled[event->site][event->service] == 0)
		c->signalled[event->site][event->service] = seen->ended +
							    (seen->in_flight
								 ? 2
								 : 1);
	watch_poke(c->watch, event->site, event->service);
}

static void
on_settled(void *ctx)
{
	control_look(ctx);
}

static void
on_companies(void *ctx)
{
	control_look(ctx);
}
