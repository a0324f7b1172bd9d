/*
 *   request -> page's file? dashboard_page -- everything else is ctl's:
 *   /v1/login, /v1/logout, /v1/session, /v1/samples  answered here
 *   other calls of the list, with a session          admin's
 *
 * A request that changes something must come from our own page: its Origin
 * is ours and it has the session's word, which no other page can read.
 */
#include "proxy/dashboard.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/secret.h"
#include "io/addr.h"
#include "io/httpd.h"
#include "io/httpd_tls.h"
#include "io/timer.h"
#include "proxy/dashboard_page.h"
#include "proxy/samples.h"
#include "proxy/sessions.h"

#define TOKEN_MIN 16

struct dashboard {
	struct control *control;
	struct dashboard_conf owner;
	struct ctl *ctl;
	struct certs *certs; /* NULL: no TLS */
	char *listen;
	struct strbuf token; /* empty: nobody has one */
	struct sessions *sessions;
	struct samples *samples;
	struct timer *sample;
	char cookie[24]; /* its name: cookies do not tell ports apart */
};

static void on_request(void *ctx, struct ctl_req *req, const json_t *body);
static void on_gone(void *ctx, struct ctl_req *req);
static struct ssl_st *on_connection(void *ctx, void **held);
static void on_connection_end(void *held);
static void on_sample(void *ctx);

static int
load(const struct conf *conf, bool tls, struct strbuf *token,
     struct certs **certs, struct err *e)
{
	struct certs_conf c;

	if (secret_read(conf->dashboard_token_file, token, e) < 0)
		return err_prefix(e, "dashboard.token_file");
	if (token->len > 0 && token->len < TOKEN_MIN)
		return err_set(e, ERR_INVALID,
			       "dashboard.token_file: %s: a token needs %d "
			       "characters or more",
			       conf->dashboard_token_file, TOKEN_MIN);
	if (!tls)
		return 0;
	conf_tls(conf, &c);
	c.clients = CERTS_CLIENTS_OFF;
	c.no_h2 = true;
	*certs = certs_load(&c, e);
	return *certs != NULL ? 0 : err_prefix(e, "tls.certificates");
}

static int
take(struct dashboard *d, const struct conf *conf, bool tls, struct err *e)
{
	struct strbuf token = { 0 };
	struct certs *certs = NULL;

	if (load(conf, tls, &token, &certs, e) < 0) {
		strbuf_fini(&token);
		return -1;
	}
	strbuf_fini(&d->token);
	d->token = token;
	certs_drop(&d->certs);
	d->certs = certs;
	return 0;
}

int
dashboard_check(const struct conf *conf, struct err *e)
{
	STRBUF_AUTO token = { 0 };
	struct certs *certs = NULL;
	struct addr a;
	int rc;

	if (conf->dashboard_listen[0] == '\0')
		return 0;
	if (addr_parse(&a, conf->dashboard_listen, e) < 0)
		return err_prefix(e, "dashboard.listen");
	if (!conf->dashboard_tls && !addr_is_loopback(&a))
		return err_set(e, ERR_INVALID,
			       "dashboard.listen: %s can be reached by others, "
			       "so dashboard.tls must be yes",
			       conf->dashboard_listen);
	if (conf->dashboard_tls && conf->certificates[0] == '\0')
		return err_set(e, ERR_INVALID,
			       "dashboard.tls needs tls.certificates");
	rc = load(conf, conf->dashboard_tls, &token, &certs, e);
	certs_drop(&certs);
	return rc;
}

int
dashboard_reload(struct dashboard *d, const struct conf *conf, struct err *e)
{
	return take(d, conf, d->certs != NULL, e);
}

