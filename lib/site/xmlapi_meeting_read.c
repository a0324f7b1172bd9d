/* Meeting operations of the XML API that read, and the URLs. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"
#include "site/record.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlvalue.h"

static void on_got(struct api *a, const struct meeting *list, size_t n,
		   int64_t total);
static void on_listed(struct api *a, const struct meeting *list, size_t n,
		      int64_t total);
static void on_host_url(struct api *a, const struct meeting *list, size_t n,
			int64_t total);
static void on_join_url(struct api *a, const struct meeting *list, size_t n,
			int64_t total);
static const char *meeting_token(struct api *a, const struct meeting *m);
static void add_query(struct strbuf *out, const char *name, const char *value);

static const char *
key_of(const struct api *a)
{
	const char *key = xmlapi_text(a, "meetingKey");

	if (key == NULL)
		key = xmlapi_text(a, "sessionKey");
	return key != NULL ? key : xmlapi_text(a, "confID");
}

void
xmlapi_meeting_ahead(struct api *a)
{
	static auth_fn *const runs[] = { xmlapi_meeting_run_get,
					 xmlapi_meeting_run_host_url,
					 xmlapi_meeting_run_join_url };
	struct store_meeting_by by = { 0 };
	const char *key = key_of(a);

	if (key == NULL || span_to_i64(span_of(key), &by.number) < 0 ||
	    by.number <= 0)
		return;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		if (xmlapi_call(a)->op->run == runs[i])
			store_meeting_ahead(a, &by);
}

int
xmlapi_meeting_number(struct api *a, int64_t *number, struct err *e)
{
	const char *key = key_of(a);

	if (key == NULL) {
		api_fail(a, FAULT_INVALID,
			 "validation: meetingKey is missing or empty");
		return -1;
	}
	if (span_to_i64(span_of(key), number) < 0 || *number <= 0) {
		api_fail(a, FAULT_INVALID,
			 "validation: meetingKey \"%.40s\" is not a number",
			 key);
		return -1;
	}
	return 0;
}

void
xmlapi_meeting_find(struct api *a, store_meetings_fn *fn)
{
	struct store_meeting_by by = { 0 };

	if (xmlapi_meeting_number(a, &by.number, NULL) == 0)
		store_meeting_get(a, &by, fn);
}

bool
xmlapi_meeting_is_allowed(const struct api *a, const struct meeting *meeting)
{
	return xmlapi_is_admin(a) || strcmp(meeting->host_id, a->who->id) == 0;
}

bool
xmlapi_meeting_is_readable(const struct api *a, const struct meeting *meeting)
{
	return xmlapi_is_reader(a) || xmlapi_meeting_is_allowed(a, meeting);
}

bool
xmlapi_meeting_shows(struct api *a, const struct meeting *list, size_t n)
{
	if (!xmlapi_meeting_is(a, list, n)) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return false;
	}
	if (!xmlapi_meeting_is_readable(a, list)) {
		api_fail(a, FAULT_DENIED, NULL);
		return false;
	}
	return true;
}

void
xmlapi_meeting_run_get(struct api *a)
{
	xmlapi_call(a)->sort = &xmlapi_meeting_sort;
	xmlapi_meeting_find(a, on_got);
}

static void
on_got(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };
	JSON_AUTO values = NULL;

	if (!xmlapi_meeting_shows(a, list, n))
		return;
	values = xmlapi_meeting_values(a, list);
	xmlapi_map_write(xmlapi_meeting_map, "meet", values, &sb);
	xmlapi_answer(a, &sb);
}

void
xmlapi_meeting_run_list(struct api *a)
{
	static const char *const orders[] = { "HOSTWEBEXID", "host",
					      "CONFNAME",    "confname",
					      "STARTTIME",   "starts",
					      NULL };
	const char *key = xmlapi_text(a, "meetingKey");
	struct store_meeting_filter f = { .not_type = XMLAPI_AUDIO_ONLY };
	struct xmlapi_call *call = xmlapi_call(a);
	struct err e;

	if (xmlapi_page_read(a, orders, &call->page, &e) < 0 ||
	    xmlapi_scope_read(a, "dateScope/startDateStart", &f.starts_from,
			      &e) < 0 ||
	    xmlapi_scope_read(a, "dateScope/startDateEnd", &f.starts_to, &e) <
		0 ||
	    xmlapi_scope_read(a, "dateScope/endDateStart", &f.ends_from, &e) <
		0 ||
	    xmlapi_scope_read(a, "dateScope/endDateEnd", &f.ends_to, &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	if (key != NULL && xmlapi_meeting_number(a, &f.number, NULL) < 0)
		return;
	if (!xmlapi_is_reader(a))
		f.host_id = a->who->id;
	else
		f.host_webexid = xmlapi_text(a, "hostWebExID");
	store_meeting_list(a, &f, &call->page, on_listed);
}

static void
on_listed(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	static const struct xmlapi_map item[] = {
		{ "meetingKey", XMLAPI_OUT, "number", 0, 0, NULL, NULL },
		{ "confName", XMLAPI_OUT, "confname", 0, 0, NULL, NULL },
		{ "meetingType", XMLAPI_OUT, "type", 0, 0, NULL, NULL },
		{ "hostWebExID", XMLAPI_OUT, "=hostWebExID", 0, 0, NULL, NULL },
		{ "otherHostWebExID", XMLAPI_OUT, "=other", 0, 0, NULL, NULL },
		{ "timeZoneID", XMLAPI_OUT, "timezone_id", 0, 0, NULL, NULL },
		{ "timeZone", XMLAPI_OUT, "=timeZone", 0, 0, NULL, NULL },
		{ "status", XMLAPI_OUT, "=status", 0, 0, NULL, NULL },
		{ "startDate", XMLAPI_OUT, "=startDate", 0, 0, NULL, NULL },
		{ "duration", XMLAPI_OUT, "duration", 0, 0, NULL, NULL },
		{ "listStatus", XMLAPI_OUT, "list_status", 0, 0, NULL, NULL },
		{ "hostJoined", XMLAPI_OUT, "host_joined", 0, 0, NULL, NULL },
		{ "participantsJoined", XMLAPI_OUT, "participants_joined", 0, 0,
		  NULL, NULL },
		{ NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL },
	};
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		JSON_AUTO values = xmlapi_meeting_values(a, &list[i]);

		json_put_str(values, "list_status", list[i].list_status);
		xml_open(&sb, "meet:meeting");
		xmlapi_map_write(item, "meet", values, &sb);
		xml_close(&sb, "meet:meeting");
	}
	xmlapi_records(a, total, n, &sb);
	xmlapi_answer(a, &sb);
}

/* --- URLs: all name the public host --- */

