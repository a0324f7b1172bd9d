/* A row as values: what the maps write. "=x" is worked out here. */
#include <string.h>

#include "site/made.h"
#include "site/record.h"
#include "site/site.h"
#include "site/timezone.h"
#include "site/xmlapi_attendees.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

static void put_zone(json_t *v, const struct timezone_info *tz);
static void put_numbers(struct api *a, json_t *v);
static void put_meeting_access(json_t *v, const struct meeting *m);

json_t *
xmlapi_user_values(struct api *a, const struct account *u)
{
	json_t *v = json_object();
	const struct timezone_info *gmt = timezone_by_id(TIMEZONE_GMT);
	const struct timezone_info *tz = timezone_by_id(u->timezone_id);

	json_put_int(v, "number", u->number);
	json_put_str(v, "webexid", u->webexid);
	json_put_str(v, "email", u->email);
	json_put_str(v, "first_name", u->first_name);
	json_put_str(v, "last_name", u->last_name);
	json_put_str(v, "title", u->title);
	json_put_str(v, "language", u->language);
	json_put_str(v, "locale", u->locale);
	json_put_str(v, "=password", "******");
	json_put_str(v, "=expirationDate", "12/31/2049 23:59:59");
	json_put_str(v, "=active", xmlapi_active(u->active));
	json_put_str(v, "=registrationDate",
		     xmlvalue_date_text(u->created_us, gmt, a->arena));
	json_put_int(v, "=visitCount", 0);
	json_put_bool(v, "=passwordExpires", false);
	if (tz != NULL) {
		put_zone(v, tz);
		json_put_str(v, "=timeZoneWithDST",
			     timezone_with_dst(tz, clock_wall_us(), a->arena));
	}
	xmlapi_map_put_json(v, "address", u->address);
	xmlapi_map_put_json(v, "phones", u->phones);
	xmlapi_map_put_json(v, "privileges", u->privileges);
	xmlapi_map_put_json(v, "meeting_types", u->meeting_types);
	xmlapi_map_put_json(v, "extra", u->extra);
	json_put_bool(v, "host", u->host);
	json_put_bool(v, "site_admin", u->site_admin);
	json_put_bool(v, "ro_site_admin", u->ro_site_admin);
	return v;
}

json_t *
xmlapi_meeting_values(struct api *a, const struct meeting *m)
{
	json_t *v = json_object();
	const struct timezone_info *tz = timezone_by_id(m->timezone_id);
	char host_key[MADE_HOST_KEY_SIZE];
	JSON_AUTO attendees = NULL;

	if (tz == NULL)
		tz = timezone_by_id(TIMEZONE_GMT);
	put_meeting_access(v, m);
	json_put_str(v, "confname", m->confname);
	json_put_int(v, "type", m->type);
	json_put_str(v, "agenda", m->agenda);
	json_put_str(v, "=startDate",
		     xmlvalue_date_text(m->starts_us, tz, a->arena));
	put_zone(v, tz);
	json_put_int(v, "duration", m->duration);
	json_put_int(v, "open_time", m->open_time);
	json_put_str(v, "=hostWebExID", m->host_webexid);
	xmlapi_map_put_json(v, "telephony", m->telephony);
	if (xmlapi_map_get(v, "telephony.telephonySupport") == NULL)
		xmlapi_map_put(v, "telephony.telephonySupport",
			       json_string("NONE"));
	put_numbers(a, v);
	xmlapi_map_put_json(v, "recurrence", m->recurrence);
	if (m->recurrence == NULL)
		xmlapi_map_put(v, "recurrence.repeatType",
			       json_string("NO_REPEAT"));
	xmlapi_map_put_json(v, "attendee_options", m->attendee_options);
	xmlapi_map_put_json(v, "options", m->options);
	xmlapi_map_put_json(v, "extra", m->extra);
	if (m->attendees != NULL)
		attendees = json_read(span_of(m->attendees), NULL);
	xmlapi_attendees_put(attendees, v);
	json_put_int(v, "number", m->number);
	json_put_str(v, "=status", xmlapi_status(m->state));
	json_put_bool(v, "host_joined", m->host_joined);
	json_put_bool(v, "participants_joined", m->participants_joined);
	made_host_key(m, a->site->keys, host_key);
	json_put_str(v, "=hostKey", host_key);
	json_put_str(v, "=guestToken", xmlapi_guest_token(a, m));
	return v;
}

/* The company's first numbers, where people call in and the meeting has
 * none of its own: the same on both sites (G11). */
static void
put_numbers(struct api *a, json_t *v)
{
	JSON_AUTO all = NULL;
	const char *support = json_string_value(
	    xmlapi_map_get(v, "telephony.telephonySupport"));

	if (support == NULL || strcmp(support, "CALLIN") != 0 ||
	    xmlapi_map_get(v, "telephony.callInNum.tollNum") != NULL)
		return;
	if (a->company->numbers != NULL)
		all = json_read(span_of(a->company->numbers), NULL);
	for (size_t i = json_array_size(all); i-- > 0;) {
		const json_t *one = json_array_get(all, i);
		bool free = json_is_true(json_object_get(one, "toll_free"));
		json_t *number = json_object_get(one, "number");

		if (number != NULL)
			xmlapi_map_put(v,
				       free ? "telephony.callInNum.tollFreeNum"
					    : "telephony.callInNum.tollNum",
				       json_incref(number));
	}
}

static void
put_meeting_access(json_t *v, const struct meeting *m)
{
	json_put_bool(v, "=listToPublic",
		      strcmp(m->list_status, "PUBLIC") == 0);
	json_put_bool(v, "=isPublic", strcmp(m->list_status, "PUBLIC") == 0);
	json_put_str(v, "password", m->password);
	json_put_bool(v, "enforce_password", m->enforce_password);
}

static void
put_zone(json_t *v, const struct timezone_info *tz)
{
	json_put_int(v, "timezone_id", tz->id);
	json_put_str(v, "=timeZone", tz->text);
}

const char *
xmlapi_active(const char *active)
{
	return strcmp(active, "deactivated") == 0 ? "DEACTIVATED" : "ACTIVATED";
}

const char *
xmlapi_status(const char *state)
{
	return strcmp(state, "in_progress") == 0 ? "INPROGRESS"
						 : "NOT_INPROGRESS";
}
