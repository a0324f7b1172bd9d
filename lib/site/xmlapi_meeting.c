/*
 * Meeting operations of the XML API that change meetings. A host works on
 * his own meetings, a site administrator on all. What writes always goes
 * through the journal, so that a request that comes twice is answered alike
 * also when the meeting has gone meanwhile.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "site/recurrence.h"
#include "site/xmlapi_attendees.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

static void run_create(struct api *a);
static void on_host(struct api *a, const struct account *list, size_t n,
		    int64_t total);
static void create(struct api *a, const struct account *host);
static void render_created(struct api *a, const struct meeting *meeting,
			   struct write_answer *out);
static void run_set(struct api *a);
static void on_to_set(struct api *a, const struct meeting *list, size_t n,
		      int64_t total);
static void on_new_host(struct api *a, const struct account *list, size_t n,
			int64_t total);
static void update(struct api *a, const struct account *host);
static void run_delete(struct api *a);
static void on_to_delete(struct api *a, const struct meeting *list, size_t n,
			 int64_t total);
static void render_changed(struct api *a, const struct meeting *meeting,
			   struct write_answer *out);

static int read_fields(struct api *a, const struct timezone_info *tz,
		       json_t *fields, struct err *e);
static int read_zone(json_t *fields, const struct timezone_info **tz,
		     struct err *e);
static int read_repeat(json_t *fields, struct err *e);
static int read_access(struct api *a, json_t *fields, struct err *e);

const struct xmlapi_op xmlapi_meeting_ops[] = {
	{ "CreateMeeting", "meeting", "meet", "createMeetingResponse",
	  XMLAPI_NEEDS_HOST, run_create },
	{ "SetMeeting", "meeting", "meet", "setMeetingResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_set },
	{ "DelMeeting", "meeting", "meet", "delMeetingResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_delete },
	{ "GetMeeting", "meeting", "meet", "getMeetingResponse",
	  XMLAPI_NEEDS_ACCOUNT, xmlapi_meeting_run_get },
	{ "LstsummaryMeeting", "meeting", "meet", "lstsummaryMeetingResponse",
	  XMLAPI_NEEDS_ACCOUNT, xmlapi_meeting_run_list },
	{ "GethosturlMeeting", "meeting", "meet", "gethosturlMeetingResponse",
	  XMLAPI_NEEDS_ACCOUNT, xmlapi_meeting_run_host_url },
	{ "GetjoinurlMeeting", "meeting", "meet", "getjoinurlMeetingResponse",
	  XMLAPI_NEEDS_ACCOUNT, xmlapi_meeting_run_join_url },
	{ 0 },
};

const struct xmlapi_sort xmlapi_meeting_sort = { xmlapi_meeting_map, false,
						 read_access, render_created,
						 render_changed };
/* for DelSession, which does not ask */
const struct xmlapi_sort xmlapi_session_sort = { .changed = render_changed };

static void
run_create(struct api *a)
{
	xmlapi_meeting_create(a, &xmlapi_meeting_sort);
}

static void
run_set(struct api *a)
{
	xmlapi_meeting_set(a, &xmlapi_meeting_sort);
}

static void
run_delete(struct api *a)
{
	xmlapi_meeting_delete(a, &xmlapi_meeting_sort);
}

bool
xmlapi_meeting_is(const struct api *a, const struct meeting *list, size_t n)
{
	const struct xmlapi_sort *sort = xmlapi_call(a)->sort;

	return n > 0 && (sort == NULL || sort->map == NULL ||
			 sort->audio_only == (list->type == XMLAPI_AUDIO_ONLY));
}

void
xmlapi_meeting_create(struct api *a, const struct xmlapi_sort *sort)
{
	const char *host = xmlapi_text(a, "schedule/hostWebExID");
	struct store_account_by by = { .webexid = host };

	xmlapi_call(a)->sort = sort;
	if (xmlapi_text(a, "metaData/confName") == NULL)
		api_fail(a, FAULT_INVALID,
			 "validation: metaData/confName is missing or empty");
	else if (host == NULL || strcasecmp(host, a->who->webexid) == 0)
		create(a, a->who);
	else if (!xmlapi_is_admin(a))
		api_fail(a, FAULT_DENIED, NULL);
	else
		store_account_get(a, &by, on_host);
}

