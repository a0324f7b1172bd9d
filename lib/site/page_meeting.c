/* One meeting: what it is, its calendar file, its end. */
#include "site/page_meeting.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "site/calendar.h"
#include "site/jsonapi.h"
#include "site/made.h"
#include "site/page_view.h"
#include "site/recurrence.h"
#include "site/site.h"
#include "site/timezone.h"

static void show(struct api *a);
static void on_meeting(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static void show_calendar(struct api *a);
static void on_calendar(struct api *a, const struct meeting *list, size_t n,
			int64_t total);
static void cancel(struct api *a);
static void render_cancelled(struct api *a, const struct meeting *m,
			     struct write_answer *out);

const struct page_route page_meeting_routes[] = {
	{ "GET", "meetings/:", PAGE_ACCOUNT, show },
	{ "GET", "meetings/:/meeting.ics", PAGE_ACCOUNT, show_calendar },
	{ "POST", "meetings/:/cancel", PAGE_ACCOUNT, cancel },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

void
page_meeting_find(struct api *a, store_meetings_fn *fn)
{
	struct store_meeting_by by = { 0 };

	if (span_to_i64(span_of(page_call(a)->arg), &by.number) < 0 ||
	    by.number <= 0)
		api_fail(a, FAULT_NO_MEETING, NULL);
	else
		store_meeting_get(a, &by, fn);
}

static bool
is_invited(const struct api *a, const struct meeting *m)
{
	JSON_AUTO list = m->attendees != NULL && m->attendees[0] != '\0'
			     ? json_read(span_of(m->attendees), NULL)
			     : NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *email = "";

		json_get_str(json_array_get(list, i), "email", &email, NULL);
		if (strcasecmp(email, a->who->email) == 0)
			return true;
	}
	return false;
}

enum page_sight
page_meeting_sight(const struct api *a, const struct meeting *m)
{
	if (a->who == NULL)
		return PAGE_NOTHING;
	if (a->who->site_admin || strcmp(m->host_id, a->who->id) == 0)
		return PAGE_OWN;
	if (a->who->ro_site_admin)
		return PAGE_FULL;
	if (strcmp(m->list_status, "PUBLIC") == 0 || is_invited(a, m))
		return PAGE_INVITED;
	return PAGE_NOTHING;
}

const char *
page_meeting_host(const struct meeting *m)
{
	return m->host_display_name != NULL ? m->host_display_name
					    : m->host_webexid;
}

bool
page_meeting_is_running(const struct meeting *m)
{
	return strcmp(m->state, "in_progress") == 0;
}

const char *
page_meeting_repeats(struct api *a, const struct meeting *m)
{
	static const struct {
		const char *type, *unit;
	} units[] = { { "WEEKLY", "week" },
		      { "MONTHLY", "month" },
		      { "YEARLY", "year" } };
	JSON_AUTO r = m->recurrence != NULL
			  ? json_read(span_of(m->recurrence), NULL)
			  : NULL;
	const char *type = "", *unit = "day", *until = NULL;
	int64_t every = 1;

	if (r == NULL)
		return NULL;
	json_get_str(r, "repeatType", &type, NULL);
	json_get_int(r, "interval", &every, NULL);
	json_get_str(r, "expirationDate", &until, NULL);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].type, type) == 0)
			unit = units[i].unit;
	return arena_printf(
	    a->arena, "Every %s%s%s%s%.10s",
	    every > 1 ? arena_printf(a->arena, "%lld ", (long long)every) : "",
	    unit, every > 1 ? "s" : "", until != NULL ? " until " : "",
	    until != NULL ? until : "");
}

static void
show(struct api *a)
{
	page_meeting_find(a, on_meeting);
}

static json_t *
invited(const struct meeting *m)
{
	json_t *list = NULL;

	if (m->attendees != NULL && m->attendees[0] != '\0')
		list = json_read(span_of(m->attendees), NULL);
	return list != NULL ? list : json_array();
}

/* For the host and administrators alone. */
static void
put_full(struct api *a, const struct meeting *m, json_t *data)
{
	char key[MADE_HOST_KEY_SIZE];

	made_host_key(m, a->site->keys, key);
	json_put_bool(data, "full", true);
	json_put_str(data, "password", m->password);
	json_put_str(data, "hostKey", key);
	json_put_str(data, "link",
		     arena_printf(a->arena, "%s/%s/m.php?AT=JM&MK=%lld",
				  a->site->conf->public_url, a->company->name,
				  (long long)m->number));
	json_put(data, "invited", invited(m));
}

static void
on_meeting(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	const struct meeting *m = list;
	enum page_sight sight = n > 0 ? page_meeting_sight(a, m) : PAGE_NOTHING;
	struct timezone_info tz;
	json_t *data;
	bool mine;

	if (sight == PAGE_NOTHING) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	data = json_object();
	mine = strcmp(m->host_id, a->who->id) == 0;
	tz = timezone_of(m->timezone_id, m->timezone);
	json_put_str(data, "name", m->confname);
	json_put_int(data, "number", m->number);
	json_put_str(data, "when", page_when(a, &tz, m->starts_us));
	json_put_str(data, "zone", page_zone_text(a, &tz, m->starts_us));
	json_put_int(data, "duration", m->duration);
	json_put_str(data, "repeats", page_meeting_repeats(a, m));
	json_put_str(data, "hostName", page_meeting_host(m));
	json_put_str(data, "agenda", m->agenda);
	json_put_bool(data, "running", page_meeting_is_running(m));
	json_put_bool(data, "joinable", true);
	json_put_str(data, "verb",
		     mine && !page_meeting_is_running(m) ? "Start" : "Join");
	json_put_str(data, "accessCode", m->access_code);
	if (a->company->numbers != NULL)
		json_put(data, "phones",
			 json_read(span_of(a->company->numbers), NULL));
	json_put_bool(data, "mine", sight == PAGE_OWN);
	if (sight >= PAGE_FULL)
		put_full(a, m, data);
	page_show(a, "meeting.html", m->confname, data);
}

static void
show_calendar(struct api *a)
{
	page_meeting_find(a, on_calendar);
}

static void
on_calendar(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	if (n == 0 || page_meeting_sight(a, list) == PAGE_NOTHING)
		api_fail(a, FAULT_NO_MEETING, NULL);
	else
		page_meeting_calendar(a, list);
}

void
page_meeting_calendar(struct api *a, const struct meeting *m)
{
	struct httpd_field *fields = arena_array(a->arena, struct httpd_field,
						 2);
	struct calendar_of of = {
		.meeting = m,
		.company = a->company->name,
		.public_url = a->site->conf->public_url,
	};
	STRBUF_AUTO text = { 0 };
	size_t len;

	calendar_write(&of, &text);
	len = text.len;
	fields[0].name = "Content-Disposition";
	fields[0].value = arena_printf(
	    a->arena, "attachment; filename=\"meeting-%lld.ics\"",
	    (long long)m->number);
	a->extra = fields;
	a->form = &form_calendar;
	api_answer(a, 200,
		   span_make(arena_span(a->arena, strbuf_span(&text)), len));
}

static void
cancel(struct api *a)
{
	struct store_meeting_by by = { 0 };

	if (span_to_i64(span_of(page_call(a)->arg), &by.number) < 0 ||
	    by.number <= 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (!a->who->site_admin)
		by.host_id = a->who->id;
	store_meeting_delete(a, &by, render_cancelled);
}

static void
render_cancelled(struct api *a, const struct meeting *m,
		 struct write_answer *out)
{
	page_went(a, out, "?said=cancelled");
}
