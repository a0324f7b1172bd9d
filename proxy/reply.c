#include "proxy/reply.h"

#include <assert.h>

#include "http/status.h"

#define NAMESPACES "http://www.webex.com/schemas/2002/06/"

/* Literally as the site writes it (site-api.md 1). */
static const char xml_start[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<serv:message xmlns:serv=\"" NAMESPACES "service\""
    " xmlns:com=\"" NAMESPACES "common\""
    " xmlns:use=\"" NAMESPACES "service/user\">"
    "<serv:header><serv:response><serv:result>FAILURE</serv:result>";

enum reply_form
reply_form_of(struct span path)
{
	static const char xml[] = "/WBXService/";
	size_t n = sizeof(xml) - 1;

	if (path.len >= n && span_iis(span_make(path.at, n), xml))
		return REPLY_XML;
	if (span_is(path, "/v1") || span_starts(path, "/v1/"))
		return REPLY_JSON;
	return REPLY_PLAIN;
}

const char *
reply_content_type(const struct reply *r)
{
	if (r->body != NULL)
		return "text/html;charset=UTF-8";
	switch (r->form) {
	case REPLY_XML:
		return "text/xml;charset=UTF-8";
	case REPLY_JSON:
		return "application/json;charset=utf-8";
	case REPLY_PLAIN:
		break;
	}
	return "text/plain;charset=UTF-8";
}

/* why is a constant of ours: it needs no escaping. */
static void
xml_body(const struct reply *r, struct strbuf *out)
{
	strbuf_adds(out, xml_start);
	strbuf_addf(out, "<serv:reason>%s</serv:reason>", r->why);
	strbuf_addf(out, "<serv:gsbStatus>%s</serv:gsbStatus>",
		    r->active == ROUTE_PRIMARY ? "PRIMARY" : "BACKUP");
	strbuf_adds(out, "<serv:exceptionID>000000</serv:exceptionID>"
			 "</serv:response></serv:header><serv:body>"
			 "<serv:bodyContent/></serv:body></serv:message>");
}

static void
json_body(const struct reply *r, struct strbuf *out)
{
	strbuf_addf(out,
		    "{\"message\": \"%s\", \"errors\": "
		    "[{\"description\": \"%s\"}], \"trackingId\": \"%.*s\"}",
		    r->why, r->why, SPAN_ARG(r->id));
}

void
reply_body(const struct reply *r, struct strbuf *out)
{
	if (r->body != NULL) {
		strbuf_adds(out, r->body);
		return;
	}
	assert(r->why != NULL);
	switch (r->form) {
	case REPLY_XML:
		xml_body(r, out);
		return;
	case REPLY_JSON:
		json_body(r, out);
		return;
	case REPLY_PLAIN:
		strbuf_addf(out, "%d %s: %s\n", r->status,
			    http_status_reason(r->status), r->why);
		return;
	}
}

void
reply_fields(const struct reply *r, struct strbuf *out)
{
	strbuf_addf(out, "Content-Type: %s\r\n", reply_content_type(r));
	if (r->form == REPLY_XML)
		strbuf_adds(out, "Cache-Control: no-cache\r\n"
				 "Pragma: no-cache\r\n"
				 "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
	else
		strbuf_adds(out, "Cache-Control: no-store\r\n");
	if (r->retry_after_s > 0)
		strbuf_addf(out, "Retry-After: %u\r\n", r->retry_after_s);
	if (r->allow != NULL)
		strbuf_addf(out, "Allow: %s\r\n", r->allow);
	if (r->form == REPLY_JSON && r->id.len > 0)
		strbuf_addf(out, "trackingId: %.*s\r\n", SPAN_ARG(r->id));
}
