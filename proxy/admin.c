/*
 * A request that waits (events, an order's end) is one struct wait, answered
 * by news, by its timer, or never when its client has gone.
 */
#include "proxy/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "io/ctl.h"
#include "io/httpd.h"
#include "io/loop.h"
#include "io/timer.h"
#include "proxy/admin_audit.h"
#include "proxy/admin_keys.h"
#include "proxy/admin_notices.h"
#include "proxy/admin_self.h"
#include "proxy/dashboard.h"
#include "proxy/status.h"

#define EVENTS_MAX 256
#define WAIT_MAX_MS 60000
#define WAITS_MAX 256

enum wait_kind { WAIT_EVENTS, WAIT_ORDER };

struct wait {
	struct admin *admin;
	struct ctl_req *req;
	enum wait_kind kind;
	uint64_t number; /* event since which, or order */
	struct timer *timer;
	TAILQ_ENTRY(wait) entry;
};

struct adding {
	struct admin *admin;
	struct ctl_req *req; /* NULL: its client has gone */
	struct companies_add *call;
	TAILQ_ENTRY(adding) entry;
};

struct admin {
	struct control *control;
	struct notices *notices;
	struct ctl *ctl;
	struct httpd *metrics;       /* NULL: not wanted */
	struct dashboard *dashboard; /* NULL: not wanted */
	struct loop_call *wake;
	TAILQ_HEAD(, wait) waits;
	unsigned nwaits;
	TAILQ_HEAD(, adding) addings;
	struct admin_audit *audit;
};

static void on_request(void *ctx, struct ctl_req *req, const json_t *body);
static void on_gone(void *ctx, struct ctl_req *req);
static void on_metrics(void *ctx, struct httpd_req *req);
static void on_event(void *ctx);
static void on_wake(void *ctx);
static void on_waited(void *ctx);
static void on_added(void *ctx, int status, const json_t *body,
		     const struct err *err);

static int
open_metrics(struct admin *a, struct err *e)
{
	const char *listen = a->control->conf->metrics_listen;

	if (listen[0] == '\0')
		return 0;
	a->metrics = httpd_open(&(struct httpd_conf){ .listen = listen,
						      .body_limit = 4096,
						      .max_conns = 64,
						      .on_request = on_metrics,
						      .ctx = a },
				e);
	return a->metrics != NULL ? 0 : err_prefix(e, "proxy.metrics_listen");
}

static int
open_dashboard(struct admin *a, struct err *e)
{
	if (a->control->conf->dashboard_listen[0] == '\0')
		return 0;
	a->dashboard = dashboard_open(
	    &(struct dashboard_conf){ .control = a->control,
				      .on_request = on_request,
				      .on_gone = on_gone,
				      .ctx = a },
	    e);
	return a->dashboard != NULL ? 0 : -1;
}

struct admin *
admin_open(struct control *control, struct notices *notices, struct err *e)
{
	struct admin *a = mem_new(struct admin);

	a->control = control;
	a->notices = notices;
	TAILQ_INIT(&a->waits);
	TAILQ_INIT(&a->addings);
	a->audit = admin_audit_new(control->events);
	a->ctl = ctl_open(&(struct ctl_conf){ .path = control->conf->admin,
					      .on_request = on_request,
					      .on_gone = on_gone,
					      .ctx = a },
			  e);
	if (a->ctl == NULL || open_metrics(a, e) < 0 ||
	    open_dashboard(a, e) < 0) {
		admin_close(&a);
		return NULL;
	}
	events_observe(control->events, on_event, a);
	return a;
}

static void
wait_end(struct wait *w)
{
	TAILQ_REMOVE(&w->admin->waits, w, entry);
	w->admin->nwaits--;
	timer_cancel(&w->timer);
	mem_free(w);
}

static void
adding_end(struct adding *d)
{
	TAILQ_REMOVE(&d->admin->addings, d, entry);
	companies_add_cancel(&d->call);
	mem_free(d);
}

void
admin_close(struct admin **ap)
{
	struct admin *a = *ap;
	struct wait *w;
	struct adding *d;

	*ap = NULL;
	if (a == NULL)
		return;
	events_ignore(a->control->events, a);
	while ((w = TAILQ_FIRST(&a->waits)) != NULL)
		wait_end(w);
	while ((d = TAILQ_FIRST(&a->addings)) != NULL)
		adding_end(d);
	loop_defer_cancel(&a->wake);
	admin_audit_free(&a->audit);
	ctl_close(&a->ctl);
	httpd_close(&a->metrics);
	dashboard_close(&a->dashboard);
	mem_free(a);
}

int
admin_reload(struct admin *a, const struct conf *conf, struct err *e)
{
	return a->dashboard != NULL ? dashboard_reload(a->dashboard, conf, e)
				    : 0;
}

