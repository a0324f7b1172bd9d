/*
 * Scheduling and changing meetings. The form says what the JSON API's members
 * say, so it becomes them and is judged by the same rules.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/made.h"
#include "site/page_meeting.h"
#include "site/recurrence.h"
#include "site/roomway.h"
#include "site/timezone.h"
#include "site/xmlvalue.h"

#define INVITED_MAX 1000
#define MINUTE_US INT64_C(60000000)
#define HOUR_US (60 * MINUTE_US)

static void show_new(struct api *a);
static void create(struct api *a);
static void show_edit(struct api *a);
static void on_edit(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);
static void change(struct api *a);
static void on_change(struct api *a, const struct meeting *list, size_t n,
		      int64_t total);
static int read_form(struct api *a, const char *before, json_t *fields,
		     struct err *e);
static void render_created(struct api *a, const struct meeting *m,
			   struct write_answer *out);
static void render_changed(struct api *a, const struct meeting *m,
			   struct write_answer *out);

const struct page_route page_schedule_routes[] = {
	{ "GET", "schedule", PAGE_ACCOUNT, show_new },
	{ "POST", "schedule", PAGE_ACCOUNT, create },
	{ "GET", "meetings/:/edit", PAGE_ACCOUNT, show_edit },
	{ "POST", "meetings/:/edit", PAGE_ACCOUNT, change },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static const struct {
	const char *value, *text, *rule;
} repeats[] = {
	{ "", "Once", NULL },
	{ "daily", "Every day", "DAILY" },
	{ "weekly", "Every week", "WEEKLY" },
	{ "monthly", "Every month", "MONTHLY" },
};
#define REPEATS (sizeof(repeats) / sizeof(repeats[0]))
#define KEEP "keep" /* it repeats as it did */

/* --- the form ---------------------------------------------------------- */

static const char *const texts[] = { "name",  "date",   "time",   "duration",
				     "every", "until",  "agenda", "password",
				     "zone",  "repeat", "invite" };
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static void
put_choices(struct api *a, json_t *data, const char *zone, const char *repeat)
{
	json_t *zones = json_array(), *list = json_array();
	const char *kept = json_string_value(json_object_get(data, "kept"));
	const struct timezone_info *tz;
	unsigned n;

	tz = timezone_table(&n);
	for (unsigned i = 0; i < n; i++)
		page_option(zones, arena_printf(a->arena, "%d", tz[i].id),
			    tz[i].text, zone);
	if (kept != NULL)
		page_option(list, KEEP, kept, repeat);
	for (size_t i = 0; i < REPEATS; i++)
		page_option(list, repeats[i].value, repeats[i].text, repeat);
	json_put(data, "zones", zones);
	json_put(data, "repeats", list);
}

static void
put_new(struct api *a, json_t *data)
{
	json_put_str(data, "heading", "Schedule a meeting");
	json_put_str(data, "action", "schedule");
	json_put_str(data, "button", "Schedule");
	json_put_str(data, "back", "");
}

static void
put_edit(struct api *a, json_t *data)
{
	const char *arg = page_call(a)->arg;

	json_put_str(data, "heading", "Change the meeting");
	json_put_str(data, "action",
		     arena_printf(a->arena, "meetings/%s/edit", arg));
	json_put_str(data, "button", "Save");
	json_put_str(data, "back", arena_printf(a->arena, "meetings/%s", arg));
}

/* As it was sent, to be shown again. */
static json_t *
as_sent(struct api *a)
{
	json_t *data = json_object();

	for (size_t i = 0; i < TEXTS; i++)
		json_put_str(data, texts[i], page_text(a, texts[i]));
	json_put_bool(data, "early", page_field(a, "early") != NULL);
	json_put_bool(data, "lobby", page_field(a, "lobby") != NULL);
	json_put_bool(data, "public", page_field(a, "public") != NULL);
	return data;
}

