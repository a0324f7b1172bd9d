/*
 * Teleconference sessions of the XML API: meetings without a room, of the
 * type XMLAPI_AUDIO_ONLY. They are scheduled like the others.
 */
#include <string.h>
#include <strings.h>

#include "site/xmlapi_attendees.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

static void run_create(struct api *a);
static int read_more(struct api *a, json_t *fields, struct err *e);
static void render_created(struct api *a, const struct meeting *m,
			   struct write_answer *out);
static void run_get(struct api *a);
static void on_got(struct api *a, const struct meeting *list, size_t n,
		   int64_t total);
static void run_set(struct api *a);
static void render_changed(struct api *a, const struct meeting *m,
			   struct write_answer *out);

const struct xmlapi_op xmlapi_teleconf_ops[] = {
	{ "CreateTeleconferenceSession", "auo", "auo",
	  "createTeleconferenceSessionResponse", XMLAPI_NEEDS_HOST,
	  run_create },
	{ "GetTeleconferenceSession", "auo", "auo",
	  "getTeleconferenceSessionResponse", XMLAPI_NEEDS_ACCOUNT, run_get },
	{ "SetTeleconferenceSession", "auo", "auo",
	  "setTeleconferenceSessionResponse", XMLAPI_NEEDS_ACCOUNT, run_set },
	{ 0 },
};

static const char *const listings[] = { "PUBLIC", "PRIVATE", NULL };
static const char *const tones[] = { "BEEP", "ANNOUNCENAME", "NOTONE", NULL };
static const char *const repeats[] = { "WEEKLY", "DAILY", "NO_REPEAT",
				       "MONTHLY", NULL };
static const char *const day_words[] = { "SUNDAY",    "MONDAY",   "TUESDAY",
					 "WEDNESDAY", "THURSDAY", "FRIDAY",
					 "SATURDAY",  NULL };

#define TEXT(path, column, max)                               \
	{                                                     \
		path, XMLAPI_TEXT, column, 0, max, NULL, NULL \
	}
#define INT(path, column, min, max)                            \
	{                                                      \
		path, XMLAPI_INT, column, min, max, NULL, NULL \
	}
#define BOOL(path, column)                                  \
	{                                                   \
		path, XMLAPI_BOOL, column, 0, 0, NULL, NULL \
	}
#define OUT(path, column)                                  \
	{                                                  \
		path, XMLAPI_OUT, column, 0, 0, NULL, NULL \
	}
#define TRACKING(n)                                                      \
	{                                                                \
		"tracking/trackingCode" n, XMLAPI_TEXT,                  \
		    "extra.tracking.trackingCode" n, 0, 128, NULL, "com" \
	}

static const struct xmlapi_map map[] = {
	{ "accessControl/listing", XMLAPI_WORD, "list_status", 0, 0, listings,
	  NULL },
	TEXT("accessControl/sessionPassword", "password", 16),
	TEXT("metaData/confName", "confname", 255),
	OUT("metaData/sessionType", "type"),
	OUT("schedule/startDate", "=startDate"),
	INT("schedule/timeZoneID", "timezone_id", -1, INT32_MAX),
	OUT("schedule/timeZone", "=timeZone"),
	INT("schedule/duration", "duration", 1, 1440),
	{ "schedule/entryExitTone", XMLAPI_WORD, "extra.tone", 0, 0, tones,
	  NULL },
	OUT("schedule/hostWebExID", "=hostWebExID"),
	BOOL("teleconference/requestConferenceNumber",
	     "telephony.requestConferenceNumber"),
	INT("teleconference/accountIndex", "telephony.accountIndex", 0, 100),
	TEXT("teleconference/extTelephonyDescription",
	     "telephony.extTelephonyDescription", 512),
	BOOL("teleconference/intlLocalCallIn", "telephony.intlLocalCallIn"),
	TEXT("teleconference/teleconfLocation", "telephony.teleconfLocation",
	     512),
	TRACKING("1"),
	TRACKING("2"),
	TRACKING("3"),
	TRACKING("4"),
	TRACKING("5"),
	TRACKING("6"),
	TRACKING("7"),
	TRACKING("8"),
	TRACKING("9"),
	TRACKING("10"),
	{ "repeat/repeatType", XMLAPI_WORD, "recurrence.repeatType", 0, 0,
	  repeats, NULL },
	{ "repeat/expirationDate", XMLAPI_DATE, "recurrence.expirationDate", 0,
	  0, NULL, NULL },
	{ "repeat/dayInWeek/day", XMLAPI_WORDS, "recurrence.day", 0, 0,
	  day_words, NULL },
	INT("repeat/dayInMonth", "recurrence.dayInMonth", 0, 31),
	INT("repeat/interval", "recurrence.interval", 0, 999),
	INT("repeat/weekInMonth", "recurrence.weekInMonth", 0, 5),
	BOOL("remind/enableReminder", "extra.remind.enableReminder"),
	INT("remind/daysAhead", "extra.remind.daysAhead", 0, 365),
	INT("remind/hoursAhead", "extra.remind.hoursAhead", 0, 24),
	INT("remind/minutesAhead", "extra.remind.minutesAhead", 0, 60),
	{ "fullAccessAttendees", XMLAPI_RAW, "=full", 0, 0, NULL, NULL },
	{ "limitedAccessAttendees", XMLAPI_RAW, "=limited", 0, 0, NULL, NULL },
	BOOL("attendeeOptions/requireUcfDiagnosis",
	     "attendee_options.requireUcfDiagnosis"),
	BOOL("attendeeOptions/excludePassword",
	     "attendee_options.excludePassword"),
	BOOL("attendeeOptions/requireAccount",
	     "attendee_options.joinRequiresAccount"),
	BOOL("attendeeOptions/emailInvitations",
	     "attendee_options.emailInvitations"),
	OUT("sessionKey", "number"),
	OUT("status", "=status"),
	OUT("accessCode", "=accessCode"),
	{ NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL },
};