static void
on_host(struct api *a, const struct account *list, size_t n, int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_NO_USER, NULL);
	else
		create(a, list);
}

static void
create(struct api *a, const struct account *host)
{
	const struct timezone_info *tz = timezone_by_id(host->timezone_id);
	json_t *fields = json_object();
	char iso[CLOCK_ISO_SIZE];
	int64_t now_us = a->stamp_us + CLOCK_PG_EPOCH_US;
	struct err e;

	if (tz == NULL)
		tz = timezone_by_id(TIMEZONE_GMT);
	/* "now" is the request's time: the same on whichever site it runs */
	json_put_str(fields, "starts",
		     clock_iso(now_us - now_us % 60000000, iso));
	json_put_int(fields, "duration", 60);
	json_put_int(fields, "timezone_id", tz->id);
	json_put_str(fields, "timezone", tz->iana);
	json_put_str(fields, "host_id", host->id);
	if (read_fields(a, tz, fields, &e) < 0) {
		json_decref(fields);
		xmlapi_invalid(a, &e);
		return;
	}
	store_meeting_create(a, fields, xmlapi_call(a)->sort->created);
}

static void
render_created(struct api *a, const struct meeting *meeting,
	       struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	if (meeting == NULL) {
		xmlapi_refuse(out, FAULT_NO_USER);
		return;
	}
	xml_leaf_int(&sb, "meet:meetingkey", meeting->number);
	xmlapi_meeting_calendar(a, meeting, &sb);
	xml_leaf(&sb, "meet:guestToken", xmlapi_guest_token(a, meeting));
	out->content = xmlapi_content(a, &sb);
}

void
xmlapi_meeting_set(struct api *a, const struct xmlapi_sort *sort)
{
	xmlapi_call(a)->sort = sort;
	xmlapi_meeting_find(a, on_to_set);
}

static void
on_to_set(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	struct store_account_by by = { 0 };

	if (!xmlapi_meeting_is(a, list, n))
		n = 0;
	by.webexid = xmlapi_text(a, "schedule/hostWebExID");
	if (n > 0 && !xmlapi_meeting_is_allowed(a, list)) {
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	xmlapi_call(a)->meeting = n > 0 ? list : NULL;
	if (n == 0 || by.webexid == NULL || list->host_webexid == NULL ||
	    strcasecmp(by.webexid, list->host_webexid) == 0)
		update(a, NULL);
	else if (!xmlapi_is_admin(a))
		api_fail(a, FAULT_DENIED, NULL);
	else
		store_account_get(a, &by, on_new_host);
}

static void
on_new_host(struct api *a, const struct account *list, size_t n, int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_NO_USER, NULL);
	else
		update(a, list);
}

/* A meeting that is not there is not found by the write either, unless this
 * very request has been here before it went: the journal knows. */
static void
update(struct api *a, const struct account *host)
{
	const struct meeting *m = xmlapi_call(a)->meeting;
	const struct timezone_info *tz = NULL;
	struct store_meeting_by by = { .id = m != NULL ? m->id
						       : XMLAPI_NO_MEETING };
	json_t *fields = json_object();
	struct err e;

	if (m != NULL)
		tz = timezone_by_id(m->timezone_id);
	if (!xmlapi_is_admin(a))
		by.host_id = a->who->id;
	if (read_fields(a, tz != NULL ? tz : timezone_by_id(TIMEZONE_GMT),
			fields, &e) < 0) {
		json_decref(fields);
		xmlapi_invalid(a, &e);
		return;
	}
	if (host != NULL)
		json_put_str(fields, "host_id", host->id);
	store_meeting_update(a, &by, fields, xmlapi_call(a)->sort->changed);
}

void
xmlapi_meeting_delete(struct api *a, const struct xmlapi_sort *sort)
{
	xmlapi_call(a)->sort = sort;
	xmlapi_meeting_find(a, on_to_delete);
}