/* The next full hour of the caller's zone. */
static void
show_new(struct api *a)
{
	struct timezone_info tz = page_zone(a);
	int64_t at_us = (clock_wall_us() / HOUR_US + 1) * HOUR_US;
	json_t *data = json_object();
	struct clock_civil c;

	if (!a->who->host && !a->who->site_admin) {
		json_decref(data);
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	timezone_local(&tz, at_us, &c);
	put_new(a, data);
	json_put_str(data, "date",
		     arena_printf(a->arena, "%04lld-%02u-%02u",
				  (long long)c.year, c.month, c.day));
	json_put_str(data, "time",
		     arena_printf(a->arena, "%02u:%02u", c.hour, c.minute));
	json_put_str(data, "duration", "60");
	json_put_str(data, "every", "1");
	put_choices(a, data, arena_printf(a->arena, "%d", tz.id), "");
	page_show(a, "meeting_form.html", "Schedule a meeting", data);
}

static void
create(struct api *a)
{
	json_t *data = as_sent(a), *fields = json_object();
	char password[9];
	struct err e = { 0 };

	put_new(a, data);
	put_choices(a, data, page_text(a, "zone"), page_text(a, "repeat"));
	page_again(a, "meeting_form.html", "Schedule a meeting", data);
	if (!a->who->host && !a->who->site_admin) {
		json_decref(fields);
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	if (read_form(a, NULL, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	json_put_str(fields, "host_id", a->who->id);
	if (json_object_get(fields, "password") == NULL) {
		made_secret(a, "meeting.create", "password", password,
			    sizeof(password));
		json_put_str(fields, "password", password);
	}
	store_meeting_create(a, fields, render_created);
}

static void
render_created(struct api *a, const struct meeting *m, struct write_answer *out)
{
	page_went(a, out, "meetings/%lld?said=scheduled", (long long)m->number);
}

/* --- changing ---------------------------------------------------------- */

static void
show_edit(struct api *a)
{
	page_meeting_find(a, on_edit);
}

static const char *
addresses(struct api *a, const char *attendees)
{
	JSON_AUTO list = attendees != NULL && attendees[0] != '\0'
			     ? json_read(span_of(attendees), NULL)
			     : NULL;
	STRBUF_AUTO text = { 0 };

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *email = "";

		json_get_str(json_array_get(list, i), "email", &email, NULL);
		strbuf_addf(&text, "%s\n", email);
	}
	return arena_span(a->arena, strbuf_span(&text));
}

static json_t *
as_it_is(struct api *a, const struct meeting *m, const struct timezone_info *tz)
{
	json_t *data = json_object();
	struct clock_civil c;

	timezone_local(tz, m->starts_us, &c);
	json_put_str(data, "name", m->confname);
	json_put_str(data, "date",
		     arena_printf(a->arena, "%04lld-%02u-%02u",
				  (long long)c.year, c.month, c.day));
	json_put_str(data, "time",
		     arena_printf(a->arena, "%02u:%02u", c.hour, c.minute));
	json_put_int(data, "duration", m->duration);
	json_put_str(data, "every", "1");
	json_put_str(data, "agenda", m->agenda);
	json_put_str(data, "password", m->password);
	json_put_str(data, "invite", addresses(a, m->attendees));
	json_put_bool(data, "early", m->join_before_host);
	json_put_bool(data, "lobby", roomway_has_lobby(m));
	json_put_bool(data, "public", strcmp(m->list_status, "PUBLIC") == 0);
	json_put_str(data, "kept", page_meeting_repeats(a, m));
	return data;
}

static void
on_edit(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	struct timezone_info tz;
	json_t *data;

	if (n == 0 || page_meeting_sight(a, list) == PAGE_NOTHING) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (page_meeting_sight(a, list) != PAGE_OWN) {
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	tz = timezone_of(list->timezone_id, list->timezone);
	data = as_it_is(a, list, &tz);
	put_edit(a, data);
	put_choices(a, data, arena_printf(a->arena, "%d", tz.id),
		    list->recurrence != NULL ? KEEP : "");
	page_show(a, "meeting_form.html", "Change the meeting", data);
}

/* Whoever is still invited keeps what else is known of him. */
static void
change(struct api *a)
{
	page_meeting_find(a, on_change);
}

static void
on_change(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	struct store_meeting_by by = { 0 };
	json_t *data = as_sent(a), *fields = json_object();
	struct err e = { 0 };

	put_edit(a, data);
	if (n > 0)
		json_put_str(data, "kept", page_meeting_repeats(a, list));
	put_choices(a, data, page_text(a, "zone"), page_text(a, "repeat"));
	page_again(a, "meeting_form.html", "Change the meeting", data);
	if (n == 0 || page_meeting_sight(a, list) != PAGE_OWN) {
		json_decref(fields);
		api_fail(a, n == 0 ? FAULT_NO_MEETING : FAULT_DENIED, NULL);
		return;
	}
	if (read_form(a, list->attendees, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	by.id = list->id;
	if (!a->who->site_admin)
		by.host_id = a->who->id;
	store_meeting_update(a, &by, fields, render_changed);
}

static void
render_changed(struct api *a, const struct meeting *m, struct write_answer *out)
{
	page_went(a, out, "meetings/%lld?said=changed", (long long)m->number);
}

/* --- reading ----------------------------------------------------------- */

static int
read_when(struct api *a, const struct timezone_info *tz, json_t *body,
	  struct err *e)
{
	const char *text = arena_printf(
	    a->arena, "%sT%sZ", page_text(a, "date"), page_text(a, "time"));
	char iso[CLOCK_ISO_SIZE];
	struct clock_civil c;
	int64_t us, minutes;

	if (clock_parse_iso(span_of(text), &us) < 0)
		return err_set(e, ERR_INVALID,
			       "Date and time must be like 2031-01-02 and "
			       "10:00");
	if (span_to_i64(span_of(page_text(a, "duration")), &minutes) < 0 ||
	    minutes < 1 || minutes > 1440)
		return err_set(e, ERR_INVALID,
			       "The duration must be 1 to 1440 minutes");
	clock_civil(us, &c);
	us = timezone_instant(tz, &c);
	json_put_str(body, "start", clock_iso(us, iso));
	json_put_str(body, "end", clock_iso(us + minutes * MINUTE_US, iso));
	return 0;
}

static int
read_repeat(struct api *a, json_t *body, struct err *e)
{
	const char *repeat = page_text(a, "repeat"), *p;
	const char *every = page_text(a, "every");
	STRBUF_AUTO rule = { 0 };
	int64_t number = 1;
	size_t i = 0;

	if (strcmp(repeat, KEEP) == 0)
		return 0;
	while (i < REPEATS && strcmp(repeats[i].value, repeat) != 0)
		i++;
	if (i == REPEATS ||
	    (every[0] != '\0' && (span_to_i64(span_of(every), &number) < 0 ||
				  number < 1 || number > 99)))
		return err_set(e, ERR_INVALID,
			       "A meeting repeats every 1 to 99 days, weeks or "
			       "months");
	if (repeats[i].rule != NULL)
		strbuf_addf(&rule, "FREQ=%s;INTERVAL=%lld", repeats[i].rule,
			    (long long)number);
	p = page_text(a, "until");
	if (repeats[i].rule != NULL && *p != '\0')
		strbuf_adds(&rule, ";UNTIL=");
	for (; repeats[i].rule != NULL && *p != '\0'; p++)
		if (*p != '-')
			strbuf_addc(&rule, *p);
	json_put_str(body, "recurrence", strbuf_text(&rule));
	return 0;
}

static json_t *
known_attendee(const json_t *before, const char *email)
{
	for (size_t i = 0; i < json_array_size(before); i++) {
		json_t *one = json_array_get(before, i);
		const char *text = "";

		json_get_str(one, "email", &text, NULL);
		if (strcasecmp(text, email) == 0)
			return json_incref(one);
	}
	return NULL;
}

/* Addresses by lines, commas, semicolons or blanks. */
static int
read_invited(struct api *a, const char *before, json_t *fields, struct err *e)
{
	JSON_AUTO known = before != NULL && before[0] != '\0'
			      ? json_read(span_of(before), NULL)
			      : NULL;
	const char *at = page_text(a, "invite");
	json_t *list = json_array(), *one;

	json_put(fields, "attendees", list);
	for (at += strspn(at, ",; \t\r\n"); *at != '\0';
	     at += strspn(at, ",; \t\r\n")) {
		size_t len = strcspn(at, ",; \t\r\n");
		const char *email = arena_strndup(a->arena, at, len);

		at += len;
		if (json_array_size(list) == INVITED_MAX)
			return err_set(e, ERR_INVALID,
				       "At most %d people can be invited",
				       INVITED_MAX);
		if (xmlvalue_email(email, "Invite", 192, e) < 0)
			return -1;
		one = known_attendee(known, email);
		if (one == NULL)
			one = json_pack("{s:s}", "email", email);
		json_array_append_new(list, one);
	}
	return 0;
}

static int
read_form(struct api *a, const char *before, json_t *fields, struct err *e)
{
	const struct timezone_info *tz;
	json_t *body = a->body;
	int64_t id = -1;

	span_to_i64(span_of(page_text(a, "zone")), &id);
	tz = timezone_by_id(id);
	if (tz == NULL)
		return err_set(e, ERR_INVALID, "Choose a time zone");
	json_put_str(body, "title", page_text(a, "name"));
	json_put_str(body, "agenda", page_text(a, "agenda"));
	if (page_text(a, "password")[0] != '\0')
		json_put_str(body, "password", page_text(a, "password"));
	json_put_str(body, "timezone", tz->iana);
	json_put_bool(body, "enabledJoinBeforeHost",
		      page_field(a, "early") != NULL);
	json_put_str(body, "unlockedMeetingJoinSecurity",
		     page_field(a, "lobby") != NULL ? "allowJoinWithLobby"
						    : "allowJoin");
	json_put_bool(body, "publicMeeting", page_field(a, "public") != NULL);
	if (read_when(a, tz, body, e) < 0 || read_repeat(a, body, e) < 0 ||
	    read_invited(a, before, fields, e) < 0 ||
	    jsonapi_meeting_read(a, true, fields, e) < 0)
		return -1;
	json_put_int(fields, "timezone_id", tz->id);
	return 0;
}