static int
listen_on(struct dashboard *d, const struct conf *conf, struct err *e)
{
	struct httpd_tls tls = { .begin = on_connection,
				 .end = on_connection_end,
				 .ctx = d };
	const char *port = strrchr(conf->dashboard_listen, ':');

	d->listen = mem_strdup(conf->dashboard_listen);
	snprintf(d->cookie, sizeof(d->cookie), "gsb%s",
		 port != NULL ? port + 1 : "");
	d->ctl = ctl_open(
	    &(struct ctl_conf){ .listen = conf->dashboard_listen,
				.tls = d->certs != NULL ? &tls : NULL,
				.fields = dashboard_page_json,
				.on_http = dashboard_page,
				.on_request = on_request,
				.on_gone = on_gone,
				.ctx = d },
	    e);
	return d->ctl != NULL ? 0 : err_prefix(e, "dashboard.listen");
}

struct dashboard *
dashboard_open(const struct dashboard_conf *conf, struct err *e)
{
	struct dashboard *d = mem_new(struct dashboard);
	const struct conf *c = conf->control->conf;

	d->control = conf->control;
	d->owner = *conf;
	d->sessions = sessions_new();
	d->samples = samples_new();
	if (take(d, c, c->dashboard_tls, e) < 0 || listen_on(d, c, e) < 0) {
		dashboard_close(&d);
		return NULL;
	}
	d->sample = timer_start(0, on_sample, d);
	return d;
}

void
dashboard_close(struct dashboard **dp)
{
	struct dashboard *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	timer_cancel(&d->sample);
	ctl_close(&d->ctl);
	certs_drop(&d->certs);
	strbuf_fini(&d->token);
	mem_free(d->listen);
	sessions_free(&d->sessions);
	samples_free(&d->samples);
	mem_free(d);
}

static void
invite(struct dashboard *d, const char *who, struct strbuf *url)
{
	const struct conf *c = d->control->conf;
	char word[SESSIONS_WORD];

	sessions_invite(d->sessions, who, clock_mono_ms(), word);
	if (c->dashboard_url[0] != '\0')
		strbuf_adds(url, c->dashboard_url);
	else
		strbuf_addf(url, "%s://%s/",
			    d->certs != NULL ? "https" : "http", d->listen);
	/* behind "#": a browser sends that to nobody, and no log has it */
	strbuf_addf(url, "#once=%s", word);
}

void
dashboard_ask(struct dashboard *d, struct ctl_req *req, const json_t *body)
{
	STRBUF_AUTO url = { 0 };
	const char *who = "operator";
	json_t *doc;

	if (d == NULL) {
		ctl_refuse(req, 409,
			   "there is no dashboard: set dashboard.listen in the "
			   "proxy's configuration and restart or upgrade it");
		return;
	}
	if (body != NULL)
		(void)json_get_str(body, "who", &who, NULL);
	invite(d, who, &url);
	doc = json_object();
	json_put_str(doc, "url", strbuf_text(&url));
	ctl_reply(req, 200, doc);
}

static struct ssl_st *
on_connection(void *ctx, void **held)
{
	struct dashboard *d = ctx;

	*held = certs_hold(d->certs);
	return certs_session(d->certs);
}

static void
on_connection_end(void *held)
{
	struct certs *certs = held;

	certs_drop(&certs);
}

/* --- who it is ----------------------------------------------------------- */

static struct span
cookie_of(const struct dashboard *d, const struct httpd_req *http)
{
	struct span rest = httpd_field(http, "Cookie"), one, name;

	while (span_cut(&rest, ';', &one)) {
		one = span_trim(one);
		if (span_cut(&one, '=', &name) && span_is(name, d->cookie))
			return one;
	}
	return (struct span){ 0 };
}

static const struct sessions_one *
session_of(const struct dashboard *d, const struct ctl_req *req)
{
	return sessions_find(d->sessions, cookie_of(d, ctl_http(req)),
			     clock_mono_ms());
}

/* A browser says where the page that sends this comes from. */
static bool
is_ours(const struct dashboard *d, const struct ctl_req *req)
{
	const struct httpd_req *http = ctl_http(req);
	struct span origin = httpd_field(http, "Origin");
	struct span site = httpd_field(http, "Sec-Fetch-Site");
	const char *scheme = d->certs != NULL ? "https://" : "http://";

	if (site.at != NULL && !span_is(site, "same-origin"))
		return false;
	return origin.at == NULL || (span_starts(origin, scheme) &&
				     span_eq(span_skip(origin, strlen(scheme)),
					     httpd_field(http, "Host")));
}