static void
on_to_delete(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	struct store_meeting_by by = { 0 };

	if (n > 0 && !xmlapi_meeting_is_allowed(a, list)) {
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	/* not there: perhaps this very request has deleted it, and the
	 * journal knows */
	if (n > 0 && !xmlapi_meeting_is(a, list, n))
		by.id = XMLAPI_NO_MEETING;
	else if (xmlapi_meeting_number(a, &by.number, NULL) < 0)
		return;
	by.host_id = xmlapi_is_admin(a) ? NULL : a->who->id;
	store_meeting_delete(a, &by, xmlapi_call(a)->sort->changed);
}

static void
render_changed(struct api *a, const struct meeting *meeting,
	       struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	if (meeting == NULL) {
		xmlapi_refuse(out, FAULT_NO_MEETING);
		return;
	}
	xmlapi_meeting_calendar(a, meeting, &sb);
	out->content = xmlapi_content(a, &sb);
}

/* tz: of the times, unless the request names another. */
static int
read_fields(struct api *a, const struct timezone_info *tz, json_t *fields,
	    struct err *e)
{
	const char *start = xmlapi_text(a, "schedule/startDate");
	char iso[CLOCK_ISO_SIZE];
	int64_t at;

	const struct xmlapi_sort *sort = xmlapi_call(a)->sort;

	if (xmlapi_map_read(sort->map, xmlapi_body(a), fields, e) < 0)
		return -1;
	if (read_zone(fields, &tz, e) < 0 || read_repeat(fields, e) < 0 ||
	    sort->read(a, fields, e) < 0)
		return -1;
	if (start != NULL) {
		if (xmlvalue_instant(start, "schedule/startDate", tz, &at, e) <
		    0)
			return -1;
		json_put_str(fields, "starts", clock_iso(at, iso));
	}
	return 0;
}

/* NO_REPEAT ends it. */
static int
read_repeat(json_t *fields, struct err *e)
{
	const json_t *repeat = json_object_get(fields, "recurrence");
	const char *type = NULL;

	if (repeat == NULL)
		return 0;
	json_get_str(repeat, "repeatType", &type, NULL);
	if (type != NULL && strcmp(type, "NO_REPEAT") == 0) {
		json_put(fields, "recurrence", json_null());
		return 0;
	}
	return recurrence_check(repeat, e) < 0 ? err_prefix(e, "validation")
					       : 0;
}

static int
read_zone(json_t *fields, const struct timezone_info **tz, struct err *e)
{
	const json_t *id = json_object_get(fields, "timezone_id");
	const struct timezone_info *named;

	if (id == NULL)
		return 0;
	if (json_integer_value(id) == -1) {
		json_put_int(fields, "timezone_id", (*tz)->id);
		return 0;
	}
	named = timezone_by_id(json_integer_value(id));
	if (named == NULL)
		return err_set(e, ERR_INVALID,
			       "validation: schedule/timeZoneID %" PRId64
			       " is not a time zone of LstTimeZone",
			       (int64_t)json_integer_value(id));
	*tz = named;
	json_put_int(fields, "timezone_id", named->id);
	json_put_str(fields, "timezone", named->iana);
	return 0;
}

static int
read_access(struct api *a, json_t *fields, struct err *e)
{
	const char *listed = xmlapi_text(a, "accessControl/listToPublic");
	const char *public = xmlapi_text(a, "accessControl/isPublic");
	const json_t *type = json_object_get(fields, "type");
	bool yes = false;

	if (type != NULL && json_integer_value(type) < 0)
		json_object_del(fields, "type");
	else if (json_integer_value(type) == XMLAPI_AUDIO_ONLY)
		return err_set(e, ERR_INVALID,
			       "validation: metaData/meetingType %d is made "
			       "by CreateTeleconferenceSession",
			       XMLAPI_AUDIO_ONLY);
	if (xmlapi_attendees_read(xmlapi_body(a), fields, e) < 0)
		return -1;
	if (listed == NULL && public == NULL)
		return 0;
	if (xmlvalue_bool(public, "accessControl/isPublic", &yes, e) < 0 ||
	    xmlvalue_bool(listed, "accessControl/listToPublic", &yes, e) < 0)
		return -1;
	json_put_str(fields, "list_status", yes ? "PUBLIC" : "UNLISTED");
	return 0;
}