/* The parameter as a number; -1 and an answer if it is none. */
static int
number(struct ctl_req *req, const char *name, uint64_t max, uint64_t *out)
{
	const char *text = ctl_param(req, name);
	char why[96];

	*out = 0;
	if (text == NULL)
		return 0;
	if (span_to_u64(span_of(text), out) == 0 && *out <= max)
		return 0;
	snprintf(why, sizeof(why), "%s must be a number up to %llu", name,
		 (unsigned long long)max);
	ctl_refuse(req, 400, why);
	return -1;
}

static void
wait_for(struct admin *a, struct ctl_req *req, enum wait_kind kind,
	 uint64_t number, uint64_t ms)
{
	struct wait *w;

	if (a->nwaits >= WAITS_MAX) {
		ctl_refuse(req, 503, "too many callers wait already");
		return;
	}
	w = mem_new(struct wait);
	w->admin = a;
	w->req = req;
	w->kind = kind;
	w->number = number;
	w->timer = timer_start(ms, on_waited, w);
	TAILQ_INSERT_TAIL(&a->waits, w, entry);
	a->nwaits++;
	ctl_set_data(req, w);
}

static void
reply_events(struct admin *a, struct ctl_req *req, uint64_t since)
{
	const struct events *ev = a->control->events;
	json_t *doc = json_object();

	json_put(doc, "events", events_since(ev, since, EVENTS_MAX));
	json_put_int(doc, "last", (int64_t)events_last(ev));
	ctl_reply(req, 200, doc);
}

static void
get_events(struct admin *a, struct ctl_req *req)
{
	uint64_t since, ms;

	if (number(req, "since", INT64_MAX, &since) < 0 ||
	    number(req, "wait_ms", WAIT_MAX_MS, &ms) < 0)
		return;
	if (ms > 0 && since >= events_last(a->control->events))
		wait_for(a, req, WAIT_EVENTS, since, ms);
	else
		reply_events(a, req, since);
}

static void
reply_order(struct admin *a, struct ctl_req *req, uint64_t id)
{
	json_t *doc = orders_json(a->control->orders, id);

	if (doc == NULL)
		ctl_refuse(req, 404, "no such order");
	else
		ctl_reply(req, 200, doc);
}

static void
get_order(struct admin *a, struct ctl_req *req, struct span text)
{
	uint64_t id, ms;

	if (span_to_u64(text, &id) < 0) {
		ctl_refuse(req, 400, "an order's id is a number");
		return;
	}
	if (number(req, "wait_ms", WAIT_MAX_MS, &ms) < 0)
		return;
	if (ms > 0 && !orders_ended(a->control->orders, id))
		wait_for(a, req, WAIT_ORDER, id, ms);
	else
		reply_order(a, req, id);
}

static void
reply_judged(struct ctl_req *req, const struct rules_judged *judged,
	     bool dry_run)
{
	json_t *doc = json_object();

	json_put_str(doc, "message", judged->message);
	if (dry_run)
		json_put_bool(doc, "dry_run", true);
	if (judged->verdict == RULES_REFUSED) {
		json_put_str(doc, "rule", judged->rule);
		json_put_str(doc, "override", judged->override);
		ctl_reply(req, 409, doc);
		return;
	}
	json_put(doc, "id", json_null());
	json_put_str(doc, "state",
		     judged->verdict == RULES_GO ? "would-run" : "done");
	ctl_reply(req, 200, doc);
}

