/* What changes meetings: POST, PUT, PATCH, DELETE. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/httpd.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/made.h"
#include "site/recurrence.h"
#include "site/store.h"
#include "site/timezone.h"

#define MINUTE_US INT64_C(60000000)
#define DURATION_MAX 1440
#define INVITEES_MAX 1000

static int read_times(struct api *a, bool whole, json_t *fields, struct err *e);
static int read_flags(const json_t *body, json_t *fields, struct err *e);
static int read_rule(const char *rule, json_t *fields, struct err *e);
static int check_zone(const char *zone, struct err *e);
static void put_zone_id(const char *zone, json_t *fields);
static void on_host(struct api *a, const struct account *list, size_t n,
		    int64_t total);
static void create(struct api *a, const char *host_id);
static int read_invitees(const json_t *body, json_t *fields, struct err *e);
static void render(struct api *a, const struct meeting *m,
		   struct write_answer *out);
static void render_deleted(struct api *a, const struct meeting *m,
			   struct write_answer *out);

/* A site admin may schedule for another host by "hostEmail". */
void
jsonapi_meeting_create(struct api *a)
{
	struct store_account_by by = { 0 };
	struct err e = { 0 };

	if (jsonapi_text(a->body, "hostEmail", 192, &by.email, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	if (by.email == NULL || span_iis(span_of(by.email), a->who->email)) {
		create(a, a->who->id);
		return;
	}
	if (a->who->site_admin)
		store_account_get(a, &by, on_host);
	else
		api_fail(a, FAULT_DENIED, NULL);
}

static void
on_host(struct api *a, const struct account *list, size_t n, int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_INVALID,
			 "hostEmail must be of an account of this site");
	else
		create(a, list[0].id);
}

static void
create(struct api *a, const char *host_id)
{
	json_t *fields = json_object();
	char password[9];
	struct err e = { 0 };

	if (!a->who->host && !a->who->site_admin) {
		json_decref(fields);
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	if (jsonapi_meeting_read(a, true, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	json_put_str(fields, "host_id", host_id);
	if (read_invitees(a->body, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	if (json_object_get(fields, "password") == NULL) {
		made_secret(a, "meeting.create", "password", password,
			    sizeof(password));
		json_put_str(fields, "password", password);
	}
	store_meeting_create(a, fields, render);
}

/* "invitees": as /v1/meetingInvitees takes them */
static int
read_invitees(const json_t *body, json_t *fields, struct err *e)
{
	json_t *list = NULL, *all, *one;

	if (json_get_array(body, "invitees", &list, e) < 0)
		return -1;
	if (list == NULL)
		return 0;
	if (json_array_size(list) > INVITEES_MAX)
		return err_set(e, ERR_INVALID, "invitees must be at most %d",
			       INVITEES_MAX);
	all = json_array();
	json_put(fields, "attendees", all);
	for (size_t i = 0; i < json_array_size(list); i++) {
		one = jsonapi_invitee_read(json_array_get(list, i), true, e);
		if (one == NULL)
			return err_prefix(e, "invitees");
		json_array_append_new(all, one);
	}
	return 0;
}

/* PUT names everything anew, PATCH some of it. */
void
jsonapi_meeting_update(struct api *a)
{
	bool whole = span_is(httpd_method(a->http), "PUT");
	struct store_meeting_by by = { .id = jsonapi_call(a)->id };
	json_t *fields = json_object();
	struct err e = { 0 };

	if (jsonapi_meeting_read(a, whole, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	if (!a->who->site_admin)
		by.host_id = a->who->id;
	store_meeting_update(a, &by, fields, render);
}

void
jsonapi_meeting_delete(struct api *a)
{
	struct store_meeting_by by = { .id = jsonapi_call(a)->id };

	if (!a->who->site_admin)
		by.host_id = a->who->id;
	store_meeting_delete(a, &by, render_deleted);
}

static void
render(struct api *a, const struct meeting *m, struct write_answer *out)
{
	out->content = form_json_text(a,
				      jsonapi_meeting(a, m, clock_wall_us()));
}

static void
render_deleted(struct api *a, const struct meeting *m, struct write_answer *out)
{
	out->status = 204;
}

int
jsonapi_meeting_read(struct api *a, bool whole, json_t *fields, struct err *e)
{
	static const struct {
		const char *member, *column;
		size_t max;
	} texts[] = {
		{ "title", "confname", 128 },
		{ "agenda", "agenda", 2500 },
		{ "password", "password", 32 },
		{ "timezone", "timezone", 64 },
	};
	const char *text;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = NULL;
		if (jsonapi_text(a->body, texts[i].member, texts[i].max, &text,
				 e) < 0)
			return -1;
		if (text != NULL)
			json_put_str(fields, texts[i].column, text);
	}
	if (json_get_str(fields, "confname", &text, e) == 1 && text[0] == '\0')
		return err_set(e, ERR_INVALID, "title must not be empty");
	if (whole && json_object_get(fields, "confname") == NULL)
		return err_set(e, ERR_INVALID, "title is missing");
	if (json_get_str(fields, "timezone", &text, e) == 1) {
		if (check_zone(text, e) < 0)
			return -1;
		put_zone_id(text, fields);
	} else if (whole) {
		json_put_str(fields, "timezone", "UTC");
	}
	if (read_times(a, whole, fields, e) < 0)
		return -1;
	return read_flags(a->body, fields, e);
}

/* The length follows from both, so they come together. */
static int
read_times(struct api *a, bool whole, json_t *fields, struct err *e)
{
	const char *start = NULL, *end = NULL;
	int64_t from, to, minutes;

	if (json_get_str(a->body, "start", &start, e) < 0 ||
	    json_get_str(a->body, "end", &end, e) < 0)
		return -1;
	if (start == NULL && end == NULL && !whole)
		return 0;
	if (start == NULL || end == NULL)
		return err_set(e, ERR_INVALID,
			       "start and end are given together: %s is "
			       "missing",
			       start == NULL ? "start" : "end");
	if (jsonapi_instant("start", start, &from, e) < 0 ||
	    jsonapi_instant("end", end, &to, e) < 0)
		return -1;
	minutes = (to - from) / MINUTE_US;
	if (minutes < 1 || minutes > DURATION_MAX ||
	    (to - from) % MINUTE_US != 0)
		return err_set(e, ERR_INVALID,
			       "end must be 1 to 1440 whole minutes after "
			       "start");
	json_put_str(fields, "starts", jsonapi_stamp(a, from));
	json_put_int(fields, "duration", minutes);
	return 0;
}

/* Who joins later waits until the host lets him in, or does not. */
static int
read_lobby(const json_t *body, json_t *fields, struct err *e)
{
	const char *word = NULL;
	bool on;

	if (json_get_str(body, "unlockedMeetingJoinSecurity", &word, e) < 0)
		return -1;
	if (word == NULL)
		return 0;
	on = strcmp(word, "allowJoinWithLobby") == 0;
	if (!on && strcmp(word, "allowJoin") != 0)
		return err_set(e, ERR_INVALID,
			       "unlockedMeetingJoinSecurity must be allowJoin "
			       "or allowJoinWithLobby");
	json_put(fields, "options", json_pack("{s:b}", "lobby", on));
	return 0;
}

static int
read_flags(const json_t *body, json_t *fields, struct err *e)
{
	const char *rule = NULL;
	bool flag;
	int64_t minutes;
	int found;

	found = json_get_bool(body, "enabledJoinBeforeHost", &flag, e);
	if (found == 1)
		json_put_bool(fields, "join_before_host", flag);
	if (found < 0)
		return -1;
	found = json_get_bool(body, "publicMeeting", &flag, e);
	if (found == 1)
		json_put_str(fields, "list_status",
			     flag ? "PUBLIC" : "UNLISTED");
	if (found < 0)
		return -1;
	found = json_get_int(body, "joinBeforeHostMinutes", &minutes, e);
	if (found == 1 && (minutes < 0 || minutes > 60))
		return err_set(e, ERR_INVALID,
			       "joinBeforeHostMinutes must be 0 to 60");
	if (found == 1)
		json_put_int(fields, "open_time", minutes * 60);
	if (found < 0 || read_lobby(body, fields, e) < 0 ||
	    jsonapi_text(body, "recurrence", 512, &rule, e) < 0)
		return -1;
	return rule == NULL ? 0 : read_rule(rule, fields, e);
}

/* An empty one ends the repetition. Its end is kept local to the zone that
 * the request names. */
static int
read_rule(const char *rule, json_t *fields, struct err *e)
{
	struct timezone_info tz;
	const char *zone = NULL;
	json_t *elements;

	if (rule[0] == '\0') {
		json_put(fields, "recurrence", json_null());
		return 0;
	}
	json_get_str(fields, "timezone", &zone, NULL);
	tz = timezone_of(-1, zone);
	elements = recurrence_read(rule, &tz, e);
	if (elements == NULL)
		return -1;
	json_put(fields, "recurrence", elements);
	return 0;
}

static int
check_zone(const char *zone, struct err *e)
{
	size_t n = strspn(zone, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/");
	char path[128];

	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.64s", zone);
	if (n > 0 && zone[n] == '\0' && zone[0] != '/' && zone[n - 1] != '/' &&
	    access(path, R_OK) == 0)
		return 0;
	return err_set(e, ERR_INVALID,
		       "timezone must be an IANA name like Europe/Berlin");
}

/* The XML API knows zones by number; it has one for the common ones. */
static void
put_zone_id(const char *zone, json_t *fields)
{
	const struct timezone_info *info = timezone_by_iana(zone);

	if (info != NULL)
		json_put_int(fields, "timezone_id", info->id);
	else
		json_put(fields, "timezone_id", json_null());
}
