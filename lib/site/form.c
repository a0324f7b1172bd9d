#include "site/form.h"

#include <assert.h>

#include "base/strbuf.h"
#include "io/httpd.h"

static struct span json_answer(struct api *a, struct span content);
static struct span json_failure(struct api *a, const struct fault_row *row,
				const char *text);
static struct span page_answer(struct api *a, struct span content);
static struct span page_failure(struct api *a, const struct fault_row *row,
				const char *text);

static const struct httpd_field json_fields[] = {
	{ "Cache-Control", "no-store" },
	{ NULL, NULL },
};

static const struct httpd_field csv_fields[] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Disposition", "attachment; filename=\"report.csv\"" },
	{ "X-Content-Type-Options", "nosniff" },
	{ NULL, NULL },
};

static const struct httpd_field page_fields[] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Security-Policy",
	  "default-src 'none'; style-src 'self'; img-src 'self'; "
	  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ NULL, NULL },
};

const struct api_form form_json = {
	.name = "json",
	.content_type = "application/json;charset=UTF-8",
	.fields = json_fields,
	.answer = json_answer,
	.failure = json_failure,
};

const struct api_form form_csv = {
	.name = "csv",
	.content_type = "text/csv;charset=UTF-8",
	.fields = csv_fields,
	.answer = json_answer,
	.failure = json_failure,
};

const struct api_form form_page = {
	.name = "page",
	.content_type = "text/html;charset=UTF-8",
	.fields = page_fields,
	.answer = page_answer,
	.failure = page_failure,
};

struct span
form_json_text(struct api *a, json_t *j)
{
	STRBUF_AUTO text = { 0 };
	size_t len;

	json_write(j, JSON_AS_MADE, &text);
	json_decref(j);
	len = text.len;
	return span_make(arena_span(a->arena, strbuf_span(&text)), len);
}

json_t *
form_json_failure(const char *text, const char *tracking)
{
	json_t *doc = json_object();
	json_t *errors = json_array();
	json_t *one = json_object();

	json_put_str(one, "description", text);
	assert(json_array_append_new(errors, one) == 0);
	json_put_str(doc, "message", text);
	json_put(doc, "errors", errors);
	json_put_str(doc, "trackingId", tracking);
	return doc;
}

static struct span
json_answer(struct api *a, struct span content)
{
	return content;
}

static struct span
json_failure(struct api *a, const struct fault_row *row, const char *text)
{
	return form_json_text(a, form_json_failure(text, a->tracking));
}

void
form_escape(struct span text, struct strbuf *out)
{
	static const char *const names[256] = {
		['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
		['"'] = "&quot;", ['\''] = "&#39;",
	};

	for (size_t i = 0; i < text.len; i++) {
		const char *name = names[(unsigned char)text.at[i]];

		if (name != NULL)
			strbuf_adds(out, name);
		else
			strbuf_addc(out, text.at[i]);
	}
}

static struct span
page_answer(struct api *a, struct span content)
{
	STRBUF_AUTO page = { 0 };
	size_t len;

	strbuf_adds(&page, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
			   "<meta charset=\"utf-8\"><meta name=\"viewport\" "
			   "content=\"width=device-width\">"
			   "<title>Meetings</title></head>\n<body>");
	strbuf_add_span(&page, content);
	strbuf_adds(&page, "</body></html>\n");
	len = page.len;
	return span_make(arena_span(a->arena, strbuf_span(&page)), len);
}

static struct span
page_failure(struct api *a, const struct fault_row *row, const char *text)
{
	STRBUF_AUTO content = { 0 };

	strbuf_adds(&content, "<h1>");
	form_escape(span_of(text), &content);
	strbuf_adds(&content, "</h1><p>Reference: ");
	form_escape(span_of(a->tracking), &content);
	strbuf_adds(&content, "</p>");
	return page_answer(a, strbuf_span(&content));
}