static void
post_order(struct admin *a, struct ctl_req *req, const json_t *body)
{
	struct rules_order order;
	struct rules_judged judged;
	struct err e = { 0 };
	bool dry_run;
	uint64_t id;

	if (orders_parse(body, &order, &dry_run, &e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
		return;
	}
	control_order(a->control, &order, dry_run, &judged, &id);
	if (id != 0)
		reply_order(a, req, id);
	else
		reply_judged(req, &judged, dry_run);
}

static void
post_company(struct admin *a, struct ctl_req *req, const json_t *body)
{
	struct control *c = a->control;
	struct companies_target to = { .address = c->web[c->f.rec.active].text,
				       .site = c->f.rec.active,
				       .epoch = c->f.rec.epoch };
	struct adding *d;

	if (!json_is_object(body)) {
		ctl_refuse(req, 400, "the body must be an object");
		return;
	}
	if (c->plan.mode != ROUTE_SERVE || !c->view.site[to.site].serving) {
		ctl_refuse(req, 503, "no site serves now; try again later");
		return;
	}
	d = mem_new(struct adding);
	d->admin = a;
	d->req = req;
	ctl_set_data(req, d);
	TAILQ_INSERT_TAIL(&a->addings, d, entry);
	d->call = companies_add(c->companies, &to, body, on_added, d);
}

static void
get_fsm(struct ctl_req *req)
{
	const char *form = ctl_param(req, "form");
	json_t *doc = json_object();
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (form != NULL && strcmp(form, "mermaid") == 0)
		states_diagram(f);
	else
		fsm_print(&states_fsm, f);
	fclose(f);
	json_put_span(doc, "text", span_make(text, len));
	free(text);
	ctl_reply(req, 200, doc);
}

static void
on_request(void *ctx, struct ctl_req *req, const json_t *body)
{
	struct admin *a = ctx;
	struct span path = ctl_path(req);
	bool get = span_is(ctl_method(req), "GET");
	bool post = span_is(ctl_method(req), "POST");

	if (get && span_is(path, "/v1/status"))
		admin_self_status(a->control, req);
	else if (get && span_is(path, "/v1/events"))
		get_events(a, req);
	else if (post && span_is(path, "/v1/orders"))
		post_order(a, req, body);
	else if (get && span_starts(path, "/v1/orders/"))
		get_order(a, req, span_skip(path, strlen("/v1/orders/")));
	else if (get && span_is(path, "/v1/companies"))
		ctl_reply(req, 200, companies_json(a->control->companies));
	else if (post && span_is(path, "/v1/companies"))
		post_company(a, req, body);
	else if ((get || post) && span_is(path, "/v1/notices"))
		admin_notices_ask(a->notices, req, post);
	else if (post && span_is(path, "/v1/reload"))
		admin_self_reload(req);
	else if (post && span_is(path, "/v1/upgrade"))
		admin_self_upgrade(req);
	else if (get && span_is(path, "/v1/fsm"))
		get_fsm(req);
	else if (post && span_is(path, "/v1/keys"))
		admin_keys(a->control, req, body);
	else if (post && span_is(path, "/v1/dashboard"))
		dashboard_ask(a->dashboard, req, body);
	else if (get && span_is(path, "/v1/audit"))
		admin_audit_ask(a->audit, req);
	else
		ctl_refuse(req, 404, "no such call");
}

static void
on_gone(void *ctx, struct ctl_req *req)
{
	struct admin *a = ctx;
	struct wait *w;
	struct adding *d;

	admin_audit_gone(a->audit, req);
	TAILQ_FOREACH(w, &a->waits, entry)
	if (w->req == req) {
		wait_end(w);
		return;
	}
	/* The site goes on with it; only nobody is told. */
	TAILQ_FOREACH(d, &a->addings, entry)
	if (d->req == req)
		d->req = NULL;
}

static void
answer(struct wait *w)
{
	struct admin *a = w->admin;
	struct ctl_req *req = w->req;
	enum wait_kind kind = w->kind;
	uint64_t n = w->number;

	wait_end(w);
	if (kind == WAIT_EVENTS)
		reply_events(a, req, n);
	else
		reply_order(a, req, n);
}

static bool
is_due(const struct wait *w)
{
	const struct control *c = w->admin->control;

	return w->kind == WAIT_EVENTS ? events_last(c->events) > w->number
				      : orders_ended(c->orders, w->number);
}

/* Events come in the middle of a decision: answer when that is over. */
static void
on_event(void *ctx)
{
	struct admin *a = ctx;

	if (a->wake == NULL)
		a->wake = loop_defer(on_wake, a);
}

static void
on_wake(void *ctx)
{
	struct admin *a = ctx;
	struct wait *w, *next;

	a->wake = NULL; /* it has run */
	for (w = TAILQ_FIRST(&a->waits); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (is_due(w))
			answer(w);
	}
}

static void
on_waited(void *ctx)
{
	struct wait *w = ctx;

	w->timer = NULL; /* it has fired */
	answer(w);
}

static void
on_added(void *ctx, int status, const json_t *body, const struct err *err)
{
	struct adding *d = ctx;
	struct admin *a = d->admin;
	struct ctl_req *req = d->req;
	char text[512];

	d->call = NULL; /* it has ended */
	adding_end(d);
	snprintf(text, sizeof(text), "company add: %s %d",
		 err != NULL ? err_text(err) : "the site answered", status);
	events_add(a->control->events, "order", a->control->f.rec.epoch, text,
		   NULL);
	if (req == NULL)
		return;
	if (err != NULL)
		ctl_refuse(req, 502, err_text(err));
	else
		ctl_reply(req, status, json_deep_copy(body));
}

static void
on_metrics(void *ctx, struct httpd_req *req)
{
	struct admin *a = ctx;
	static const struct httpd_field fields[] = {
		{ "Content-Type", "text/plain; version=0.0.4" }, { NULL, NULL }
	};
	STRBUF_AUTO text = { 0 };

	if (!span_is(httpd_path(req), "/metrics")) {
		httpd_reply(req, 404, NULL, span_of("only /metrics is here\n"));
		return;
	}
	plane_metrics(a->control->plane, &text);
	status_metrics(a->control, &text);
	notices_metrics(a->notices, &text);
	httpd_reply(req, 200, fields, strbuf_span(&text));
}
