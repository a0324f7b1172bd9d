/*
 * Log-in and log-out. The session is a signed token in a cookie: good on both
 * sites; a log-out ends it by a row that replicates. Forms carry its MAC.
 */
#include "site/page_session.h"

#include <string.h>

#include "base/crypto.h"
#include "base/keyring.h"
#include "base/strbuf.h"
#include "base/token.h"
#include "io/httpd.h"
#include "site/auth.h"
#include "site/page_view.h"
#include "site/record.h"
#include "site/site.h"

#define SESSION_S (12 * 3600)

static void show_login(struct api *a);
static void log_in(struct api *a);
static void on_password(struct api *a);
static void log_out(struct api *a);
static void fill_end(struct api *a, struct pgbatch *b);
static void render_end(struct api *a, const struct pgresult *r, size_t n,
		       struct write_answer *out);

const struct page_route page_session_routes[] = {
	{ "GET", "login", PAGE_ANYBODY, show_login },
	{ "POST", "login", PAGE_ANYBODY, log_in },
	{ "POST", "logout", PAGE_ANYBODY, log_out },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static const struct pgstmt end_session = {
	.name = "page_log_out",
	.sql = "INSERT INTO revocation (id, company_id, expires) VALUES "
	       "($1::uuid, $2, to_timestamp($3::bigint)) "
	       "ON CONFLICT DO NOTHING",
	.nparams = 3,
};
static const struct write_op end_op = { "page.logout", fill_end, render_end,
					NULL, false };

/* Only whoever speaks TLS for this very host can set one of that name. */
static const char *
cookie_name(const struct site *s)
{
	return site_is_https(s) ? "__Host-gsb" : "gsb";
}

const char *
page_session_cookie(const struct api *a)
{
	return cookie_name(a->site);
}

const char *
page_session_cookie_of(struct httpd_req *req, const char *name)
{
	struct span rest = httpd_field(req, "Cookie"), part, key;

	while (span_cut(&rest, ';', &part)) {
		part = span_trim(part);
		span_cut(&part, '=', &key);
		if (span_is(key, name) && part.at != NULL)
			return arena_span(httpd_arena(req), part);
	}
	return NULL;
}

const char *
page_session_read_cookie(const struct site *s, struct httpd_req *req)
{
	return page_session_cookie_of(req, cookie_name(s));
}

void
page_set_cookie(struct api *a, const char *name, const char *value,
		int64_t max_age_s)
{
	struct page_call *call = page_call(a);
	const char *life = "";

	if (call->n_cookies == PAGE_COOKIES)
		return;
	if (max_age_s >= 0)
		life = arena_printf(a->arena, "; Max-Age=%lld",
				    (long long)max_age_s);
	call->cookies[call->n_cookies++] = arena_printf(
	    a->arena, "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s", name, value,
	    site_is_https(a->site) ? "; Secure" : "", life);
}

bool
page_session_is_ours(struct api *a)
{
	struct span from = httpd_field(a->http, "Sec-Fetch-Site");
	struct span origin = httpd_field(a->http, "Origin");
	struct span host = httpd_field(a->http, "X-Forwarded-Host");
	struct span scheme;

	if (span_is(httpd_method(a->http), "GET") ||
	    span_is(httpd_method(a->http), "HEAD"))
		return true;
	if (from.at != NULL)
		return span_is(from, "same-origin") || span_is(from, "none");
	if (origin.at == NULL || span_is(origin, a->site->conf->public_url))
		return true;
	span_cut(&origin, '/', &scheme);
	span_cut(&origin, '/', &scheme);
	return host.len > 0 && span_eq(origin, host);
}

const char *
page_session_csrf(struct api *a)
{
	STRBUF_AUTO text = { 0 };
	STRBUF_AUTO mac = { 0 };

	if (page_call(a) == NULL || page_call(a)->token == NULL)
		return "";
	strbuf_addf(&text, "form %s", page_call(a)->token);
	keyring_sign(a->site->keys, strbuf_span(&text), &mac);
	return arena_span(a->arena, strbuf_span(&mac));
}

bool
page_session_form_is_ours(struct api *a)
{
	struct span header = httpd_field(a->http, "X-GSB-Form");
	const char *given = page_field(a, "csrf");
	STRBUF_AUTO text = { 0 };

	if (a->who == NULL || page_call(a)->route->run == log_in ||
	    span_is(httpd_method(a->http), "GET") ||
	    span_is(httpd_method(a->http), "HEAD"))
		return true;
	if (header.at == NULL && given == NULL)
		return false;
	strbuf_addf(&text, "form %s", page_call(a)->token);
	return keyring_verify(a->site->keys, strbuf_span(&text),
			      header.at != NULL ? header : span_of(given),
			      NULL) == 0;
}

/* A path of this company and nothing that a browser takes for a host. */
const char *
page_session_local(const struct api *a, const char *to)
{
	const char *home = arena_printf(a->arena, "/%s/", a->company->name);
	size_t len = strlen(home);

	if (to == NULL || strncmp(to, home, len) != 0 || to[len] == '/')
		return NULL;
	for (const char *p = to; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == '\\' || *p == 0x7f)
			return NULL;
	return to + len;
}

static void
go_local(struct api *a, const char *to)
{
	const char *path = page_session_local(a, to);

	page_go(a, "%s", path != NULL ? path : "");
}

static void
show_login(struct api *a)
{
	json_t *data = json_object();

	if (a->who != NULL) {
		json_decref(data);
		go_local(a, page_param(a, "to"));
		return;
	}
	json_put_str(data, "to", page_param(a, "to"));
	page_show(a, "login.html", "Log in", data);
}

static void
log_in(struct api *a)
{
	struct auth_credentials c = { .site_name = a->company->name };
	const char *user = page_text(a, "user");
	const char *to = page_text(a, "to");
	json_t *data = json_object();

	json_put_str(data, "to", to);
	json_put_str(data, "user", user);
	page_again(a, "login.html", "Log in", data);
	c.password = page_field(a, "password");
	if (user[0] == '\0' || c.password == NULL || c.password[0] == '\0') {
		api_fail(a, FAULT_INVALID, "Give your user name and password");
		return;
	}
	if (strchr(user, '@') != NULL)
		c.email = user;
	else
		c.webexid = user;
	page_call(a)->back = to;
	auth_start(a, &c, on_password);
}

void
page_log_in(struct api *a)
{
	STRBUF_AUTO token = { 0 };

	auth_token(a, AUTH_SESSION, SESSION_S, &token);
	page_set_cookie(a, page_session_cookie(a), strbuf_text(&token), -1);
}

static void
on_password(struct api *a)
{
	page_log_in(a);
	go_local(a, page_call(a)->back);
}

static void
log_out(struct api *a)
{
	page_set_cookie(a, page_session_cookie(a), "", 0);
	if (a->who == NULL)
		page_go(a, "login?said=out");
	else
		write_start(a, &end_op);
}

/* The fourth part of the payload is the session's id (auth.c). */
static void
fill_end(struct api *a, struct pgbatch *b)
{
	STRBUF_AUTO payload = { 0 };
	struct span rest, id = { 0 };
	struct pgparam p[3];

	if (token_read(a->site->keys, AUTH_SESSION,
		       span_of(page_call(a)->token), 0, &payload, NULL) < 0)
		return;
	rest = strbuf_span(&payload);
	for (int i = 0; i < 4; i++)
		span_cut(&rest, ' ', &id);
	p[0] = pgparam_span(id);
	p[1] = pgparam_text(a->company->id);
	p[2] = pgparam_int(a->token_expiry_s);
	pgbatch_add(b, &end_session, p);
}

static void
render_end(struct api *a, const struct pgresult *r, size_t n,
	   struct write_answer *out)
{
	page_went(a, out, "login?said=out");
}
