/*
 * What the daily copy brings, for people: clients to download; for
 * administrators pages and clients, to be put here by a script of the page
 * (upload.js), for a browser sends no file as it is by itself.
 */
#include "site/page_config.h"

#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/token.h"
#include "io/httpd.h"
#include "io/httpd_large.h"
#include "site/auth.h"
#include "site/files.h"
#include "site/files_api.h"
#include "site/form.h"
#include "site/page.h"
#include "site/page_session.h"
#include "site/record.h"
#include "site/site.h"

#define UPLOAD "admin/files/put"

static void show_front(struct api *a);
static void list_clients(struct api *a);
static void show_files(struct api *a);
static void put_file(struct api *a);
static void on_put(void *ctx, int64_t version, const struct err *err);
static void remove_file(struct api *a);
static void on_removed(void *ctx, int64_t version, const struct err *err);

const struct page_route page_config_routes[] = {
	{ "GET", "admin", PAGE_READER, show_front },
	{ "GET", "clients", PAGE_ANYBODY, list_clients },
	{ "GET", "admin/files", PAGE_READER, show_files },
	{ "PUT", UPLOAD, PAGE_ADMIN, put_file },
	{ "POST", "admin/files/remove", PAGE_ADMIN, remove_file },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static void
show_front(struct api *a)
{
	page_go(a, "admin/accounts");
}

static const char *
size_text(struct api *a, int64_t bytes)
{
	if (bytes >= 1048576)
		return arena_printf(a->arena, "%.1f MiB",
				    (double)bytes / 1048576);
	return arena_printf(a->arena, "%lld bytes", (long long)bytes);
}

/* Appends those of an area of one company, in order of their paths. */
static void
add_files(struct api *a, const struct files_view *v, const char *prefix,
	  json_t *list)
{
	const struct manifest *m = files_manifest(v);
	size_t len = strlen(prefix);

	for (size_t i = manifest_lower(m, prefix);
	     i < m->n && strncmp(m->files[i].path, prefix, len) == 0; i++) {
		json_t *one = json_object();
		STRBUF_AUTO link = { 0 };

		url_encode_path(span_of(m->files[i].path + len), &link);
		json_put_str(one, "link", strbuf_text(&link));
		json_put_str(one, "path", m->files[i].path + len);
		json_put_str(one, "size", size_text(a, m->files[i].size));
		json_array_append_new(list, one);
	}
}

/* The company's own, and those of all. */
static void
list_clients(struct api *a)
{
	struct files_view *v = files_hold(a->site->files);
	json_t *data = json_object(), *list = json_array();

	add_files(a, v, arena_printf(a->arena, "clients/%s/", a->company->name),
		  list);
	add_files(a, v, "clients/" FILES_SHARED "/", list);
	files_release(&v);
	json_put(data, "files", list);
	page_show(a, "downloads.html", "Downloads", data);
}

/* --- administrators ---------------------------------------------------- */

void
page_config_state(struct api *a, json_t *data)
{
	int64_t verified_us = files_verified_us(a->site->files);
	struct timezone_info tz = page_zone(a);
	struct err why = { 0 };
	bool may = files_may_change(a->site->files, &why) == 0;

	json_put_bool(data, "may", may && a->who->site_admin);
	if (!may)
		json_put_str(data, "why", err_text(&why));
	if (!may && verified_us > 0)
		json_put_str(data, "copied", page_when(a, &tz, verified_us));
}

static json_t *
files_data(struct api *a)
{
	static const char *const areas[] = { "pages", "clients" };
	struct files_view *v = files_hold(a->site->files);
	json_t *data = json_object(), *list, *all = json_array();

	page_config_state(a, data);
	for (size_t i = 0; i < 2; i++) {
		json_t *one = json_object();

		list = json_array();
		add_files(a, v,
			  arena_printf(a->arena, "%s/%s/", areas[i],
				       a->company->name),
			  list);
		json_put_str(one, "area", areas[i]);
		json_put_str(one, "heading", i == 0 ? "Pages" : "Clients");
		json_put(one, "files", list);
		json_array_append_new(all, one);
	}
	files_release(&v);
	json_put(data, "areas", all);
	return data;
}

static void
show_files(struct api *a)
{
	page_show(a, "files.html", "Pages and clients", files_data(a));
}

/* The file "AREA/PATH" of the company; false: it has been answered. */
static bool
begin_change(struct api *a, const char *name, struct files_change *to)
{
	struct span rest = span_of(name != NULL ? name : ""), area;
	struct err e = { 0 };

	span_cut(&rest, '/', &area);
	if (files_may_change(a->site->files, &e) < 0) {
		api_fail(a, FAULT_DENIED, "%s", err_text(&e));
		return false;
	}
	if ((!span_is(area, "pages") && !span_is(area, "clients")) ||
	    rest.len == 0) {
		api_fail(a, FAULT_INVALID,
			 "A file is called pages/NAME or clients/NAME");
		return false;
	}
	to->who = arena_printf(a->arena, "%s@%s", a->who->webexid,
			       a->company->name);
	to->path = arena_printf(a->arena, "%.*s/%s/%.*s", SPAN_ARG(area),
				a->company->name, SPAN_ARG(rest));
	return true;
}

/* For the page's script: JSON, failures as well. */
static void
put_file(struct api *a)
{
	struct files_change to = { .body = httpd_body(a->http),
				   .body_file = httpd_body_file(a->http) };

	a->form = &form_json;
	if (begin_change(a, page_param(a, "path"), &to))
		a->files = files_change(a->site->files, &to, on_put, a);
}

static void
on_put(void *ctx, int64_t version, const struct err *err)
{
	struct api *a = ctx;
	json_t *doc;

	a->files = NULL;
	if (err != NULL) {
		api_fail(a, files_api_fault(err), "%s", err_text(err));
		return;
	}
	doc = json_object();
	json_put_int(doc, "version", version);
	api_answer(a, 200, form_json_text(a, doc));
}

static void
remove_file(struct api *a)
{
	struct files_change to = { .remove = true };

	page_again(a, "files.html", "Pages and clients", files_data(a));
	if (begin_change(a, page_text(a, "path"), &to))
		a->files = files_change(a->site->files, &to, on_removed, a);
}

static void
on_removed(void *ctx, int64_t version, const struct err *err)
{
	struct api *a = ctx;

	a->files = NULL;
	if (err == NULL)
		page_go(a, "admin/files?said=removed");
	else
		api_fail(a, files_api_fault(err), "%s", err_text(err));
}

/* The session was signed by us and has not expired: before its account is
 * asked for, so only to decide what to read. */
bool
page_config_may_spool(struct site *s, struct httpd_req *req, struct err *e)
{
	const char *cookie = page_session_read_cookie(s, req);
	STRBUF_AUTO payload = { 0 };

	return cookie != NULL && span_is(httpd_method(req), "PUT") &&
	       span_ends(httpd_path(req), "/" UPLOAD) &&
	       token_read(s->keys, AUTH_SESSION, span_of(cookie),
			  clock_wall_us() / 1000000, &payload, NULL) == 0 &&
	       files_may_change(s->files, e) == 0;
}
