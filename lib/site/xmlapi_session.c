/*
 * Session operations of the XML API: meetings of any sort, as sessions. Times
 * of the list are in the zone of its dateScope, else GMT.
 */
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "site/made.h"
#include "site/record.h"
#include "site/site.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

#define MEETING_CENTER "MeetingCenter"
#define OPEN_MAX 1000

static void run_version(struct api *a);
static void run_list(struct api *a);
static int read_filter(struct api *a, struct store_meeting_filter *f,
		       struct err *e);
static int read_words(struct api *a, struct store_meeting_filter *f,
		      struct err *e);
static int read_scope(struct api *a, struct store_meeting_filter *f,
		      struct err *e);
static bool wants_meetings(const struct xml_node *list, const char *name);
static void on_listed(struct api *a, const struct meeting *list, size_t n,
		      int64_t total);
static void run_open(struct api *a);
static void on_open(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);
static void run_info(struct api *a);
static void on_info(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);
static bool is_let_in(struct api *a, const struct meeting *m);
static void run_delete(struct api *a);

const struct xmlapi_op xmlapi_session_ops[] = {
	{ "GetAPIVersion", "ep", "ep", "getAPIVersionResponse",
	  XMLAPI_NEEDS_SITE, run_version },
	{ "LstsummarySession", "ep", "ep", "lstsummarySessionResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_list },
	{ "LstOpenSession", "ep", "ep", "lstOpenSessionResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_open },
	{ "GetSessionInfo", "ep", "ep", "getSessionInfoResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_info },
	{ "DelSession", "ep", "ep", "delSessionResponse", XMLAPI_NEEDS_ACCOUNT,
	  run_delete },
	{ 0 },
};

static void
run_version(struct api *a)
{
	STRBUF_AUTO sb = { 0 };
	bool train = false;
	struct err e;

	if (xmlvalue_bool(xmlapi_text(a, "returnTrainReleaseVersion"),
			  "returnTrainReleaseVersion", &train, &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	xml_leaf(&sb, "ep:apiVersion", XMLAPI_VERSION);
	xml_leaf(&sb, "ep:release", "GSB " GSB_VERSION);
	if (train) {
		xml_leaf(&sb, "ep:trainReleaseVersion", "T10.0.0");
		xml_leaf(&sb, "ep:trainReleaseOrder", "1000");
	}
	xmlapi_answer(a, &sb);
}

static void
run_list(struct api *a)
{
	static const char *const orders[] = { "HOSTWEBEXID", "host",
					      "CONFNAME",    "confname",
					      "STARTTIME",   "starts",
					      NULL };
	struct store_meeting_filter f = { .not_type = XMLAPI_AUDIO_ONLY };
	struct xmlapi_call *call = xmlapi_call(a);
	struct err e;

	if (xmlapi_page_read(a, orders, &call->page, &e) < 0 ||
	    read_scope(a, &f, &e) < 0 || read_words(a, &f, &e) < 0 ||
	    read_filter(a, &f, &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	call->tz = xmlapi_scope_zone(a);
	if (!wants_meetings(xml_child(xmlapi_body(a), "serviceTypes"),
			    "serviceType"))
		api_fail(a, FAULT_NO_RECORD, NULL);
	else
		store_meeting_list(a, &f, &call->page, on_listed);
}

/* Who sees what: his own, and with "invited" what he is invited to. */
static int
read_filter(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	const struct xmlvalue_range keys = { 1, INT64_MAX };
	const char *key = xmlapi_text(a, "sessionKey");
	bool invited = false, audio = false;

	if (key == NULL)
		key = xmlapi_text(a, "confID");
	if (xmlvalue_int(key, "sessionKey", keys, &f->number, e) < 0 ||
	    xmlvalue_bool(xmlapi_text(a, "invited"), "invited", &invited, e) <
		0 ||
	    xmlvalue_bool(xmlapi_text(a, "inclAudioOnly"), "inclAudioOnly",
			  &audio, e) < 0)
		return -1;
	if (audio)
		f->not_type = 0;
	f->confname = xmlapi_text(a, "confName");
	if (invited) {
		f->attendee_email = a->who->email;
		return 0;
	}
	if (!xmlapi_is_reader(a)) {
		f->host_id = a->who->id;
		return 0;
	}
	f->host_webexid = xmlapi_text(a, "hostWebExID");
	f->host_email = xmlapi_text(a, "hostEmail");
	return 0;
}

static int
read_words(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	static const char *const words[] = { "NOT_INPROGRESS", "INPROGRESS",
					     NULL };
	const struct xml_node *type = xml_path(xmlapi_body(a),
					       "sessionTypes/sessionType");
	const struct xmlvalue_range types = { 0, INT32_MAX };
	const char *status = NULL, *again = xmlapi_text(a, "recurrence");
	bool recurring = false;

	if (xmlvalue_word(xmlapi_text(a, "status"), "status", words, &status,
			  e) < 0 ||
	    xmlvalue_bool(again, "recurrence", &recurring, e) < 0 ||
	    xmlvalue_int(type != NULL && type->text[0] != '\0' ? type->text
							       : NULL,
			 "sessionTypes/sessionType", types, &f->type, e) < 0)
		return -1;
	if (status != NULL && strcmp(status, "INPROGRESS") == 0)
		f->state = "in_progress";
	else if (status != NULL)
		f->not_state = "in_progress";
	if (again != NULL)
		f->recurring = recurring ? STORE_YES : STORE_NO;
	return 0;
}

static int
read_scope(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	const struct {
		const char *path;
		const char **to;
	} dates[] = { { "dateScope/startDateStart", &f->starts_from },
		      { "dateScope/startDateEnd", &f->starts_to },
		      { "dateScope/endDateStart", &f->ends_from },
		      { "dateScope/endDateEnd", &f->ends_to } };

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
		if (xmlapi_scope_read(a, dates[i].path, dates[i].to, e) < 0)
			return -1;
	return 0;
}

/* Other centers have no sessions here. */
static bool
wants_meetings(const struct xml_node *list, const char *name)
{
	const struct xml_node *n = xml_child(list, name);

	if (n == NULL)
		return true;
	for (; n != NULL; n = xml_next(n, name))
		if (strcasecmp(n->text, MEETING_CENTER) == 0)
			return true;
	return false;
}

#define ROW(name, column)                                  \
	{                                                  \
		name, XMLAPI_OUT, column, 0, 0, NULL, NULL \
	}
#define END                                              \
	{                                                \
		NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL \
	}

static const struct xmlapi_map session_rows[] = {
	ROW("sessionKey", "number"),
	ROW("confName", "confname"),
	ROW("sessionType", "type"),
	ROW("serviceType", "=service"),
	ROW("hostWebExID", "=host"),
	ROW("hostFirstName", "=first"),
	ROW("hostLastName", "=last"),
	ROW("timeZoneID", "=zone"),
	ROW("timeZone", "=timeZone"),
	ROW("status", "=status"),
	ROW("startTime", "=start"),
	ROW("actualStartTime", "=actual"),
	ROW("openTime", "open_time"),
	ROW("duration", "duration"),
	ROW("listStatus", "=list"),
	ROW("hostEmail", "=email"),
	ROW("passwordReq", "=passwordReq"),
	ROW("hostJoined", "host_joined"),
	ROW("participantsJoined", "participants_joined"),
	ROW("confID", "number"),
	ROW("registration", "=registration"),
	ROW("isRecurring", "=recurring"),
	ROW("altHost", "=false"),
	ROW("isAudioOnly", "=audio"),
	END,
};

static json_t *
session_values(struct api *a, const struct meeting *m,
	       const struct timezone_info *tz)
{
	json_t *v = xmlapi_meeting_values(a, m);

	json_put_str(v, "=service", MEETING_CENTER);
	json_put_str(v, "=host",
		     m->host_webexid != NULL ? m->host_webexid : "");
	json_put_str(v, "=first", m->host_first_name);
	json_put_str(v, "=last", m->host_last_name);
	json_put_str(v, "=email", m->host_email);
	json_put_int(v, "=zone", tz->id);
	json_put_str(v, "=timeZone", tz->text);
	json_put_str(v, "=start",
		     xmlvalue_date_text(m->starts_us, tz, a->arena));
	if (m->running_us != 0)
		json_put_str(v, "=actual",
			     xmlvalue_date_text(m->running_us, tz, a->arena));
	json_put_str(v, "=list", m->list_status);
	json_put_bool(v, "=passwordReq", m->password != NULL);
	json_put_bool(
	    v, "=registration",
	    json_is_true(xmlapi_map_get(v, "attendee_options.registration")));
	json_put_bool(v, "=recurring", m->recurrence != NULL);
	json_put_bool(v, "=false", false);
	json_put_bool(v, "=audio", m->type == XMLAPI_AUDIO_ONLY);
	return v;
}

static void
on_listed(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	xmlapi_records(a, total, n, &sb);
	for (size_t i = 0; i < n; i++) {
		JSON_AUTO v = session_values(a, &list[i], xmlapi_call(a)->tz);

		xml_open(&sb, "ep:session");
		xmlapi_map_write(session_rows, "ep", v, &sb);
		xml_close(&sb, "ep:session");
	}
	xmlapi_answer(a, &sb);
}

static void
run_open(struct api *a)
{
	struct store_meeting_filter f = { .state = "in_progress" };
	struct store_page *page = &xmlapi_call(a)->page;

	*page = (struct store_page){ .max = OPEN_MAX, .total = true };
	if (!xmlapi_is_reader(a))
		f.host_id = a->who->id;
	if (wants_meetings(xmlapi_body(a), "serviceType"))
		store_meeting_list(a, &f, page, on_open);
	else
		api_fail(a, FAULT_NO_RECORD, NULL);
}

static void
on_open(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	static const struct xmlapi_map rows[] = {
		ROW("sessionKey", "number"),
		ROW("sessionName", "confname"),
		ROW("hostWebExID", "=host"),
		ROW("startTime", "=start"),
		ROW("actualStartTime", "=actual"),
		ROW("timeZoneID", "=zone"),
		ROW("listStatus", "=list"),
		END,
	};
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	xmlapi_records(a, total, n, &sb);
	xml_open(&sb, "ep:services");
	xml_leaf(&sb, "ep:serviceType", MEETING_CENTER);
	for (size_t i = 0; i < n; i++) {
		const struct timezone_info *tz = timezone_by_id(
		    list[i].timezone_id);
		JSON_AUTO v = session_values(
		    a, &list[i],
		    tz != NULL ? tz : timezone_by_id(TIMEZONE_GMT));

		xml_open(&sb, "ep:sessions");
		xmlapi_map_write(rows, "ep", v, &sb);
		xml_close(&sb, "ep:sessions");
	}
	xml_close(&sb, "ep:services");
	xmlapi_answer(a, &sb);
}

static void
run_info(struct api *a)
{
	xmlapi_meeting_find(a, on_info);
}

static const struct xmlapi_map info_rows[] = {
	ROW("status", "=status"),
	ROW("isLocked", "=false"),
	ROW("sessionkey", "number"),
	ROW("confID", "number"),
	ROW("accessControl/sessionPassword", "=sessionPassword"),
	ROW("accessControl/listStatus", "=list"),
	ROW("accessControl/registration", "=registration"),
	ROW("accessControl/passwordReq", "=passwordReq"),
	ROW("accessControl/isEnforceAudioPassword", "=false"),
	ROW("metaData/confName", "confname"),
	ROW("metaData/sessionType", "type"),
	ROW("metaData/serviceType", "=service"),
	ROW("metaData/agenda", "agenda"),
	ROW("metaData/description", "extra.greeting"),
	ROW("telephony/telephonySupport", "telephony.telephonySupport"),
	ROW("telephony/extTelephonyDescription",
	    "telephony.extTelephonyDescription"),
	ROW("telephony/accessCode", "=accessCode"),
	ROW("host/firstName", "=first"),
	ROW("host/lastName", "=last"),
	ROW("host/email", "=email"),
	ROW("host/webExId", "=host"),
	ROW("schedule/startDate", "=start"),
	ROW("schedule/duration", "duration"),
	ROW("schedule/timeZone", "=timeZone"),
	ROW("schedule/timeZoneID", "=zone"),
	ROW("schedule/openTimeInSec", "open_time"),
	ROW("attendeeOptions/joinRequiresAccount",
	    "attendee_options.joinRequiresAccount"),
	ROW("isAudioOnly", "=audio"),
	ROW("isAlternateHost", "=false"),
	ROW("isCreator", "=creator"),
	ROW("hostKey", "=key"),
	END,
};

/* The password and the host's key are for those who may have them. */
static void
on_info(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	bool own = n > 0 && xmlapi_meeting_is_readable(a, list);
	struct timezone_info tz;
	STRBUF_AUTO sb = { 0 };
	JSON_AUTO v = NULL;

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (!own && !is_let_in(a, list)) {
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	tz = *timezone_by_id(TIMEZONE_GMT);
	if (timezone_by_id(list->timezone_id) != NULL)
		tz = *timezone_by_id(list->timezone_id);
	v = session_values(a, list, &tz);
	json_put_str(v, "=accessCode", list->access_code);
	json_put_bool(v, "=creator", strcmp(list->host_id, a->who->id) == 0);
	if (own) {
		json_put_str(v, "=sessionPassword", list->password);
		json_put(v, "=key",
			 json_incref(json_object_get(v, "=hostKey")));
	}
	xmlapi_map_write(info_rows, "ep", v, &sb);
	xmlapi_answer(a, &sb);
}

/* An account of the company with the password of the session. */
static bool
is_let_in(struct api *a, const struct meeting *m)
{
	const char *given = xmlapi_text(a, "sessionPassword");

	if (m->password == NULL)
		return strcmp(m->list_status, "PUBLIC") == 0;
	return given != NULL &&
	       crypto_equal(span_of(given), span_of(m->password));
}

static void
run_delete(struct api *a)
{
	xmlapi_meeting_delete(a, &xmlapi_session_sort);
}