void
xmlapi_meeting_run_host_url(struct api *a)
{
	xmlapi_meeting_find(a, on_host_url);
}

static void
on_host_url(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO url = { 0 };
	STRBUF_AUTO ticket = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (!xmlapi_meeting_is_allowed(a, list)) {
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	auth_token(a, AUTH_TICKET, AUTH_TICKET_S, &ticket);
	strbuf_addf(&url, "%s/m.php?AT=HM&MK=%lld", xmlapi_home(a),
		    (long long)list->number);
	add_query(&url, "TK", strbuf_text(&ticket));
	strbuf_adds(&url, "&MU=GoBack&BU=");
	xml_leaf(&sb, "meet:hostMeetingURL", strbuf_text(&url));
	xmlapi_answer(a, &sb);
}

void
xmlapi_meeting_run_join_url(struct api *a)
{
	xmlapi_meeting_find(a, on_join_url);
}

static void
on_join_url(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO url = { 0 };
	const char *invite;

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	strbuf_addf(&url, "%s/m.php?AT=JM&MK=%lld", xmlapi_home(a),
		    (long long)list->number);
	add_query(&url, "AN", xmlapi_text(a, "attendeeName"));
	add_query(&url, "AE", xmlapi_text(a, "attendeeEmail"));
	add_query(&url, "PW", xmlapi_text(a, "meetingPW"));
	add_query(&url, "RID", xmlapi_text(a, "RegID"));
	strbuf_adds(&url, "&MU=GoBack&BU=");
	invite = arena_printf(a->arena, "%s/j.php?MTID=%s", xmlapi_home(a),
			      meeting_token(a, list));
	xml_leaf(&sb, "meet:joinMeetingURL", strbuf_text(&url));
	xml_leaf(&sb, "meet:inviteMeetingURL", invite);
	xml_leaf(&sb, "meet:registerMeetingURL",
		 arena_printf(a->arena, "%s&RG=1", invite));
	xmlapi_answer(a, &sb);
}

void
xmlapi_meeting_calendar(struct api *a, const struct meeting *meeting,
			struct strbuf *out)
{
	const char *url = arena_printf(a->arena,
				       "%s/j.php?MTID=%s&ICS=", xmlapi_home(a),
				       meeting_token(a, meeting));

	const char *name = arena_printf(a->arena, "%s:iCalendarURL",
					xmlapi_call(a)->op->prefix);

	xml_open(out, name);
	xml_leaf(out, "serv:host", arena_printf(a->arena, "%sHM", url));
	xml_leaf(out, "serv:attendee", arena_printf(a->arena, "%sJM", url));
	xml_close(out, name);
}

/* Names a meeting without telling its number: its id is not guessable. */
static const char *
meeting_token(struct api *a, const struct meeting *m)
{
	STRBUF_AUTO sb = { 0 };

	strbuf_addc(&sb, 'm');
	for (const char *p = m->id; *p != '\0'; p++)
		if (*p != '-')
			strbuf_addc(&sb, *p);
	return arena_span(a->arena, strbuf_span(&sb));
}

static void
add_query(struct strbuf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	strbuf_addf(out, "&%s=", name);
	url_encode(span_of(value), out);
}
