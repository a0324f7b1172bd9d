/*
 * The pages that integrations send people to (docs/api.md):
 *
 *   p.php?AT=LI&WID=&TK=   log in by a ticket        m.php?AT=HM|JM&MK=
 *   p.php?AT=LO            log out                    e.php?AT=SI&MK=
 *   j.php?MTID=[&ICS=]     the meeting of an invitation
 *
 * With BU= they end there, told how it went: BU?AT=..&ST=SUCCESS, or
 * ST=FAIL&RS=REASON. To another host only if the company's setting
 * url_api.back names its origin; else a page says where it leads.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/token.h"
#include "site/auth.h"
#include "site/files.h"
#include "site/page_meeting.h"
#include "site/page_session.h"
#include "site/page_view.h"
#include "site/site.h"

static void run_person(struct api *a);
static void on_ticket(struct api *a);
static void run_meeting(struct api *a);
static void on_meeting(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static void run_invitation(struct api *a);
static void on_invitation(struct api *a, const struct meeting *list, size_t n,
			  int64_t total);
static void go_back(struct api *a, const char *reason, const char *path);

const struct page_route page_url_routes[] = {
	{ "GET", "p.php", PAGE_ANYBODY, run_person },
	{ "POST", "p.php", PAGE_ANYBODY, run_person },
	{ "GET", "m.php", PAGE_ANYBODY, run_meeting },
	{ "GET", "e.php", PAGE_ANYBODY, run_meeting },
	{ "GET", "j.php", PAGE_ANYBODY, run_invitation },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static bool
is_command(struct api *a, const char *word)
{
	const char *at = page_param(a, "AT");

	return at != NULL && strcasecmp(at, word) == 0;
}

/* --- back -------------------------------------------------------------- */

/* "https://portal.example:1/x" -> "https://portal.example:1"; NULL: no URL
 * that a browser and we would read alike. */
static const char *
origin_of(struct api *a, const char *url)
{
	const char *host;
	size_t len;

	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == '\\' || *p == 0x7f)
			return NULL;
	if (strncasecmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncasecmp(url, "http://", 7) == 0)
		host = url + 7;
	else
		return NULL;
	len = strspn(host, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]");
	if (len == 0 || (host[len] != '\0' && strchr("/?#", host[len]) == NULL))
		return NULL;
	return arena_strndup(a->arena, url, (size_t)(host - url) + len);
}

static bool
is_trusted(struct api *a, const char *origin)
{
	struct files_view *v;
	const json_t *list;
	bool yes = strcasecmp(origin, a->site->conf->public_url) == 0;

	v = files_hold(a->site->files);
	list = files_setting(v, a->company->name, "url_api.back");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		yes = yes || (one != NULL && strcasecmp(one, origin) == 0);
	}
	files_release(&v);
	return yes;
}

static const char *
with_outcome(struct api *a, const char *url, const char *reason)
{
	struct span rest = span_of(url), base;
	STRBUF_AUTO to = { 0 };
	const char *at = page_param(a, "AT");

	span_cut(&rest, '#', &base);
	strbuf_add_span(&to, base);
	strbuf_adds(&to, span_find(base, '?') < 0 ? "?AT=" : "&AT=");
	url_encode(span_of(at), &to);
	strbuf_adds(&to, reason == NULL ? "&ST=SUCCESS" : "&ST=FAIL&RS=");
	if (reason != NULL)
		strbuf_adds(&to, reason);
	return arena_span(a->arena, strbuf_span(&to));
}

/* reason NULL: it went well. Without BU: to path, or what is wrong is said. */
static void
go_back(struct api *a, const char *reason, const char *path)
{
	const char *url = page_param(a, "BU");
	const char *origin = url != NULL ? origin_of(a, url) : NULL;
	json_t *data;

	if (origin != NULL && is_trusted(a, origin)) {
		page_go_url(a, with_outcome(a, url, reason));
	} else if (url != NULL && page_session_local(a, url) != NULL) {
		page_go_url(a, with_outcome(a, url, reason));
	} else if (origin != NULL) {
		data = json_object();
		json_put_str(data, "origin", origin);
		json_put_str(data, "url", with_outcome(a, url, reason));
		json_put_str(data, "path", path);
		json_put_bool(data, "well", reason == NULL);
		page_show(a, "leaving.html", "On to another site", data);
	} else if (reason == NULL) {
		page_go(a, "%s", path);
	} else {
		api_fail(a, FAULT_TICKET, NULL);
	}
}

