#include "site/xmlapi_op.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"
#include "site/record.h"
#include "site/site.h"
#include "site/xmlvalue.h"

#define CONTENT_ROOM 256 /* mostly enough for what is around it */

static const char *order_word(struct api *a, const char *const *words,
			      const char *by, const char *ad);

const struct xml_node *
xmlapi_body(const struct api *a)
{
	return xmlapi_call(a)->request.body;
}

const char *
xmlapi_text(const struct api *a, const char *path)
{
	const struct xml_node *n = xml_path(xmlapi_body(a), path);

	return n != NULL && n->text[0] != '\0' ? n->text : NULL;
}

struct span
xmlapi_content(struct api *a, const struct strbuf *elements)
{
	const struct xmlapi_op *op = xmlapi_call(a)->op;
	STRBUF_AUTO sb = { 0 };

	strbuf_reserve(&sb, CONTENT_ROOM + elements->len);
	strbuf_adds(&sb, op->service);
	strbuf_adds(&sb, "\n<serv:bodyContent xsi:type=\"");
	strbuf_adds(&sb, op->prefix);
	strbuf_addc(&sb, ':');
	strbuf_adds(&sb, op->response);
	strbuf_adds(&sb, "\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-"
			 "instance\">");
	strbuf_add_span(&sb, strbuf_span(elements));
	xml_close(&sb, "serv:bodyContent");
	return span_make(arena_span(a->arena, strbuf_span(&sb)), sb.len);
}

void
xmlapi_answer(struct api *a, const struct strbuf *elements)
{
	api_answer(a, 200, xmlapi_content(a, elements));
}

void
xmlapi_invalid(struct api *a, const struct err *e)
{
	api_fail(a, FAULT_INVALID, "%s", err_text(e));
}

void
xmlapi_refuse(struct write_answer *out, enum fault fault)
{
	out->refused = true;
	out->fault = fault;
}

bool
xmlapi_is_admin(const struct api *a)
{
	return a->who->site_admin;
}

bool
xmlapi_is_reader(const struct api *a)
{
	return a->who->site_admin || a->who->ro_site_admin;
}

const char *
xmlapi_home(struct api *a)
{
	return arena_printf(a->arena, "%s/%s", a->site->conf->public_url,
			    a->company->name);
}

int
xmlapi_page_read(struct api *a, const char *const *words,
		 struct store_page *page, struct err *e)
{
	const struct xmlvalue_range start = { 0, INT32_MAX };
	const struct xmlvalue_range most = { 0, INT32_MAX };
	const struct xml_node *order = xml_child(xmlapi_body(a), "order");
	const struct xml_node *by = xml_child(order, "orderBy");
	const struct xml_node *ad = xml_child(order, "orderAD");
	int64_t from = 1;
	unsigned n = 0;

	*page = (struct store_page){ .max = 10, .total = true };
	if (xmlvalue_int(xmlapi_text(a, "listControl/startFrom"), "startFrom",
			 start, &from, e) < 0 ||
	    xmlvalue_int(xmlapi_text(a, "listControl/maximumNum"), "maximumNum",
			 most, &page->max, e) < 0)
		return -1;
	if (page->max == 0)
		page->max = 10;
	if (page->max > 1000)
		page->max = 1000;
	page->skip = from > 1 ? from - 1 : 0;
	for (; by != NULL && n < 3; by = xml_next(by, "orderBy")) {
		const char *word = order_word(a, words, by->text, xml_text(ad));

		if (word != NULL)
			page->order[n++] = word;
		if (ad != NULL)
			ad = xml_next(ad, "orderAD");
	}
	return 0;
}

static const char *
order_word(struct api *a, const char *const *words, const char *by,
	   const char *ad)
{
	for (; words[0] != NULL; words += 2)
		if (strcasecmp(words[0], by) == 0)
			return arena_printf(
			    a->arena, "%s%s",
			    strcasecmp(ad, "DESC") == 0 ? "-" : "", words[1]);
	return NULL;
}

void
xmlapi_records(const struct api *a, int64_t total, size_t returned,
	       struct strbuf *out)
{
	const struct xmlapi_call *call = xmlapi_call(a);
	char name[32];

	snprintf(name, sizeof(name), "%s:matchingRecords", call->op->prefix);
	xml_open(out, name);
	xml_leaf_int(out, "serv:total", total);
	xml_leaf_int(out, "serv:returned", (long long)returned);
	xml_leaf_int(out, "serv:startFrom", call->page.skip + 1);
	xml_close(out, name);
}

int
xmlapi_scope_read(struct api *a, const char *path, const char **out,
		  struct err *e)
{
	const struct timezone_info *tz = xmlapi_scope_zone(a);
	const char *text = xmlapi_text(a, path);
	char iso[CLOCK_ISO_SIZE];
	int64_t at;

	*out = NULL;
	if (text == NULL)
		return 0;
	if (xmlvalue_instant(text, path, tz, &at, e) < 0)
		return -1;
	*out = arena_strdup(a->arena, clock_iso(at, iso));
	return 0;
}

const struct timezone_info *
xmlapi_scope_zone(struct api *a)
{
	const char *id = xmlapi_text(a, "dateScope/timeZoneID");
	const struct timezone_info *tz = NULL;
	int64_t number;

	if (id == NULL)
		id = xmlapi_text(a, "dataScope/timeZoneID");
	if (id != NULL && span_to_i64(span_of(id), &number) == 0)
		tz = timezone_by_id(number);
	return tz != NULL ? tz : timezone_by_id(TIMEZONE_GMT);
}

const char *
xmlapi_guest_token(struct api *a, const struct meeting *meeting)
{
	STRBUF_AUTO sb = { 0 };
	const char *text = arena_printf(a->arena, "guest %s", meeting->id);

	if (meeting->guest_token != NULL)
		return meeting->guest_token;
	keyring_sign(a->site->keys, span_of(text), &sb);
	return arena_span(a->arena, strbuf_span(&sb));
}
