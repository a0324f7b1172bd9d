/*
 * document --xmlapi_request--> operation --auth--> run --> content
 * --envelope-->
 */
#include "site/xmlapi.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "io/httpd.h"
#include "site/role.h"
#include "site/site.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"

#define SCHEMAS "http://www.webex.com/schemas/2002/06/"
#define ENVELOPE_ROOM 1024 /* mostly enough for what is around the content */

static struct span form_answer(struct api *a, struct span content);
static struct span form_failure(struct api *a, const struct fault_row *row,
				const char *text);
static void open_message(const char *service, struct strbuf *out);
static const struct xmlapi_op *find_op(const struct xmlapi_request *r);
static const char *company_of_host(struct api *a);
static void on_known(struct api *a);
static bool is_allowed(const struct api *a, enum xmlapi_need need);

static const struct httpd_field form_fields[] = {
	{ "Cache-Control", "no-cache" },
	{ "Pragma", "no-cache" },
	{ "Expires", "Thu, 01 Jan 1970 00:00:00 GMT" },
	{ "X-Content-Type-Options", "nosniff" },
	{ NULL, NULL },
};

const struct api_form xmlapi_form = {
	.name = "xml",
	.content_type = "text/xml;charset=UTF-8",
	.fields = form_fields,
	.failures_are_200 = true,
	.answer = form_answer,
	.failure = form_failure,
};

static const struct xmlapi_op *const all_ops[] = {
	xmlapi_user_ops,     xmlapi_login_ops,   xmlapi_meeting_ops,
	xmlapi_attendee_ops, xmlapi_session_ops, xmlapi_site_ops,
	xmlapi_teleconf_ops, xmlapi_history_ops,
};

/* What a response's root declares, in the contract's order. */
static const struct {
	const char *service;
	const char *declares;
} roots[] = {
	{ "user", " xmlns:use=\"" SCHEMAS "service/user\"" },
	{ "meeting", " xmlns:meet=\"" SCHEMAS "service/meeting\""
		     " xmlns:att=\"" SCHEMAS "service/attendee\"" },
	{ "attendee", " xmlns:att=\"" SCHEMAS "service/attendee\"" },
	{ "ep", " xmlns:ep=\"" SCHEMAS "service/ep\""
		" xmlns:meet=\"" SCHEMAS "service/meeting\"" },
	{ "site", " xmlns:ns1=\"" SCHEMAS "service/site\""
		  " xmlns:event=\"" SCHEMAS "service/event\"" },
	{ "history", " xmlns:history=\"" SCHEMAS "service/history\"" },
	{ "meetingtype", " xmlns:mtgtype=\"" SCHEMAS "service/meetingtype\"" },
	{ "auo", " xmlns:auo=\"" SCHEMAS "service/meeting/auo\"" },
};