static void
reply_session(const struct dashboard *d, struct ctl_req *req,
	      const struct sessions_one *one, bool set_cookie)
{
	char cookie[192];
	const struct httpd_field fields[] = {
		{ "Content-Type", "application/json" },
		{ "Cache-Control", "no-store" },
		{ "Set-Cookie", cookie },
		{ NULL, NULL },
	};
	STRBUF_AUTO text = { 0 };
	JSON_AUTO doc = json_object();

	json_put_str(doc, "who", one->who);
	json_put_str(doc, "csrf", one->csrf);
	json_put_int(doc, "left_ms", one->until_ms - clock_mono_ms());
	if (!set_cookie) {
		ctl_reply(req, 200, json_incref(doc));
		return;
	}
	snprintf(cookie, sizeof(cookie),
		 "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
		 d->cookie, one->word, SESSIONS_MS / 1000,
		 d->certs != NULL ? "; Secure" : "");
	json_write(doc, JSON_AS_MADE, &text);
	httpd_reply(ctl_http(req), 200, fields, strbuf_span(&text));
}

static void
tell(struct dashboard *d, const struct ctl_req *req, const char *who,
     const char *what)
{
	char text[192];

	snprintf(text, sizeof(text), "dashboard: %s from %s %s", who,
		 httpd_peer(ctl_http(req)), what);
	events_add(d->control->events, "service", d->control->f.rec.epoch, text,
		   NULL);
}

static const struct sessions_one *
try_token(struct dashboard *d, const char *token, const char *name)
{
	const char *who = name[strspn(name, " \t")] != '\0' ? name : "operator";

	if (d->token.len > 0 &&
	    crypto_equal(span_of(token), strbuf_span(&d->token)))
		return sessions_add(d->sessions, who, clock_mono_ms());
	sessions_failed(d->sessions, clock_mono_ms());
	return NULL;
}

static void
post_login(struct dashboard *d, struct ctl_req *req, const json_t *body)
{
	const char *once = NULL, *token = "", *name = "";
	const struct sessions_one *one;
	struct err e = { 0 };

	if (!json_is_object(body) ||
	    json_get_str(body, "once", &once, &e) < 0 ||
	    json_get_str(body, "token", &token, &e) < 0 ||
	    json_get_str(body, "name", &name, &e) < 0) {
		ctl_refuse(req, 400, "token and name, or once, are needed");
		return;
	}
	if (once == NULL && !sessions_may_try(d->sessions, clock_mono_ms())) {
		ctl_refuse(req, 429,
			   "too many wrong tokens: wait a minute, or use an "
			   "address that gsbctl dashboard prints");
		return;
	}
	one = once != NULL
		  ? sessions_redeem(d->sessions, span_of(once), clock_mono_ms())
		  : try_token(d, token, name);
	tell(d, req, one != NULL ? one->who : "somebody",
	     one != NULL ? "has logged in" : "was not let in");
	if (one != NULL)
		reply_session(d, req, one, true);
	else
		ctl_refuse(req, 401,
			   once != NULL ? "this address was used already, or "
					  "is too old: gsbctl dashboard prints "
					  "a new one"
					: "that is not the token");
}

static void
post_logout(struct dashboard *d, struct ctl_req *req)
{
	sessions_end(d->sessions, cookie_of(d, ctl_http(req)));
	ctl_reply(req, 200, json_object());
}

/* --- calls --------------------------------------------------------------- */

static const struct {
	const char *method, *path; /* with a "/" at its end: what begins so */
} handed_on[] = {
	{ "GET", "/v1/status" },  { "GET", "/v1/events" },
	{ "GET", "/v1/orders/" }, { "GET", "/v1/companies" },
	{ "GET", "/v1/notices" }, { "POST", "/v1/orders" },
};

