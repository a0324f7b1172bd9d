/*
 * /v1/meetingReports: runs of meetings that have ended, and who was in them,
 * of both sites (G19). A host sees those of his own meetings, site
 * administrators all of the company. As JSON by pages, or as CSV.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "site/csv.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/site.h"
#include "site/store_usage.h"

#define CSV_MAX 5000
#define RUN_PARTS 2 /* of a cursor */
#define STAY_PARTS 4

static int read_query(struct api *a, struct store_usage_filter *f,
		      struct store_page *page, struct err *e);
static int read_format(struct api *a, struct store_page *page, struct err *e);
static int read_time(struct api *a, const char *name, const char **out,
		     struct err *e);
static int read_cursor(struct api *a, struct store_usage_filter *f,
		       unsigned parts, struct err *e);
static void on_runs(struct api *a, const struct run *list, size_t n,
		    int64_t total);
static void on_stays(struct api *a, const struct stay *list, size_t n,
		     int64_t total);
static void answer(struct api *a, json_t *items, const char *next,
		   const char *const *columns);

void
jsonapi_report_usage(struct api *a)
{
	struct store_usage_filter f = { 0 };
	struct store_page page;
	struct err e = { 0 };

	if (read_query(a, &f, &page, &e) < 0 ||
	    read_cursor(a, &f, RUN_PARTS, &e) < 0)
		jsonapi_invalid(a, &e);
	else
		store_usage_runs(a, &f, &page, on_runs);
}

void
jsonapi_report_attendees(struct api *a)
{
	struct store_usage_filter f = { 0 };
	struct store_page page;
	struct err e = { 0 };

	if (read_query(a, &f, &page, &e) < 0 ||
	    read_cursor(a, &f, STAY_PARTS, &e) < 0)
		jsonapi_invalid(a, &e);
	else
		store_usage_stays(a, &f, &page, on_stays);
}

static int
read_query(struct api *a, struct store_usage_filter *f, struct store_page *page,
	   struct err *e)
{
	const char *site = NULL, *number = NULL;

	if (read_format(a, page, e) < 0 ||
	    read_time(a, "from", &f->ends_from, e) < 0 ||
	    read_time(a, "to", &f->starts_to, e) < 0 ||
	    jsonapi_param(a, "siteUrl", &site, e) < 0 ||
	    jsonapi_param(a, "meetingId", &f->meeting_id, e) < 0 ||
	    jsonapi_param(a, "meetingNumber", &number, e) < 0)
		return -1;
	if (number != NULL &&
	    (span_to_i64(span_of(number), &f->meeting) < 0 || f->meeting <= 0))
		return err_set(e, ERR_INVALID,
			       "meetingNumber must be a number");
	if (site != NULL && !jsonapi_is_our_site(a, site))
		return err_set(e, ERR_INVALID,
			       "siteUrl is not that of the token's company");
	if (!jsonapi_reads_all(a))
		f->host_id = a->who->id;
	return 0;
}

/* A table is read at once rather than by pages of a hundred. */
static int
read_format(struct api *a, struct store_page *page, struct err *e)
{
	const char *format = NULL, *max = NULL;

	if (jsonapi_page(a, page, e) < 0 ||
	    jsonapi_param(a, "format", &format, e) < 0 ||
	    jsonapi_param(a, "max", &max, e) < 0)
		return -1;
	if (format == NULL || strcmp(format, "json") == 0)
		return 0;
	if (strcmp(format, "csv") != 0)
		return err_set(e, ERR_INVALID, "format must be json or csv");
	jsonapi_call(a)->csv = true;
	if (max != NULL)
		return 0;
	jsonapi_call(a)->max = CSV_MAX;
	page->max = CSV_MAX + 1;
	return 0;
}

static int
read_time(struct api *a, const char *name, const char **out, struct err *e)
{
	const char *text = NULL;
	int64_t us;

	if (jsonapi_param(a, name, &text, e) < 0)
		return -1;
	if (text == NULL)
		return 0;
	if (jsonapi_instant(name, text, &us, e) < 0)
		return -1;
	*out = jsonapi_stamp(a, us);
	return 0;
}

/* base64url of pairs "US ID": of the run, and of the stay. */
static int
read_cursor(struct api *a, struct store_usage_filter *f, unsigned parts,
	    struct err *e)
{
	STRBUF_AUTO raw = { 0 };
	STRBUF_AUTO array = { 0 };
	struct span rest, part;
	uint8_t id[16];
	int64_t us;
	int found = jsonapi_cursor(a, &raw, e);

	if (found != 1)
		return found;
	rest = strbuf_span(&raw);
	for (unsigned i = 0; i < parts; i++) {
		if (!span_cut(&rest, ' ', &part))
			return jsonapi_bad_cursor(e);
		strbuf_addc(&array, i > 0 ? ',' : '{');
		if (i % 2 == 0 && span_to_i64(part, &us) == 0)
			strbuf_addf(&array, "\"%s\"", jsonapi_stamp(a, us));
		else if (i % 2 == 1 && crypto_uuid_parse(part, id) == 0)
			strbuf_add_span(&array, part);
		else
			return jsonapi_bad_cursor(e);
	}
	if (rest.len > 0)
		return jsonapi_bad_cursor(e);
	strbuf_addc(&array, '}');
	f->after = arena_span(a->arena, strbuf_span(&array));
	return 1;
}

