/*
 * User operations of the XML API around log-in: tickets, the URLs of the
 * pages to log in and out, and the end of accounts. A ticket is its caller's
 * own: nobody gets one for somebody else.
 */
#include <strings.h>

#include "http/url.h"
#include "site/record.h"
#include "site/xmlapi_op.h"

#define REMOVED_MAX 50

static void run_ticket(struct api *a);
static void run_login_url(struct api *a);
static void run_logout_url(struct api *a);
static void run_delete(struct api *a);
static void render_removed(struct api *a, const struct store_removed *list,
			   size_t n, struct write_answer *out);

const struct xmlapi_op xmlapi_login_ops[] = {
	{ "GetLoginTicket", "user", "use", "getLoginTicketResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_ticket },
	{ "GetloginurlUser", "user", "use", "getloginurlUserResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_login_url },
	{ "GetlogouturlUser", "user", "use", "getlogouturlUserResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_logout_url },
	{ "DelUser", "user", "use", "delUserResponse", XMLAPI_NEEDS_ADMIN,
	  run_delete },
	{ 0 },
};

static void
run_ticket(struct api *a)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO ticket = { 0 };

	auth_token(a, AUTH_TICKET, AUTH_TICKET_S, &ticket);
	xml_leaf(&sb, "use:ticket", strbuf_text(&ticket));
	xml_leaf(&sb, "use:apiVersion", XMLAPI_VERSION);
	xmlapi_answer(a, &sb);
}

/* webExID must name the caller; false: refused, and answered. */
static bool
is_own(struct api *a)
{
	const char *id = xmlapi_text(a, "webExID");

	if (id == NULL)
		api_fail(a, FAULT_INVALID,
			 "validation: webExID is missing or empty");
	else if (strcasecmp(id, a->who->webexid) != 0)
		api_fail(a, FAULT_DENIED, NULL);
	else
		return true;
	return false;
}

/* Integrations edit MU= and BU= as text: both stand at the end. */
static void
add_back(struct api *a, struct strbuf *url)
{
	const char *back = xmlapi_text(a, "backURL");

	strbuf_adds(url, "&MU=GoBack&BU=");
	if (back != NULL)
		url_encode(span_of(back), url);
}

static void
run_login_url(struct api *a)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO url = { 0 };

	if (!is_own(a))
		return;
	strbuf_addf(&url, "%s/p.php?AT=LI&WID=", xmlapi_home(a));
	url_encode(span_of(a->who->webexid), &url);
	strbuf_adds(&url, "&TK=");
	auth_token(a, AUTH_TICKET, AUTH_TICKET_S, &url);
	add_back(a, &url);
	xml_leaf(&sb, "use:userLoginURL", strbuf_text(&url));
	xmlapi_answer(a, &sb);
}

static void
run_logout_url(struct api *a)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO url = { 0 };

	if (!is_own(a))
		return;
	strbuf_addf(&url, "%s/p.php?AT=LO", xmlapi_home(a));
	add_back(a, &url);
	xml_leaf(&sb, "use:userLogoutURL", strbuf_text(&url));
	xmlapi_answer(a, &sb);
}

static void
run_delete(struct api *a)
{
	const struct xml_node *n = xml_child(xmlapi_body(a), "webExId");
	json_t *names = json_array();

	for (; n != NULL; n = xml_next(n, "webExId"))
		if (n->text[0] != '\0')
			json_array_append_new(names, json_string(n->text));
	if (json_array_size(names) == 0 ||
	    json_array_size(names) > REMOVED_MAX) {
		json_decref(names);
		api_fail(a, FAULT_INVALID,
			 "validation: webExId must be given 1 to %d times",
			 REMOVED_MAX);
		return;
	}
	store_account_remove(a, names, render_removed);
}

static void
render_removed(struct api *a, const struct store_removed *list, size_t n,
	       struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	for (size_t i = 0; i < n; i++) {
		xml_open(&sb, "use:user");
		xml_leaf(&sb, "use:webExId", list[i].webexid);
		xml_leaf(&sb, "use:status",
			 list[i].done ? "SUCCESS" : "FAILURE");
		xml_close(&sb, "use:user");
	}
	out->content = xmlapi_content(a, &sb);
}
