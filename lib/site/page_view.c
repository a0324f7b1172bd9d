/*
 * The frame of all pages (layout.html), their forms of answers, and the files
 * that they name. Content of a good answer is a whole page, or "303 PATH".
 */
#include "site/page_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/files_serve.h"
#include "site/page_files.h"
#include "site/page_session.h"
#include "site/record.h"
#include "site/site.h"
#include "site/template.h"

#define PAGES_MAX 10000
#define CSP                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; " \
	"img-src 'self'; connect-src 'self'; form-action 'self'; "  \
	"frame-ancestors 'none'; base-uri 'none'"

static void serve_asset(struct api *a);
static struct span plain_answer(struct api *a, struct span content);
static struct span page_answer(struct api *a, struct span content);
static struct span page_failure(struct api *a, const struct fault_row *row,
				const char *text);

const struct page_route page_view_routes[] = {
	{ "GET", "assets/:", PAGE_ANYBODY, serve_asset },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static void
serve_daily(struct api *a)
{
	files_serve_public(a, page_call(a)->path);
}

const struct page_route page_view_daily[] = {
	{ "GET", "", PAGE_ANYBODY, serve_daily },
};

static const struct httpd_field page_fields[] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Security-Policy", CSP },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "same-origin" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ NULL, NULL },
};
static const struct httpd_field asset_fields[] = {
	{ "Cache-Control", "max-age=300" },
	{ "X-Content-Type-Options", "nosniff" },
	{ NULL, NULL },
};

#define FORM(title, type, names)                                      \
	{                                                             \
		.name = title, .content_type = type, .fields = names, \
		.answer = plain_answer, .failure = page_failure,      \
	}
const struct api_form form_calendar = FORM(
    "calendar", "text/calendar; charset=utf-8", page_fields);
static const struct api_form form_style = FORM(
    "style", "text/css; charset=utf-8", asset_fields);
static const struct api_form form_icon = FORM("icon", "image/svg+xml",
					      asset_fields);
static const struct api_form form_script = FORM(
    "script", "text/javascript; charset=utf-8", asset_fields);

const struct api_form form_page = {
	.name = "page",
	.content_type = "text/html;charset=UTF-8",
	.fields = page_fields,
	.answer = page_answer,
	.failure = page_failure,
};

/* --- the frame --------------------------------------------------------- */

struct finding {
	struct span body; /* what ">page" stands for */
};

static struct span
file_of(struct span name)
{
	for (const struct page_file *f = page_files; f->name != NULL; f++)
		if (span_is(name, f->name))
			return span_make(f->text, f->len);
	return (struct span){ 0 };
}

static struct span
on_partial(void *ctx, struct span name)
{
	const struct finding *f = ctx;

	return span_is(name, "page") ? f->body : file_of(name);
}

/* What a page was told by the one before it: words of ours alone. */
static const char *
said(const char *word)
{
	static const struct {
		const char *word, *text;
	} all[] = {
		{ "out", "You are logged out." },
		{ "scheduled", "The meeting is scheduled." },
		{ "changed", "The meeting is changed." },
		{ "cancelled", "The meeting is cancelled." },
		{ "saved", "Saved." },
		{ "created", "The account is created." },
		{ "uploaded", "The file is stored." },
		{ "removed", "The file is removed." },
		{ "left", "You left the meeting." },
		{ "password", "The password is changed: log in anew." },
	};

	for (size_t i = 0; word != NULL && i < sizeof(all) / sizeof(all[0]);
	     i++)
		if (strcmp(all[i].word, word) == 0)
			return all[i].text;
	return NULL;
}

const char *
page_view_name(const struct api *a)
{
	const struct account *w = a->who;

	if (w->display_name != NULL && w->display_name[0] != '\0')
		return w->display_name;
	if (w->first_name[0] == '\0' && w->last_name[0] == '\0')
		return w->webexid;
	return arena_printf(a->arena, "%s %s", w->first_name, w->last_name);
}

static void
put_frame(struct api *a, json_t *data, const char *title)
{
	const char *company = a->company != NULL ? a->company->name : "";
	const char *brand = a->company != NULL ? a->company->brand : NULL;
	char once[CRYPTO_UUID_SIZE];

	json_put_str(data, "title", title);
	json_put_str(data, "home", arena_printf(a->arena, "/%s", company));
	json_put_str(data, "company", company);
	json_put_str(data, "brand",
		     brand != NULL && brand[0] != '\0' ? brand : company);
	json_put_str(data, "version", GSB_VERSION);
	json_put_str(data, "site",
		     strcmp(a->site->role->gsb_status, "BACKUP") == 0
			 ? "Backup"
			 : "Primary");
	json_put_str(data, "csrf", page_session_csrf(a));
	json_put_str(data, "once", crypto_uuid4(once));
	json_put_str(data, "said", said(page_param(a, "said")));
	if (a->who == NULL)
		return;
	json_put_str(data, "me", page_view_name(a));
	json_put_bool(data, "hosts", a->who->host || a->who->site_admin);
	json_put_bool(data, "admin", a->who->site_admin);
	json_put_bool(data, "reader",
		      a->who->site_admin || a->who->ro_site_admin);
}

static struct span
render(struct api *a, const char *name, const char *title, json_t *data)
{
	struct finding f = { .body = file_of(span_of(name)) };
	STRBUF_AUTO page = { 0 };
	size_t len;

	put_frame(a, data, title);
	template_render(file_of(span_of("layout.html")), data, on_partial, &f,
			&page);
	json_decref(data);
	len = page.len;
	return span_make(arena_span(a->arena, strbuf_span(&page)), len);
}

void
page_show(struct api *a, const char *name, const char *title, json_t *data)
{
	api_answer(a, 200, render(a, name, title, data));
}

