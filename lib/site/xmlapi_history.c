/*
 * What has been: runs of meetings, and who was in them (G19). A host sees his
 * own, a reader all of the company or those of hostWebExID. Times are in
 * timeZoneID, else GMT.
 */
#include <string.h>

#include "site/store_usage.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

static void run_usage(struct api *a);
static int read_filter(struct api *a, struct store_usage_filter *f,
		       struct err *e);
static int read_scope(struct api *a, struct store_usage_filter *f,
		      struct err *e);
static void on_runs(struct api *a, const struct run *list, size_t n,
		    int64_t total);
static void run_attendees(struct api *a);
static void on_stays(struct api *a, const struct stay *list, size_t n,
		     int64_t total);

const struct xmlapi_op xmlapi_history_ops[] = {
	{ "LstmeetingusageHistory", "history", "history",
	  "lstmeetingusageHistoryResponse", XMLAPI_NEEDS_ACCOUNT, run_usage },
	{ "LstmeetingattendeeHistory", "history", "history",
	  "lstmeetingattendeeHistoryResponse", XMLAPI_NEEDS_ACCOUNT,
	  run_attendees },
	{ 0 },
};

static void
run_usage(struct api *a)
{
	static const char *const orders[] = {
		"CONFNAME", "confname", "STARTTIME", "started", "TOTALATTENDEE",
		"people",   "HOSTNAME", "host",      NULL
	};
	struct xmlapi_call *call = xmlapi_call(a);
	struct store_usage_filter f = { 0 };
	struct err e;

	if (xmlapi_page_read(a, orders, &call->page, &e) < 0 ||
	    read_filter(a, &f, &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	if (xmlapi_is_reader(a))
		f.host_webexid = xmlapi_text(a, "hostWebExID");
	store_usage_runs(a, &f, &call->page, on_runs);
}

static int
read_filter(struct api *a, struct store_usage_filter *f, struct err *e)
{
	const struct xmlvalue_range keys = { 1, INT64_MAX };
	const struct xmlvalue_range zones = { 0, INT32_MAX };
	struct xmlapi_call *call = xmlapi_call(a);
	int64_t zone = TIMEZONE_GMT;
	bool audio = false;

	if (xmlvalue_int(xmlapi_text(a, "meetingKey"), "meetingKey", keys,
			 &f->meeting, e) < 0 ||
	    xmlvalue_int(xmlapi_text(a, "confID"), "confID", keys, &f->number,
			 e) < 0 ||
	    xmlvalue_bool(xmlapi_text(a, "inclAudioOnly"), "inclAudioOnly",
			  &audio, e) < 0 ||
	    xmlvalue_int(xmlapi_text(a, "timeZoneID"), "timeZoneID", zones,
			 &zone, e) < 0)
		return -1;
	call->tz = timezone_by_id(zone);
	if (call->tz == NULL)
		return err_set(e, ERR_INVALID,
			       "validation: timeZoneID %lld is not a time "
			       "zone; LstTimeZone lists them",
			       (long long)zone);
	f->confname = xmlapi_text(a, "confName");
	if (!audio)
		f->not_type = XMLAPI_AUDIO_ONLY;
	if (!xmlapi_is_reader(a))
		f->host_id = a->who->id;
	return read_scope(a, f, e);
}

static int
read_scope(struct api *a, struct store_usage_filter *f, struct err *e)
{
	const struct {
		const char *path;
		const char **to;
	} dates[] = {
		{ "startTimeScope/sessionStartTimeStart", &f->starts_from },
		{ "startTimeScope/sessionStartTimeEnd", &f->starts_to },
		{ "endTimeScope/sessionEndTimeStart", &f->ends_from },
		{ "endTimeScope/sessionEndTimeEnd", &f->ends_to },
	};
	char iso[CLOCK_ISO_SIZE];
	int64_t at;

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		const char *text = xmlapi_text(a, dates[i].path);

		if (text == NULL)
			continue;
		if (xmlvalue_instant(text, dates[i].path, xmlapi_call(a)->tz,
				     &at, e) < 0)
			return -1;
		*dates[i].to = arena_strdup(a->arena, clock_iso(at, iso));
	}
	return 0;
}

static const char *
date_text(struct api *a, int64_t at_us)
{
	return xmlvalue_date_text(at_us, xmlapi_call(a)->tz, a->arena);
}

static void
add_leaf(struct strbuf *out, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		xml_leaf(out, name, text);
}

/* Nobody comes by telephone: those counts are 0. */
static void
add_totals(const struct run *r, struct strbuf *out)
{
	xml_leaf_int(out, "history:totalCallInMinutes", 0);
	xml_leaf_int(out, "history:totalPeopleMinutes", r->minutes);
	xml_leaf_int(out, "history:totalCallInTollfreeMinutes", 0);
	xml_leaf_int(out, "history:totalCallOutDomestic", 0);
	xml_leaf_int(out, "history:totalCallOutInternational", 0);
	xml_leaf_int(out, "history:totalVoipMinutes", 0);
	if (r->host_number != 0)
		xml_leaf_int(out, "history:userID", r->host_number);
	xml_leaf_int(out, "history:totalParticipants", r->people);
	xml_leaf_int(out, "history:totalParticipantsVoip", 0);
	xml_leaf_int(out, "history:totalParticipantsCallIn", 0);
	xml_leaf_int(out, "history:totalParticipantsCallOut", 0);
	xml_leaf_int(out, "history:confID", r->number);
	xml_leaf_int(out, "history:peakAttendee", r->peak);
}

static void
add_run(struct api *a, const struct run *r, struct strbuf *out)
{
	xml_open(out, "history:meetingUsageHistory");
	xml_leaf_int(out, "history:sessionKey", r->meeting_number);
	add_leaf(out, "history:confName", r->confname);
	xml_leaf(out, "history:meetingStartTime", date_text(a, r->started_us));
	xml_leaf(out, "history:meetingEndTime", date_text(a, r->ended_us));
	xml_leaf_int(out, "history:duration", store_run_minutes(r));
	xml_leaf(out, "history:timezone", xmlapi_call(a)->tz->text);
	xml_leaf(out, "history:meetingType",
		 r->type == XMLAPI_AUDIO_ONLY ? "AUO" : "PRO");
	add_leaf(out, "history:hostWebExID", r->host_webexid);
	add_leaf(out, "history:hostName", store_run_host(r, a->arena));
	add_leaf(out, "history:hostEmail", r->host_email);
	add_totals(r, out);
	xml_close(out, "history:meetingUsageHistory");
}

static void
on_runs(struct api *a, const struct run *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_run(a, &list[i], &sb);
	xmlapi_records(a, total, n, &sb);
	xmlapi_answer(a, &sb);
}

static void
run_attendees(struct api *a)
{
	static const char *const orders[] = { "CONFID",  "number",  "STARTTIME",
					      "joined",  "COMPANY", "company",
					      "COUNTRY", "country", "STATE",
					      "state",   "CITY",    "city",
					      NULL };
	struct xmlapi_call *call = xmlapi_call(a);
	struct store_usage_filter f = { 0 };
	struct err e;

	if (xmlapi_page_read(a, orders, &call->page, &e) < 0 ||
	    read_filter(a, &f, &e) < 0)
		xmlapi_invalid(a, &e);
	else
		store_usage_stays(a, &f, &call->page, on_stays);
}

/* What the person's account says of him; guests have none. */
static void
add_person(const struct stay *t, struct strbuf *out)
{
	static const struct xmlapi_map rows[] = {
		{ "company", XMLAPI_OUT, "extra.company", 0, 0, NULL, NULL },
		{ "title", XMLAPI_OUT, "title", 0, 0, NULL, NULL },
		{ "phoneNumber", XMLAPI_OUT, "phones.phone", 0, 0, NULL, NULL },
		{ "address1", XMLAPI_OUT, "address.address1", 0, 0, NULL,
		  NULL },
		{ "address2", XMLAPI_OUT, "address.address2", 0, 0, NULL,
		  NULL },
		{ "city", XMLAPI_OUT, "address.city", 0, 0, NULL, NULL },
		{ "state", XMLAPI_OUT, "address.state", 0, 0, NULL, NULL },
		{ "country", XMLAPI_OUT, "address.country", 0, 0, NULL, NULL },
		{ "zipCode", XMLAPI_OUT, "address.zipCode", 0, 0, NULL, NULL },
		{ NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL },
	};
	json_t *v = json_object();

	json_put_str(v, "title", t->title);
	xmlapi_map_put_json(v, "extra", t->extra);
	xmlapi_map_put_json(v, "phones", t->phones);
	xmlapi_map_put_json(v, "address", t->address);
	xmlapi_map_write(rows, "history", v, out);
	json_decref(v);
}

static void
add_stay(struct api *a, const struct stay *t, struct strbuf *out)
{
	xml_open(out, "history:meetingAttendeeHistory");
	xml_leaf_int(out, "history:meetingKey", t->meeting_number);
	add_leaf(out, "history:confName", t->confname);
	add_leaf(out, "history:ipAddress", t->ip);
	add_leaf(out, "history:clientAgent", t->agent);
	add_person(t, out);
	add_leaf(out, "history:name", t->name);
	add_leaf(out, "history:email", t->email);
	xml_leaf(out, "history:joinTime", date_text(a, t->joined_us));
	xml_leaf(out, "history:leaveTime", date_text(a, t->until_us));
	xml_leaf_int(out, "history:duration", t->minutes);
	xml_leaf(out, "history:participantType", t->host ? "HOST" : "ATTENDEE");
	xml_leaf_int(out, "history:voipDuration", 0);
	xml_leaf_int(out, "history:confID", t->number);
	xml_close(out, "history:meetingAttendeeHistory");
}

static void
on_stays(struct api *a, const struct stay *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_stay(a, &list[i], &sb);
	xmlapi_records(a, total, n, &sb);
	xmlapi_answer(a, &sb);
}