static void
put_time(json_t *j, const char *name, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];

	json_put_str(j, name, clock_iso(us, iso));
}

static void
put_meeting(json_t *j, const char *id, int64_t number, const char *title)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long)number);
	json_put_str(j, "meetingId", id);
	json_put_str(j, "meetingNumber", digits);
	json_put_str(j, "meetingTitle", title);
}

static json_t *
run_item(struct api *a, const struct run *r)
{
	static const char *const none[] = {
		"totalVoipMinutes",           "totalCallInMinutes",
		"totalCallInTollFreeMinutes", "totalCallOutDomestic",
		"totalCallOutInternational",  "totalParticipantsVoip",
		"totalParticipantsCallIn",    "totalParticipantsCallOut"
	};
	json_t *j = json_object();

	put_meeting(j, r->meeting_id, r->meeting_number, r->confname);
	json_put_int(j, "conferenceId", r->number);
	put_time(j, "start", r->started_us);
	put_time(j, "end", r->ended_us);
	json_put_int(j, "duration", store_run_minutes(r));
	json_put_str(j, "timezone", r->timezone != NULL ? r->timezone : "UTC");
	json_put_str(j, "serviceType", "MeetingCenter");
	json_put_str(j, "hostDisplayName", store_run_host(r, a->arena));
	json_put_str(j, "hostEmail", r->host_email);
	json_put_int(j, "totalParticipants", r->people);
	json_put_int(j, "totalPeopleMinutes", r->minutes);
	json_put_int(j, "peakAttendee", r->peak);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		json_put_int(j, none[i], 0);
	return j;
}

static void
on_runs(struct api *a, const struct run *list, size_t n, int64_t total)
{
	static const char *const columns[] = { "meetingId",
					       "meetingNumber",
					       "meetingTitle",
					       "start",
					       "end",
					       "duration",
					       "timezone",
					       "hostDisplayName",
					       "hostEmail",
					       "totalParticipants",
					       "totalPeopleMinutes",
					       "peakAttendee",
					       NULL };
	size_t max = (size_t)jsonapi_call(a)->max;
	json_t *items = json_array();
	const char *next = NULL;

	for (size_t i = 0; i < n && i < max; i++)
		json_array_append_new(items, run_item(a, &list[i]));
	if (n > max)
		next = arena_printf(a->arena, "%lld %s",
				    (long long)list[max - 1].ended_us,
				    list[max - 1].id);
	answer(a, items, next, columns);
}

/* A member of a JSON column of the person's account. */
static void
put_member(json_t *j, const char *name, const char *text, const char *member)
{
	JSON_AUTO object = text != NULL ? json_read(span_of(text), NULL) : NULL;
	const char *value = json_string_value(json_object_get(object, member));

	if (value != NULL)
		json_put_str(j, name, value);
}

static json_t *
stay_item(const struct stay *t)
{
	static const char *const places[] = {
		"address1", "address2", "city", "state", "country", "zipCode"
	};
	json_t *j = json_object();

	put_meeting(j, t->meeting_id, t->meeting_number, t->confname);
	json_put_int(j, "conferenceId", t->number);
	json_put_str(j, "displayName", t->name);
	json_put_str(j, "email", t->email);
	put_time(j, "joinedTime", t->joined_us);
	put_time(j, "leftTime", t->until_us);
	json_put_int(j, "duration", t->minutes);
	json_put_str(j, "participantType", t->host ? "host" : "attendee");
	json_put_str(j, "ipAddress", t->ip);
	json_put_str(j, "clientAgent", t->agent);
	put_member(j, "company", t->extra, "company");
	put_member(j, "phoneNumber", t->phones, "phone");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		put_member(j, places[i], t->address, places[i]);
	return j;
}

static void
on_stays(struct api *a, const struct stay *list, size_t n, int64_t total)
{
	static const char *const columns[] = {
		"meetingId",       "meetingNumber",
		"meetingTitle",    "displayName",
		"email",           "joinedTime",
		"leftTime",        "duration",
		"participantType", "ipAddress",
		"clientAgent",     "company",
		"phoneNumber",     "address1",
		"address2",        "city",
		"state",           "country",
		"zipCode",         NULL
	};
	size_t max = (size_t)jsonapi_call(a)->max;
	json_t *items = json_array();
	const struct stay *last;
	const char *next = NULL;

	for (size_t i = 0; i < n && i < max; i++)
		json_array_append_new(items, stay_item(&list[i]));
	if (n > max) {
		last = &list[max - 1];
		next = arena_printf(a->arena, "%lld %s %lld %s",
				    (long long)last->ended_us, last->run_id,
				    (long long)last->joined_us, last->id);
	}
	answer(a, items, next, columns);
}

/* Takes items. */
static void
answer(struct api *a, json_t *items, const char *next,
       const char *const *columns)
{
	STRBUF_AUTO text = { 0 };
	const char *copy;

	if (!jsonapi_call(a)->csv) {
		jsonapi_items(a, items, next);
		return;
	}
	csv_write(items, columns, &text);
	json_decref(items);
	if (next != NULL)
		jsonapi_link(a, span_of(next));
	copy = arena_span(a->arena, strbuf_span(&text));
	a->form = &form_csv;
	api_answer(a, 200, span_make(copy, text.len));
}
