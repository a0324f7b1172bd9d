/* My meetings: upcoming, in progress, repeating, invited to, past. */
#include <string.h>

#include "base/clock.h"
#include "site/jsonapi.h"
#include "site/page.h"
#include "site/page_meeting.h"
#include "site/page_view.h"
#include "site/record.h"

#define PAGE_MEETINGS 20
#define READY_US INT64_C(900000000)

static void show_home(struct api *a);
static void on_meetings(struct api *a, const struct meeting *list, size_t n,
			int64_t total);

const struct page_route page_home_routes[] = {
	{ "GET", "", PAGE_ANYBODY, show_home },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

struct tab {
	const char *value, *text, *heading, *nothing;
	void (*filter)(struct api *a, struct store_meeting_filter *f);
};

static void
only_upcoming(struct api *a, struct store_meeting_filter *f)
{
	f->host_id = a->who->id;
	f->not_state = "ended";
	f->ends_from = jsonapi_stamp(a, clock_wall_us());
}

static void
only_running(struct api *a, struct store_meeting_filter *f)
{
	f->host_id = a->who->id;
	f->state = "in_progress";
}

static void
only_repeating(struct api *a, struct store_meeting_filter *f)
{
	f->host_id = a->who->id;
	f->recurring = STORE_YES;
}

static void
only_invited(struct api *a, struct store_meeting_filter *f)
{
	f->attendee_email = a->who->email;
	f->ends_from = jsonapi_stamp(a, clock_wall_us());
}

static void
only_past(struct api *a, struct store_meeting_filter *f)
{
	f->host_id = a->who->id;
	f->ends_to = jsonapi_stamp(a, clock_wall_us());
}

static const struct tab tabs[] = {
	{ "upcoming", "Upcoming", "My meetings",
	  "No meetings ahead. Schedule one, and invite people to it.",
	  only_upcoming },
	{ "running", "In progress", "Meetings in progress",
	  "None of your meetings is in progress.", only_running },
	{ "repeating", "Repeating", "Meetings that repeat",
	  "None of your meetings repeats.", only_repeating },
	{ "invited", "Invited", "Meetings that I am invited to",
	  "Nobody has invited you to a meeting ahead.", only_invited },
	{ "past", "Past", "Past meetings", "No meetings so far.", only_past },
};
#define TABS (sizeof(tabs) / sizeof(tabs[0]))

static const struct tab *
chosen_tab(struct api *a)
{
	const char *when = page_param(a, "when");

	for (size_t i = 0; when != NULL && i < TABS; i++)
		if (strcmp(tabs[i].value, when) == 0)
			return &tabs[i];
	return &tabs[0];
}

static void
show_home(struct api *a)
{
	const struct tab *tab = chosen_tab(a);
	struct store_meeting_filter f = { 0 };
	struct store_page page = {
		.skip = (page_view_number(a) - 1) * PAGE_MEETINGS,
		.max = PAGE_MEETINGS + 1, /* one more says that there is more */
	};

	if (a->who == NULL) {
		page_show(a, "login.html", "Log in", json_object());
		return;
	}
	page.order[0] = tab->filter == only_past ? "-starts" : "starts";
	tab->filter(a, &f);
	store_meeting_list(a, &f, &page, on_meetings);
}

static json_t *
item(struct api *a, const struct meeting *m, int64_t now_us)
{
	struct timezone_info tz = page_zone(a);
	bool running = page_meeting_is_running(m);
	bool mine = strcmp(m->host_id, a->who->id) == 0;
	int64_t end_us = m->starts_us + m->duration * INT64_C(60000000);
	json_t *one = json_object();

	json_put_str(one, "title", m->confname);
	json_put_int(one, "number", m->number);
	json_put_int(one, "duration", m->duration);
	json_put_str(one, "when", page_when(a, &tz, m->starts_us));
	json_put_bool(one, "running", running);
	json_put_bool(one, "repeats", m->recurrence != NULL);
	json_put_str(one, "host", mine ? NULL : page_meeting_host(m));
	json_put_bool(
	    one, "joinable",
	    running || m->recurrence != NULL ||
		(now_us >= m->starts_us - READY_US && now_us < end_us));
	json_put_str(one, "verb", mine && !running ? "Start" : "Join");
	return one;
}

static json_t *
tab_list(const struct tab *chosen)
{
	json_t *list = json_array();

	for (size_t i = 0; i < TABS; i++)
		page_option(list, tabs[i].value, tabs[i].text, chosen->value);
	return list;
}

static void
on_meetings(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	const struct tab *tab = chosen_tab(a);
	struct timezone_info tz = page_zone(a);
	int64_t now_us = clock_wall_us(), page = page_view_number(a);
	json_t *data = json_object(), *items = json_array();

	for (size_t i = 0; i < n && i < PAGE_MEETINGS; i++)
		json_array_append_new(items, item(a, &list[i], now_us));
	json_put_str(data, "heading", tab->heading);
	json_put_str(data, "nothing", tab->nothing);
	json_put_str(data, "tab", tab->value);
	json_put(data, "tabs", tab_list(tab));
	json_put_bool(data, "any", n > 0);
	json_put(data, "meetings", items);
	page_view_pages(data, page, n > PAGE_MEETINGS);
	json_put_str(data, "zone", page_zone_text(a, &tz, now_us));
	page_show(a, "home.html", tab->heading, data);
}