static bool
is_handed_on(const struct ctl_req *req)
{
	for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++) {
		struct span want = span_of(handed_on[i].path);
		struct span path = ctl_path(req);

		if (span_is(ctl_method(req), handed_on[i].method) &&
		    (span_ends(want, "/") ? span_starts(path, want.at)
					  : span_eq(path, want)))
			return true;
	}
	return false;
}

/* The audit log says who it was, whatever the body says. */
static void
hand_on(struct dashboard *d, struct ctl_req *req, const json_t *body,
	const char *who)
{
	JSON_AUTO named = NULL;
	char text[SESSIONS_WHO + 16];

	if (json_is_object(body)) {
		named = json_deep_copy(body);
		snprintf(text, sizeof(text), "%s (dashboard)", who);
		json_put_str(named, "who", text);
	}
	d->owner.on_request(d->owner.ctx, req, named != NULL ? named : body);
}

static void
get_samples(struct dashboard *d, struct ctl_req *req)
{
	const char *text = ctl_param(req, "since");
	uint64_t since = 0;

	if (text != NULL &&
	    (span_to_u64(span_of(text), &since) < 0 || since > INT64_MAX))
		ctl_refuse(req, 400, "since must be UNIX microseconds");
	else
		ctl_reply(req, 200, samples_json(d->samples, (int64_t)since));
}

static void
ask(struct dashboard *d, struct ctl_req *req, const json_t *body,
    const struct sessions_one *one)
{
	bool post = span_is(ctl_method(req), "POST");
	struct span path = ctl_path(req);
	char who[SESSIONS_WHO];

	snprintf(who, sizeof(who), "%s", one->who);
	if (!post && span_is(path, "/v1/session"))
		reply_session(d, req, one, false);
	else if (!post && span_is(path, "/v1/samples"))
		get_samples(d, req);
	else if (post && span_is(path, "/v1/logout"))
		post_logout(d, req);
	else if (is_handed_on(req))
		hand_on(d, req, body, who);
	else
		ctl_refuse(req, 404, "no such call");
}

static void
on_request(void *ctx, struct ctl_req *req, const json_t *body)
{
	struct dashboard *d = ctx;
	bool post = span_is(ctl_method(req), "POST");
	const struct sessions_one *one = session_of(d, req);

	if (!post && !span_is(ctl_method(req), "GET"))
		ctl_refuse(req, 405, "GET or POST");
	else if (post && !is_ours(d, req))
		ctl_refuse(req, 403, "another site's page sent this");
	else if (post && span_is(ctl_path(req), "/v1/login"))
		post_login(d, req, body);
	else if (one == NULL)
		ctl_refuse(req, 401, "log in first");
	else if (post && !crypto_equal(httpd_field(ctl_http(req), "X-GSB-CSRF"),
				       span_of(one->csrf)))
		ctl_refuse(req, 403, "X-GSB-CSRF is not the session's");
	else
		ask(d, req, body, one);
}

static void
on_gone(void *ctx, struct ctl_req *req)
{
	struct dashboard *d = ctx;

	d->owner.on_gone(d->owner.ctx, req);
}

/* --- the last hour ------------------------------------------------------- */

static void
on_sample(void *ctx)
{
	struct dashboard *d = ctx;
	const struct control *c = d->control;
	struct plane_counts counts;
	struct samples_now now = { .wall_us = clock_wall_us(), .active = -1 };

	d->sample = timer_start(SAMPLES_EVERY_MS, on_sample, d);
	plane_counts(c->plane, &counts);
	if (c->f.rec.epoch > 0 && c->plan.mode == ROUTE_SERVE)
		now.active = (int)c->f.rec.active;
	for (int s = 0; s < ROUTE_SITES; s++) {
		const struct report_replication *r = &c->view.site[s]
							  .replication;

		now.lag_ms[s] = r->known && r->out == REPORT_STREAM_STREAMING
				    ? r->out_lag_ms
				    : -1;
		now.answers[s] = counts.answers[s];
		now.failed[s] = counts.failed[s];
	}
	now.held = counts.held;
	samples_add(d->samples, &now);
}