__attribute__((format(printf, 2, 0))) static struct span
go_to(struct api *a, const char *fmt, va_list ap)
{
	STRBUF_AUTO to = { 0 };
	size_t len;

	strbuf_addf(&to, "303 /%s/", a->company->name);
	strbuf_addv(&to, fmt, ap);
	len = to.len;
	return span_make(arena_span(a->arena, strbuf_span(&to)), len);
}

void
page_go(struct api *a, const char *fmt, ...)
{
	struct span content;
	va_list ap;

	va_start(ap, fmt);
	content = go_to(a, fmt, ap);
	va_end(ap);
	api_answer(a, 303, content);
}

void
page_go_url(struct api *a, const char *url)
{
	const char *content = arena_printf(a->arena, "303 %s", url);

	api_answer(a, 303, span_of(content));
}

void
page_went(struct api *a, struct write_answer *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out->content = go_to(a, fmt, ap);
	va_end(ap);
	out->status = 303;
}

void
page_again(struct api *a, const char *name, const char *title, json_t *data)
{
	page_call(a)->again = name;
	page_call(a)->title = title;
	if (a->body == NULL)
		a->body = json_object();
	json_put(a->body, "again", data);
}

/* --- answers ----------------------------------------------------------- */

static struct span
plain_answer(struct api *a, struct span content)
{
	return content;
}

/* Cookies, and where to go. */
static struct span
page_answer(struct api *a, struct span content)
{
	struct page_call *call = page_call(a);
	size_t n = 0;

	for (unsigned i = 0; i < call->n_cookies; i++)
		call->fields[n++] = (struct httpd_field){ "Set-Cookie",
							  call->cookies[i] };
	if (span_starts(content, "303 ")) {
		content = span_skip(content, 4);
		call->fields[n++] = (struct httpd_field){
			"Location", arena_span(a->arena, content)
		};
		content = span_of("");
	}
	if (n > 0)
		a->extra = call->fields;
	return content;
}

static bool
is_log_in(const struct fault_row *row)
{
	return row == fault_row(FAULT_UNAUTHENTICATED) ||
	       row == fault_row(FAULT_TICKET);
}

/* Who logs in learns nothing of whether an account exists. */
static const char *
words_of(const struct fault_row *row, const char *text)
{
	if (row == fault_row(FAULT_NO_USER))
		return fault_row(FAULT_PASSWORD)->text;
	if (row == fault_row(FAULT_TICKET))
		return "The ticket is no longer good: please log in";
	return text;
}

static struct span
page_failure(struct api *a, const struct fault_row *row, const char *text)
{
	struct page_call *call = page_call(a);
	struct span method = httpd_method(a->http);
	json_t *data = NULL, *values;

	a->form = &form_page;
	if (call != NULL && call->again != NULL && row->status < 500) {
		values = json_object_get(a->body, "again");
		data = json_deep_copy(values);
		json_put_str(data, "error", words_of(row, text));
		return render(a, call->again, call->title, data);
	}
	data = json_object();
	json_put_str(data, "error", words_of(row, text));
	json_put_str(data, "tracking", a->tracking);
	if (a->company == NULL || !is_log_in(row))
		return render(a, "fault.html",
			      row->status == 404 ? "Not found" : "Not possible",
			      data);
	if (span_is(method, "GET") || span_is(method, "HEAD"))
		json_put_span(data, "to", httpd_target(a->http));
	if (row == fault_row(FAULT_TICKET))
		a->who = NULL;
	return render(a, "login.html", "Log in", data);
}

static void
serve_asset(struct api *a)
{
	struct span name = span_of(page_call(a)->arg);
	struct span text = file_of(name);

	if (text.at == NULL || span_ends(name, ".html")) {
		api_fail(a, FAULT_NO_PAGE, NULL);
		return;
	}
	a->form = span_ends(name, ".css")   ? &form_style
		  : span_ends(name, ".svg") ? &form_icon
					    : &form_script;
	api_answer(a, 200, text);
}

/* --- values ------------------------------------------------------------ */

struct timezone_info
page_zone(const struct api *a)
{
	if (a->who == NULL)
		return timezone_of(TIMEZONE_GMT, NULL);
	return timezone_of(a->who->timezone_id, a->who->timezone);
}

const char *
page_when(struct api *a, const struct timezone_info *tz, int64_t wall_us)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
					    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	struct clock_civil c;

	timezone_local(tz, wall_us, &c);
	return arena_printf(
	    a->arena, "%s %u %s %lld, %02u:%02u", days[c.weekday % 7], c.day,
	    months[(c.month - 1) % 12], (long long)c.year, c.hour, c.minute);
}

const char *
page_zone_text(struct api *a, const struct timezone_info *tz, int64_t wall_us)
{
	if (tz->id < 0)
		return tz->iana;
	return timezone_with_dst(tz, wall_us, a->arena);
}

void
page_option(json_t *list, const char *value, const char *text,
	    const char *chosen)
{
	json_t *one = json_object();

	json_put_str(one, "value", value);
	json_put_str(one, "text", text);
	json_put_bool(one, "on", chosen != NULL && strcmp(chosen, value) == 0);
	json_array_append_new(list, one);
}

int64_t
page_view_number(struct api *a)
{
	const char *text = page_param(a, "page");
	int64_t page = 1;

	if (text == NULL || span_to_i64(span_of(text), &page) < 0 || page < 1 ||
	    page > PAGES_MAX)
		return 1;
	return page;
}

void
page_view_pages(json_t *data, int64_t page, bool more)
{
	json_put_bool(data, "pages", page > 1 || more);
	if (page > 1)
		json_put_int(data, "newer", page - 1);
	if (more)
		json_put_int(data, "older", page + 1);
}
