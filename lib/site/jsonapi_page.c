/* Pages of lists: max, and a Link behind the last item. */
#include "base/crypto.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/jsonapi.h"
#include "site/site.h"

#define MAX_DEFAULT 10
#define MAX_MAX 100

int
jsonapi_page(struct api *a, struct store_page *page, struct err *e)
{
	const char *text = NULL;

	*page = (struct store_page){ .max = MAX_DEFAULT };
	if (jsonapi_param(a, "max", &text, e) < 0)
		return -1;
	if (text != NULL && (span_to_i64(span_of(text), &page->max) < 0 ||
			     page->max < 1 || page->max > MAX_MAX))
		return err_set(e, ERR_INVALID, "max must be 1 to %d", MAX_MAX);
	jsonapi_call(a)->max = page->max;
	page->max++; /* one more says that there is a next page */
	return 0;
}

int
jsonapi_cursor(struct api *a, struct strbuf *raw, struct err *e)
{
	const char *text = NULL;
	int found = jsonapi_param(a, "cursor", &text, e);

	if (found == 1 && crypto_unbase64url(span_of(text), raw) < 0)
		return jsonapi_bad_cursor(e);
	return found;
}

int
jsonapi_bad_cursor(struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "cursor must be taken from a Link as it is");
}

int
jsonapi_cursor_id(struct api *a, const char **id, struct err *e)
{
	STRBUF_AUTO raw = { 0 };
	uint8_t bytes[16];
	int found = jsonapi_cursor(a, &raw, e);

	if (found != 1)
		return found;
	if (crypto_uuid_parse(strbuf_span(&raw), bytes) < 0)
		return jsonapi_bad_cursor(e);
	*id = arena_span(a->arena, strbuf_span(&raw));
	return 1;
}

void
jsonapi_items(struct api *a, json_t *items, const char *cursor)
{
	json_t *doc = json_object();

	json_put(doc, "items", items);
	if (cursor != NULL)
		jsonapi_link(a, span_of(cursor));
	jsonapi_answer(a, doc);
}

/* The query as it came, with the cursor behind this page. */
void
jsonapi_link(struct api *a, struct span cursor)
{
	struct httpd_field *fields = arena_array(a->arena, struct httpd_field,
						 2);
	struct span rest = httpd_query(a->http);
	struct span path = httpd_path(a->http);
	struct span name, value;
	STRBUF_AUTO link = { 0 };

	strbuf_addf(&link, "<%s%.*s?", a->site->conf->public_url,
		    SPAN_ARG(path));
	while (url_pair_next(&rest, &name, &value))
		if (!span_is(name, "cursor"))
			strbuf_addf(&link, "%.*s=%.*s&", SPAN_ARG(name),
				    SPAN_ARG(value));
	strbuf_adds(&link, "cursor=");
	crypto_base64url(cursor, &link);
	strbuf_adds(&link, ">; rel=\"next\"");
	fields[0].name = "Link";
	fields[0].value = arena_span(a->arena, strbuf_span(&link));
	a->extra = fields;
}