void
xmlapi_handle(struct api *a)
{
	struct xmlapi_call *call = arena_make(a->arena, struct xmlapi_call);
	const struct xmlapi_security *s = &call->request.security;
	struct auth_credentials who;
	struct err e;

	a->data = call;
	if (xmlapi_request_read(httpd_body(a->http), a->arena, &call->request,
				&e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	call->op = find_op(&call->request);
	if (call->op == NULL) {
		api_fail(a, FAULT_INVALID,
			 "validation: operation \"%.60s\" is not supported",
			 call->request.operation);
		return;
	}
	who = (struct auth_credentials){ .site_name = s->site_name,
					 .site_id = s->site_id,
					 .partner_id = s->partner_id,
					 .webexid = s->webex_id,
					 .email = s->email,
					 .password = s->password,
					 .ticket = s->session_ticket,
					 .bearer = s->access_token };
	if (s->site_name == NULL && s->site_id == 0)
		who.site_name = company_of_host(a);
	if (call->op->need == XMLAPI_NEEDS_SITE) {
		auth_company(a, &who, on_known);
		return;
	}
	xmlapi_meeting_ahead(a);
	auth_start(a, &who, on_known);
}

/* A document that names no site, sent to "acme.meet.example.com": acme. */
static const char *
company_of_host(struct api *a)
{
	const char *known = strstr(a->site->conf->public_url, "://") + 3;
	struct span host = httpd_field(a->http, "X-Forwarded-Host");
	struct span company, public, rest = span_of(known);

	if (host.len == 0)
		host = httpd_field(a->http, "Host");
	span_cut(&rest, '/', &public);
	if (!span_cut(&host, '.', &company) || company.len == 0 ||
	    !span_ieq(host, public))
		return NULL;
	return arena_span(a->arena, company);
}

static void
on_known(struct api *a)
{
	const struct xmlapi_op *op = xmlapi_call(a)->op;

	if (is_allowed(a, op->need))
		op->run(a);
	else
		api_fail(a, FAULT_DENIED, NULL);
}

static bool
is_allowed(const struct api *a, enum xmlapi_need need)
{
	switch (need) {
	case XMLAPI_NEEDS_SITE:
	case XMLAPI_NEEDS_ACCOUNT:
		return true;
	case XMLAPI_NEEDS_HOST:
		return a->who->host || xmlapi_is_admin(a);
	case XMLAPI_NEEDS_READER:
		return xmlapi_is_reader(a);
	case XMLAPI_NEEDS_ADMIN:
		return xmlapi_is_admin(a);
	}
	assert(!"a need has a rule");
	return false;
}

/* --- the envelope --- */

static struct span
form_answer(struct api *a, struct span content)
{
	STRBUF_AUTO sb = { 0 };
	struct span service;
	char name[32];

	strbuf_reserve(&sb, ENVELOPE_ROOM + content.len);
	if (!span_cut(&content, '\n', &service) ||
	    !span_copy(service, name, sizeof(name)))
		assert(!"content names its service");
	open_message(name, &sb);
	xml_open(&sb, "serv:header");
	xml_open(&sb, "serv:response");
	xml_leaf(&sb, "serv:result", "SUCCESS");
	xml_leaf(&sb, "serv:gsbStatus", a->site->role->gsb_status);
	xml_close(&sb, "serv:response");
	xml_close(&sb, "serv:header");
	xml_open(&sb, "serv:body");
	strbuf_add_span(&sb, content);
	xml_close(&sb, "serv:body");
	xml_close(&sb, "serv:message");
	return span_make(arena_span(a->arena, strbuf_span(&sb)), sb.len);
}

static struct span
form_failure(struct api *a, const struct fault_row *row, const char *text)
{
	const struct xmlapi_call *call = a->data;
	STRBUF_AUTO sb = { 0 };

	open_message(call != NULL && call->op != NULL ? call->op->service : "",
		     &sb);
	xml_open(&sb, "serv:header");
	xml_open(&sb, "serv:response");
	xml_leaf(&sb, "serv:result", "FAILURE");
	if (row == fault_row(FAULT_INVALID) &&
	    !span_starts(span_of(text), "validation: "))
		text = arena_printf(a->arena, "validation: %s", text);
	xml_leaf(&sb, "serv:reason", text);
	xml_leaf(&sb, "serv:gsbStatus", a->site->role->gsb_status);
	if (row->exception != NULL)
		xml_leaf(&sb, "serv:exceptionID", row->exception);
	xml_close(&sb, "serv:response");
	xml_close(&sb, "serv:header");
	xml_open(&sb, "serv:body");
	xml_leaf(&sb, "serv:bodyContent", NULL);
	xml_close(&sb, "serv:body");
	xml_close(&sb, "serv:message");
	return span_make(arena_span(a->arena, strbuf_span(&sb)), sb.len);
}

static void
open_message(const char *service, struct strbuf *out)
{
	xml_start(out);
	strbuf_adds(out, "<serv:message xmlns:serv=\"" SCHEMAS
			 "service\" xmlns:com=\"" SCHEMAS "common\"");
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (strcmp(roots[i].service, service) == 0)
			strbuf_adds(out, roots[i].declares);
	strbuf_addc(out, '>');
}

/* The service counts only where it was said: names are unique without it. */
static const struct xmlapi_op *
find_op(const struct xmlapi_request *r)
{
	for (size_t i = 0; i < sizeof(all_ops) / sizeof(all_ops[0]); i++)
		for (const struct xmlapi_op *op = all_ops[i]; op->name != NULL;
		     op++)
			if (strcasecmp(op->name, r->operation) == 0 &&
			    (r->service == NULL ||
			     strcmp(r->service, op->service) == 0))
				return op;
	return NULL;
}
