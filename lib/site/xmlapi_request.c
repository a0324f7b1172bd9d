/*
 * body --find_document--> XML text --xml_parse--> tree --> security, operation
 */
#include "site/xmlapi_request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"

/* Deeper and larger than any request that means something. */
static const struct xml_limits limits = { 1 << 20, 32, 20000, 32 };

struct form {
	const char *uid;
	const char *pwd;
	const char *sid;
	const char *pid;
};

static int find_document(struct span body, struct arena *arena,
			 struct span *document, struct form *form,
			 struct err *e);
static int read_form(struct span pairs, struct arena *arena, struct form *form,
		     struct span *document, struct err *e);
static int read_security(const struct xml_node *root, const struct form *form,
			 struct xmlapi_security *s, struct err *e);
static int read_operation(const struct xml_node *body, struct arena *arena,
			  struct xmlapi_request *out, struct err *e);
static const char *service_of(const char *name);

int
xmlapi_request_read(struct span body, struct arena *arena,
		    struct xmlapi_request *out, struct err *e)
{
	struct form form = { 0 };
	struct span document;
	struct xml_node *root;

	*out = (struct xmlapi_request){ 0 };
	if (find_document(body, arena, &document, &form, e) < 0)
		return -1;
	root = xml_parse(document, &limits, arena, e);
	if (root == NULL)
		return err_prefix(e, "validation");
	if (strcasecmp(root->name, "message") != 0 &&
	    strcasecmp(root->name, "messageType") != 0)
		return err_set(e, ERR_INVALID,
			       "validation: root element <%s>, expected "
			       "<serv:message>",
			       root->name);
	out->body = xml_path(root, "body/bodyContent");
	if (out->body == NULL)
		return err_set(e, ERR_INVALID,
			       "validation: no <bodyContent> in <body>");
	if (read_operation(out->body, arena, out, e) < 0)
		return -1;
	return read_security(root, &form, &out->security, e);
}

static int
find_document(struct span body, struct arena *arena, struct span *document,
	      struct form *form, struct err *e)
{
	struct span rest = span_trim(body);

	if (span_starts(rest, "\xef\xbb\xbf"))
		rest = span_trim(span_skip(rest, 3));
	if (rest.len == 0)
		return err_set(e, ERR_INVALID,
			       "validation: empty body, expected an XML "
			       "document");
	*document = rest;
	if (rest.at[0] == '<')
		return 0;
	*document = (struct span){ 0 };
	if (read_form(rest, arena, form, document, e) < 0)
		return -1;
	if (document->len == 0)
		return err_set(e, ERR_INVALID,
			       "validation: neither an XML document nor a "
			       "form with a field XML");
	return 0;
}

/* One decoded value of the form, in the arena; NULL if it is empty. */
static int
form_value(struct span value, struct arena *arena, const char **out,
	   struct err *e)
{
	STRBUF_AUTO sb = { 0 };

	if (url_decode(value, URL_PLUS_BLANK, &sb, e) < 0)
		return err_prefix(e, "validation: form");
	*out = sb.len > 0 ? arena_span(arena, strbuf_span(&sb)) : NULL;
	return 0;
}

static int
read_form(struct span pairs, struct arena *arena, struct form *form,
	  struct span *document, struct err *e)
{
	struct span name, value;
	const char *text;

	while (url_pair_next(&pairs, &name, &value)) {
		const char **to = span_iis(name, "UID")   ? &form->uid
				  : span_iis(name, "PWD") ? &form->pwd
				  : span_iis(name, "SID") ? &form->sid
				  : span_iis(name, "PID") ? &form->pid
							  : NULL;

		if (to != NULL && form_value(value, arena, to, e) < 0)
			return -1;
		if (!span_iis(name, "XML"))
			continue;
		if (span_starts(span_trim(value), "<")) {
			/* a raw document holds & and = itself: all the rest */
			size_t len = value.len + pairs.len +
				     (pairs.at != NULL ? 1 : 0);

			*document = span_trim(span_make(value.at, len));
			return 0;
		}
		if (form_value(value, arena, &text, e) < 0)
			return -1;
		*document = span_trim(span_of(text));
	}
	return 0;
}

static int
read_security(const struct xml_node *root, const struct form *form,
	      struct xmlapi_security *s, struct err *e)
{
	const struct xml_node *c = xml_path(root, "header/securityContext");
	const char *site_id = xml_child_text(c, "siteID");

	s->webex_id = xml_child_text(c, "webExID");
	s->email = xml_child_text(c, "email");
	s->password = xml_child_text(c, "password");
	s->session_ticket = xml_child_text(c, "sessionTicket");
	s->access_token = xml_child_text(c, "webExAccessToken");
	s->site_name = xml_child_text(c, "siteName");
	s->partner_id = xml_child_text(c, "partnerID");
	if (s->webex_id == NULL && s->email == NULL)
		s->webex_id = form->uid;
	if (s->password == NULL && s->session_ticket == NULL)
		s->password = form->pwd;
	if (s->partner_id == NULL)
		s->partner_id = form->pid;
	if (site_id == NULL)
		site_id = form->sid;
	if (site_id != NULL &&
	    (span_to_i64(span_of(site_id), &s->site_id) < 0 || s->site_id <= 0))
		return err_set(e, ERR_INVALID,
			       "validation: siteID \"%s\" is not a number",
			       site_id);
	return 0;
}

static int
read_operation(const struct xml_node *body, struct arena *arena,
	       struct xmlapi_request *out, struct err *e)
{
	const char *type = xml_attr(body, "type");
	const char *colon = type != NULL ? strchr(type, ':') : NULL;
	const char *dot = type != NULL ? strrchr(type, '.') : NULL;
	const char *prefix;

	if (type == NULL || type[0] == '\0')
		return err_set(e, ERR_INVALID,
			       "validation: <bodyContent> has no xsi:type, "
			       "expected one such as \"java:com.webex.service."
			       "binding.meeting.CreateMeeting\"");
	if (dot != NULL) {
		const char *from = dot;

		while (from > type && from[-1] != '.' && from[-1] != ':')
			from--;
		prefix = arena_strndup(arena, from, (size_t)(dot - from));
		out->operation = dot + 1;
	} else if (colon != NULL) {
		prefix = arena_strndup(arena, type, (size_t)(colon - type));
		out->operation = colon + 1;
	} else {
		prefix = "";
		out->operation = type;
	}
	while (isspace((unsigned char)out->operation[0]))
		out->operation++;
	out->service = service_of(prefix);
	if (out->operation[0] == '\0')
		return err_set(e, ERR_INVALID,
			       "validation: xsi:type \"%s\" names no operation",
			       type);
	return 0;
}

static const char *
service_of(const char *name)
{
	static const struct {
		const char *from, *to;
	} map[] = {
		{ "use", "user" },        { "user", "user" },
		{ "meet", "meeting" },    { "meeting", "meeting" },
		{ "att", "attendee" },    { "attendee", "attendee" },
		{ "ep", "ep" },           { "session", "ep" },
		{ "history", "history" }, { "site", "site" },
		{ "ns1", "site" },        { "mtgtype", "meetingtype" },
		{ "auo", "auo" },         { "meetingtype", "meetingtype" },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (strcasecmp(name, map[i].from) == 0)
			return map[i].to;
	return NULL;
}