static const struct xmlapi_sort sort = { map, true, read_more, render_created,
					 render_changed };

/* Both kinds of access are one list; who has all of it presents. */
static const struct {
	const char *path, *role, *column;
} kinds[] = { { "fullAccessAttendees", "PRESENTER", "=full" },
	      { "limitedAccessAttendees", "LIMITED", "=limited" } };

static void
run_create(struct api *a)
{
	xmlapi_meeting_create(a, &sort);
}

static int
read_more(struct api *a, json_t *fields, struct err *e)
{
	json_t *all = json_array();
	bool given = false;

	json_put_int(fields, "type", XMLAPI_AUDIO_ONLY);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct xml_node *list = xml_child(xmlapi_body(a),
							kinds[i].path);
		const struct xml_node *n = xml_child(list, "attendee");

		given |= list != NULL;
		for (; n != NULL; n = xml_next(n, "attendee")) {
			json_t *one = xmlapi_attendee_read(n, e);

			if (one == NULL) {
				json_decref(all);
				return -1;
			}
			json_put_str(one, "role", kinds[i].role);
			json_array_append_new(all, one);
		}
	}
	if (given && json_array_size(all) <= XMLAPI_ATTENDEES_MAX) {
		json_put(fields, "attendees", all);
		return 0;
	}
	json_decref(all);
	return !given ? 0
		      : err_set(e, ERR_INVALID,
				"validation: more than %d attendees",
				XMLAPI_ATTENDEES_MAX);
}

static void
render_created(struct api *a, const struct meeting *m, struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	xml_leaf_int(&sb, "auo:sessionKey", m->number);
	out->content = xmlapi_content(a, &sb);
}

static void
run_set(struct api *a)
{
	xmlapi_meeting_set(a, &sort);
}

static void
render_changed(struct api *a, const struct meeting *m, struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	xmlapi_meeting_calendar(a, m, &sb);
	out->content = xmlapi_content(a, &sb);
}

static void
run_get(struct api *a)
{
	xmlapi_call(a)->sort = &sort;
	xmlapi_meeting_find(a, on_got);
}

static void
put_attendees(const struct meeting *m, json_t *values)
{
	JSON_AUTO all = m->attendees != NULL
			    ? json_read(span_of(m->attendees), NULL)
			    : NULL;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		STRBUF_AUTO sb = { 0 };

		for (size_t i = 0; i < json_array_size(all); i++) {
			const json_t *one = json_array_get(all, i);
			const char *role = json_string_value(
			    json_object_get(one, "role"));
			bool limited = role != NULL &&
				       strcmp(role, "LIMITED") == 0;

			if (limited != (k == 1))
				continue;
			xml_open(&sb, "auo:attendee");
			xmlapi_attendee_short(one, "auo", &sb);
			xml_close(&sb, "auo:attendee");
		}
		if (sb.len > 0)
			json_put_str(values, kinds[k].column, strbuf_text(&sb));
	}
}

static void
on_got(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };
	JSON_AUTO values = NULL;

	if (!xmlapi_meeting_shows(a, list, n))
		return;
	values = xmlapi_meeting_values(a, list);
	json_put_str(values, "list_status",
		     strcmp(list->list_status, "PUBLIC") == 0 ? "PUBLIC"
							      : "PRIVATE");
	json_put_str(values, "=accessCode", list->access_code);
	put_attendees(list, values);
	xmlapi_map_write(map, "auo", values, &sb);
	xmlapi_answer(a, &sb);
}