/* --- p.php ------------------------------------------------------------- */

/* A ticket stands for a log-in: GetloginurlUser has put it into the URL. */
static void
run_person(struct api *a)
{
	struct auth_credentials c = { 0 };
	STRBUF_AUTO payload = { 0 };

	if (is_command(a, "LO")) {
		if (a->who != NULL)
			page_set_cookie(a, page_session_cookie(a), "", 0);
		a->who = NULL;
		go_back(a, NULL, "login?said=out");
		return;
	}
	c.webexid = page_param(a, "WID");
	c.ticket = page_param(a, "TK");
	if (!is_command(a, "LI") || c.ticket == NULL) {
		page_go(a, "login");
		return;
	}
	if (token_read(a->site->keys, AUTH_TICKET, span_of(c.ticket),
		       clock_wall_us() / 1000000, &payload, NULL) < 0) {
		go_back(a, "InvalidTicket", "login");
		return;
	}
	a->who = NULL;
	auth_start(a, &c, on_ticket);
}

/* Of another company: a ticket is no way from one into another. */
static bool
is_of_path(struct api *a)
{
	return span_iis(page_call(a)->path->seg[0], a->company->name);
}

static void
on_ticket(struct api *a)
{
	if (!is_of_path(a)) {
		api_fail(a, FAULT_TICKET, NULL);
		return;
	}
	page_log_in(a);
	go_back(a, NULL, "");
}

/* --- m.php, e.php ------------------------------------------------------ */

static void
find_meeting(struct api *a)
{
	struct store_meeting_by by = { .number = page_call(a)->number };

	if (is_of_path(a))
		store_meeting_get(a, &by, on_meeting);
	else
		api_fail(a, FAULT_TICKET, NULL);
}

/* GethosturlMeeting's ticket logs the host in, too. */
static void
run_meeting(struct api *a)
{
	struct auth_credentials c = { .ticket = page_param(a, "TK") };
	const char *key = page_param(a, "MK");
	int64_t *number = &page_call(a)->number;

	if (key == NULL || span_to_i64(span_of(key), number) < 0 ||
	    *number <= 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (c.ticket != NULL && is_command(a, "HM")) {
		a->who = NULL;
		auth_start(a, &c, find_meeting);
	} else {
		find_meeting(a);
	}
}

static void
add(struct strbuf *to, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	strbuf_addf(to, "%c%s=", strchr(strbuf_text(to), '?') ? '&' : '?',
		    name);
	url_encode(span_of(value), to);
}

static void
on_meeting(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO to = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (is_command(a, "SI") && a->who != NULL) {
		page_go(a, "meetings/%lld", (long long)list->number);
		return;
	}
	if (is_command(a, "HM") && a->who == NULL) {
		api_fail(a, FAULT_UNAUTHENTICATED, "Log in as the host");
		return;
	}
	if (is_command(a, "HM") && page_param(a, "TK") != NULL)
		page_log_in(a);
	strbuf_addf(&to, "join/%lld", (long long)list->number);
	if (is_command(a, "JM")) {
		add(&to, "name", page_param(a, "AN"));
		add(&to, "password", page_param(a, "PW"));
	}
	page_go(a, "%s", strbuf_text(&to));
}

/* --- j.php ------------------------------------------------------------- */

/* "m" and the meeting's id without its dashes. */
static const char *
id_of(struct api *a, const char *token)
{
	char id[37];
	size_t at = 0;

	if (token == NULL || token[0] != 'm' || strlen(token) != 33)
		return NULL;
	for (const char *p = token + 1; *p != '\0'; p++) {
		if (at == 8 || at == 13 || at == 18 || at == 23)
			id[at++] = '-';
		id[at++] = *p;
	}
	id[at] = '\0';
	return arena_strdup(a->arena, id);
}

static void
run_invitation(struct api *a)
{
	struct store_meeting_by by = { .id = id_of(a, page_param(a, "MTID")) };

	if (by.id == NULL)
		api_fail(a, FAULT_NO_MEETING, NULL);
	else
		store_meeting_get(a, &by, on_invitation);
}

static void
on_invitation(struct api *a, const struct meeting *list, size_t n,
	      int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_NO_MEETING, NULL);
	else if (page_param(a, "ICS") != NULL)
		page_meeting_calendar(a, list);
	else
		page_go(a, "join/%lld", (long long)list->number);
}
