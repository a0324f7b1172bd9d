/*
 *   page_handle --> company, or company and account --> on_known
 *               --> who may, and is the form ours? --> the route's handler
 */
#include "site/page.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "base/token.h"
#include "io/httpd.h"
#include "site/auth.h"
#include "site/files_serve.h"
#include "site/page_session.h"
#include "site/page_view.h"
#include "site/record.h"
#include "site/site.h"

static const struct page_route *const tables[] = {
	page_session_routes,  page_home_routes,    page_meeting_routes,
	page_schedule_routes, page_room_routes,    page_people_routes,
	page_config_routes,   page_url_routes,     page_view_routes,
	page_settings_routes, page_reports_routes,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const struct page_route *find(struct page_call *call, struct span method,
				     struct arena *arena, bool *known);
static void read_once(struct api *a);
static void start(struct api *a);
static void on_session(struct api *a);
static void on_known(struct api *a);
static void run_lost(struct api *a);

/* Whoever mistyped a path is still within the company's pages. */
static const struct page_route lost = { "GET", "", PAGE_ANYBODY, run_lost };

void
page_handle(struct api *a, const struct url_path *path)
{
	struct page_call *call = arena_make(a->arena, struct page_call);
	struct span method = httpd_method(a->http);
	bool reads = span_is(method, "GET") || span_is(method, "HEAD");
	bool known = false;

	a->data = call;
	call->path = path;
	if (url_path_is(path, 1, "pages") ||
	    (url_path_is(path, 1, "clients") && path->n > 2)) {
		known = true;
		call->route = reads ? page_view_daily : NULL;
	} else if (path->n > 0) {
		call->route = find(call, method, a->arena, &known);
		if (!known && reads)
			call->route = &lost;
	}
	if (call->route == NULL)
		api_fail(a, known ? FAULT_METHOD : FAULT_NO_PAGE, NULL);
	else
		start(a);
}

/* A form that is sent twice, unchanged, is one request (docs/contracts.md 5):
 * its own key and what it says make the key. */
static void
read_once(struct api *a)
{
	const char *once = page_field(a, "once");
	uint8_t sha[CRYPTO_SHA256_SIZE];
	STRBUF_AUTO hex = { 0 };

	if (once == NULL || once[0] == '\0' || strlen(once) > 64 ||
	    a->client_key)
		return;
	crypto_sha256(httpd_body(a->http), sha);
	crypto_hex(span_make((const char *)sha, sizeof(sha)), &hex);
	a->key = arena_printf(a->arena, "form:%s:%s", once, strbuf_text(&hex));
}

/* ":" takes one segment. */
static bool
matches(const char *pattern, struct page_call *call, struct arena *arena)
{
	struct span rest = span_of(pattern), part;
	const char *arg = NULL;
	unsigned i = 1;

	for (; rest.len > 0 && span_cut(&rest, '/', &part); i++) {
		if (i >= call->path->n)
			return false;
		if (span_is(part, ":"))
			arg = arena_span(arena, call->path->seg[i]);
		else if (!span_eq(part, call->path->seg[i]))
			return false;
	}
	if (i != call->path->n)
		return false;
	call->arg = arg;
	return true;
}

/* HEAD is answered as GET; httpd leaves the body away. */
static const struct page_route *
find(struct page_call *call, struct span method, struct arena *arena,
     bool *known)
{
	bool head = span_is(method, "HEAD");

	for (size_t t = 0; t < TABLES; t++)
		for (const struct page_route *r = tables[t]; r->method != NULL;
		     r++) {
			if (!matches(r->path, call, arena))
				continue;
			*known = true;
			if (span_is(method, r->method) ||
			    (head && strcmp(r->method, "GET") == 0))
				return r;
		}
	return NULL;
}

static void
find_company(struct api *a)
{
	struct auth_credentials c = {
		.site_name = arena_span(a->arena, page_call(a)->path->seg[0]),
	};

	auth_company(a, &c, on_known);
}

static void
start(struct api *a)
{
	struct page_call *call = page_call(a);
	const char *cookie = page_cookie(a, page_session_cookie(a));
	struct auth_credentials c = { .session = cookie };
	STRBUF_AUTO payload = { 0 };

	if (!page_session_is_ours(a)) {
		api_fail(a, FAULT_DENIED,
			 "This form was sent from another site");
		return;
	}
	if (cookie != NULL &&
	    token_read(a->site->keys, AUTH_SESSION, span_of(cookie),
		       clock_wall_us() / 1000000, &payload, NULL) == 0) {
		call->token = cookie;
		auth_start(a, &c, on_session);
	} else {
		find_company(a);
	}
}

static void
on_session(struct api *a)
{
	struct page_call *call = page_call(a);
	bool ours = span_iis(call->path->seg[0], a->company->name);

	if (a->who == NULL)
		page_set_cookie(a, page_session_cookie(a), "", 0);
	call->ended = ours && a->who == NULL;
	if (!ours || a->who == NULL)
		call->token = NULL;
	if (ours) {
		on_known(a);
		return;
	}
	a->who = NULL;
	a->company = NULL;
	a->token_expiry_s = 0;
	find_company(a);
}

static bool
is_permitted(const struct api *a, enum page_need need)
{
	switch (need) {
	case PAGE_ANYBODY:
	case PAGE_ACCOUNT:
		return true;
	case PAGE_READER:
		return a->who->site_admin || a->who->ro_site_admin;
	case PAGE_ADMIN:
		return a->who->site_admin;
	}
	return false;
}

static void
on_known(struct api *a)
{
	struct page_call *call = page_call(a);

	if (a->who == NULL && call->route->need != PAGE_ANYBODY)
		api_fail(a, FAULT_UNAUTHENTICATED,
			 call->ended ? "Your session has ended: please log in"
				     : "Please log in");
	else if (!is_permitted(a, call->route->need))
		api_fail(a, FAULT_DENIED, NULL);
	else if (!page_session_form_is_ours(a))
		api_fail(a, FAULT_DENIED,
			 "This form is no longer good: load the page again");
	else {
		read_once(a);
		call->route->run(a);
	}
}

static void
run_lost(struct api *a)
{
	api_fail(a, FAULT_NO_PAGE, NULL);
}

struct page_call *
page_call(const struct api *a)
{
	return a->data;
}

static const char *
value_of(struct api *a, struct span pairs, const char *name)
{
	STRBUF_AUTO value = { 0 };

	if (url_pair_get(pairs, name, &value, NULL) != 1)
		return NULL;
	return arena_span(a->arena, span_trim(strbuf_span(&value)));
}

const char *
page_field(struct api *a, const char *name)
{
	return value_of(a, httpd_body(a->http), name);
}

const char *
page_text(struct api *a, const char *name)
{
	const char *text = page_field(a, name);

	return text != NULL ? text : "";
}

const char *
page_param(struct api *a, const char *name)
{
	return value_of(a, httpd_query(a->http), name);
}

const char *
page_cookie(struct api *a, const char *name)
{
	return page_session_cookie_of(a->http, name);
}
