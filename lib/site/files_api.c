#include "site/files_api.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/token.h"
#include "io/httpd_large.h"
#include "site/auth.h"
#include "site/files.h"
#include "site/files_serve.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/record.h"
#include "site/settings.h"
#include "site/site.h"

#define LIST_MAX 1000

struct call {
	const char *area; /* "pages", "clients"; NULL: settings */
	const char *rest; /* behind the area; NULL: the list */
};

static void on_known(struct api *a);
static void list(struct api *a);
static void answer_settings(struct api *a);
static void change(struct api *a);
static void on_changed(void *ctx, int64_t version, const struct err *err);

static bool
is_method(const struct api *a, const char *name)
{
	return span_is(httpd_method(a->http), name);
}

static bool
reads(const struct api *a)
{
	return is_method(a, "GET") || is_method(a, "HEAD");
}

/* The token was signed by us and has not expired: before its account is asked
 * for, so only to decide what to read. */
static bool
is_genuine(const struct site *s, struct span authorization)
{
	struct span token = span_trim(span_skip(authorization, 7));
	STRBUF_AUTO payload = { 0 };

	return token_read(s->keys,
			  span_starts(token, AUTH_TICKET ".") ? AUTH_TICKET
							      : AUTH_BEARER,
			  token, clock_wall_us() / 1000000, &payload,
			  NULL) == 0;
}

bool
files_api_may_spool(struct site *s, struct httpd_req *req, struct err *e)
{
	return span_starts(httpd_path(req), "/v1/files/") &&
	       span_is(httpd_method(req), "PUT") &&
	       is_genuine(s, httpd_field(req, "Authorization")) &&
	       files_may_change(s->files, e) == 0;
}

static const char *
join(struct api *a, const struct url_path *path)
{
	STRBUF_AUTO text = { 0 };

	for (unsigned i = 3; i < path->n; i++) {
		strbuf_adds(&text, i > 3 ? "/" : "");
		strbuf_add_span(&text, path->seg[i]);
	}
	return arena_span(a->arena, strbuf_span(&text));
}

static bool
method_ok(const struct api *a, const struct call *c)
{
	if (reads(a))
		return true;
	if (c->area == NULL)
		return is_method(a, "PUT") || is_method(a, "PATCH");
	return c->rest != NULL &&
	       (is_method(a, "PUT") || is_method(a, "DELETE"));
}

bool
files_api_handle(struct api *a, const struct url_path *path)
{
	struct call *c;
	bool settings = path->n == 2 && url_path_is(path, 1, "settings");

	if (!settings && !url_path_is(path, 1, "files"))
		return false;
	c = arena_make(a->arena, struct call);
	a->data = c;
	if (!settings)
		c->area = path->n > 2 ? arena_span(a->arena, path->seg[2]) : "";
	if (path->n > 3)
		c->rest = join(a, path);
	if (path->n == 3 || (path->n > 3 && strcmp(c->area, "pages") != 0 &&
			     strcmp(c->area, "clients") != 0))
		api_fail(a, FAULT_NO_PAGE, NULL);
	else if (!method_ok(a, c))
		api_fail(a, FAULT_METHOD, NULL);
	else
		auth_http(a, on_known);
	return true;
}

static void
read_file(struct api *a, const struct call *c)
{
	struct files_view *v = files_hold(a->site->files);
	const struct manifest_entry *f = files_find(v, c->area,
						    a->company->name, c->rest);

	if (f != NULL)
		files_serve(a, v, f, true);
	else
		api_fail(a, FAULT_NO_RECORD, NULL);
	files_release(&v);
}

static void
on_known(struct api *a)
{
	const struct call *c = a->data;

	if (!a->who->site_admin && !(reads(a) && a->who->ro_site_admin))
		api_fail(a, FAULT_DENIED, NULL);
	else if (!reads(a))
		change(a);
	else if (c->area == NULL)
		answer_settings(a);
	else if (c->rest == NULL)
		list(a);
	else
		read_file(a, c);
}

/* --- reading ----------------------------------------------------------------
 */

/* What a form shows beside it: which version, how old, and who may write. */
static json_t *
about(struct api *a, const struct files_view *v)
{
	const struct manifest *m = files_manifest(v);
	int64_t verified = files_verified_us(a->site->files);
	json_t *doc = json_object();
	char time[CLOCK_ISO_SIZE];
	struct err why = { 0 };
	bool writable = files_may_change(a->site->files, &why) == 0;

	json_put_int(doc, "version", m->version);
	json_put_str(doc, "digest", m->digest);
	json_put_str(doc, "published", clock_iso(m->made_us, time));
	json_put_str(doc, "verified",
		     verified > 0 ? clock_iso(verified, time) : NULL);
	json_put_bool(doc, "writable", writable);
	if (!writable)
		json_put_str(doc, "whyNot", err_text(&why));
	if (m->override_reason != NULL)
		json_put_str(doc, "override", m->override_reason);
	return doc;
}

