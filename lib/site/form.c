#include "site/form.h"

#include <assert.h>

#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/site.h"

static struct span json_answer(struct api *a, struct span content);
static struct span json_failure(struct api *a, const struct fault_row *row,
				const char *text);

static const struct httpd_field json_fields[] = {
	{ "Cache-Control", "no-store" },
	{ "X-Content-Type-Options", "nosniff" },
	{ NULL, NULL },
};

static const struct httpd_field csv_fields[] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Disposition", "attachment; filename=\"report.csv\"" },
	{ "X-Content-Type-Options", "nosniff" },
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

const struct httpd_field *
form_https(const struct site *s)
{
	static const struct httpd_field fields[] = {
		{ "Strict-Transport-Security", "max-age=31536000" },
		{ NULL, NULL },
	};

	return site_is_https(s) ? fields : NULL;
}

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
