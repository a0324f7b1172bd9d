/*
 * The pages that integrations send people to: j.php, m.php, p.php. First
 * plain forms of them: they name the meeting and where it is.
 */
#include "site/page.h"

#include <string.h>

#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/auth.h"
#include "site/files_serve.h"
#include "site/form.h"
#include "site/record.h"
#include "site/store.h"

struct page_call {
	const char *file;            /* NULL: what the daily copy brings */
	const struct url_path *path; /* of that */
	int64_t number;              /* of the meeting */
};

static void on_company(struct api *a);
static void on_meeting(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static void front(struct api *a);

void
page_handle(struct api *a, const struct url_path *path)
{
	static const char *const files[] = { "", "j.php", "m.php", "p.php",
					     "e.php" };
	struct page_call *call = arena_make(a->arena, struct page_call);
	struct auth_credentials c = { 0 };
	struct span method = httpd_method(a->http);

	if (!span_is(method, "GET") && !span_is(method, "HEAD") &&
	    !span_is(method, "POST")) {
		api_fail(a, FAULT_METHOD, NULL);
		return;
	}
	a->data = call;
	if (path->n > 0)
		c.site_name = arena_span(a->arena, path->seg[0]);
	if (url_path_is(path, 1, "pages") || url_path_is(path, 1, "clients")) {
		call->path = path;
		auth_company(a, &c, on_company);
		return;
	}
	if (path->n == 0 || path->n > 2) {
		api_fail(a, FAULT_NO_PAGE, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (path->n == 1 ? i == 0 : url_path_is(path, 1, files[i]))
			call->file = files[i];
	if (call->file == NULL) {
		api_fail(a, FAULT_NO_PAGE, NULL);
		return;
	}
	auth_company(a, &c, on_company);
}

static void
on_company(struct api *a)
{
	struct page_call *call = a->data;
	struct store_meeting_by by = { 0 };
	STRBUF_AUTO key = { 0 };

	if (call->path != NULL) {
		files_serve_public(a, call->path);
		return;
	}
	if (strcmp(call->file, "m.php") != 0 &&
	    strcmp(call->file, "e.php") != 0) {
		front(a);
		return;
	}
	if (url_pair_get(httpd_query(a->http), "MK", &key, NULL) != 1 ||
	    span_to_i64(strbuf_span(&key), &by.number) < 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	store_meeting_get(a, &by, on_meeting);
}

static void
on_meeting(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO html = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	strbuf_adds(&html, "<h1>");
	form_escape(span_of(list[0].confname), &html);
	strbuf_addf(&html, "</h1><p>Meeting number %lld</p>",
		    (long long)list[0].number);
	if (strcmp(list[0].state, "in_progress") == 0)
		strbuf_adds(&html, "<p>In progress</p>");
	api_answer(
	    a, 200,
	    span_make(arena_span(a->arena, strbuf_span(&html)), html.len));
}

static void
front(struct api *a)
{
	STRBUF_AUTO html = { 0 };

	strbuf_adds(&html, "<h1>");
	form_escape(span_of(a->company->name), &html);
	strbuf_adds(&html, "</h1><p>Meetings of this site</p>");
	api_answer(
	    a, 200,
	    span_make(arena_span(a->arena, strbuf_span(&html)), html.len));
}