static json_t *
item(const struct manifest_entry *f, const char *area, const char *name)
{
	json_t *one = json_object();
	char path[MANIFEST_PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", area, name);
	json_put_str(one, "path", path);
	json_put_int(one, "size", f->size);
	json_put_str(one, "sha256", f->sha256);
	json_put_str(one, "type", files_serve_type(f->path));
	return one;
}

struct listing {
	json_t *items;
	const char *prefix, *after; /* "pages/logo/", as the API names them */
	int64_t left;
};

static bool
list_area(struct api *a, const struct files_view *v, const char *area,
	  struct listing *l)
{
	const struct manifest *m = files_manifest(v);
	const char *below = arena_printf(a->arena, "%s/%s/", area,
					 a->company->name);
	size_t len = strlen(below);

	for (size_t i = manifest_lower(m, below);
	     i < m->n && strncmp(m->files[i].path, below, len) == 0; i++) {
		const struct manifest_entry *f = &m->files[i];
		const char *name = arena_printf(a->arena, "%s/%s", area,
						f->path + len);

		if (strncmp(name, l->prefix, strlen(l->prefix)) != 0 ||
		    strcmp(name, l->after) <= 0)
			continue;
		if (l->left-- == 0)
			return false;
		json_array_append_new(l->items, item(f, area, f->path + len));
	}
	return true;
}

static void
list(struct api *a)
{
	struct files_view *v;
	struct listing l = { .prefix = "", .after = "", .left = 100 };
	const char *max = NULL;
	struct err e = { 0 };
	bool all;
	json_t *doc;

	if (jsonapi_param(a, "prefix", &l.prefix, &e) < 0 ||
	    jsonapi_param(a, "after", &l.after, &e) < 0 ||
	    jsonapi_param(a, "max", &max, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	if (max != NULL && (span_to_i64(span_of(max), &l.left) < 0 ||
			    l.left < 1 || l.left > LIST_MAX)) {
		api_fail(a, FAULT_INVALID, "max must be from 1 to %d",
			 LIST_MAX);
		return;
	}
	v = files_hold(a->site->files);
	doc = about(a, v);
	l.items = json_array();
	all = list_area(a, v, "clients", &l) && list_area(a, v, "pages", &l);
	json_put(doc, "items", l.items);
	json_put_bool(doc, "more", !all);
	files_release(&v);
	jsonapi_answer(a, doc);
}

static void
answer_settings(struct api *a)
{
	struct files_view *v = files_hold(a->site->files);
	const json_t *own = files_settings(v, a->company->name);
	json_t *doc = about(a, v);

	json_put(doc, "settings",
		 own != NULL ? json_deep_copy(own) : json_object());
	files_release(&v);
	jsonapi_answer(a, doc);
}

/* --- changing ---------------------------------------------------------------
 */

static int
read_settings(struct api *a, struct files_change *to)
{
	struct err e = { 0 };

	a->body = json_read(httpd_body(a->http), &e);
	if (a->body != NULL && !json_is_object(a->body))
		err_set(&e, ERR_INVALID, "the body must be a JSON object");
	else if (a->body != NULL && settings_check(a->body, &e) == 0) {
		to->company = a->company->name;
		to->settings = a->body;
		to->replace = is_method(a, "PUT");
		return 0;
	}
	jsonapi_invalid(a, &e);
	return -1;
}

static void
change(struct api *a)
{
	const struct call *c = a->data;
	struct files_change to = { 0 };
	struct err e = { 0 };

	if (files_may_change(a->site->files, &e) < 0) {
		api_fail(a, FAULT_DENIED, "%s", err_text(&e));
		return;
	}
	to.who = arena_printf(a->arena, "%s@%s", a->who->webexid,
			      a->company->name);
	if (c->area == NULL) {
		if (read_settings(a, &to) < 0)
			return;
	} else {
		to.path = arena_printf(a->arena, "%s/%s/%s", c->area,
				       a->company->name, c->rest);
		to.remove = is_method(a, "DELETE");
		to.body = httpd_body(a->http);
		to.body_file = httpd_body_file(a->http);
	}
	a->files = files_change(a->site->files, &to, on_changed, a);
}

static void
on_changed(void *ctx, int64_t version, const struct err *err)
{
	struct api *a = ctx;
	json_t *doc;

	a->files = NULL;
	if (err == NULL) {
		doc = json_object();
		json_put_int(doc, "version", version);
		jsonapi_answer(a, doc);
		return;
	}
	api_fail(a, files_api_fault(err), "%s", err_text(err));
}

enum fault
files_api_fault(const struct err *err)
{
	return err->code == ERR_REFUSED     ? FAULT_DENIED
	       : err->code == ERR_NOT_FOUND ? FAULT_NO_RECORD
	       : err->code == ERR_INVALID   ? FAULT_INVALID
	       : err->code == ERR_TIMEOUT   ? FAULT_CONFLICT
					    : FAULT_INTERNAL;
}
