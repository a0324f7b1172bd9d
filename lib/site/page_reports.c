/*
 * Usage: runs of meetings that have ended, of both sites (G19), as chart,
 * table and CSV. A host sees those of his meetings, administrators all.
 */
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "site/csv.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/page.h"
#include "site/record.h"
#include "site/store_usage.h"

#define RUNS_MAX 5000
#define ROWS_MAX 100 /* in the table; the file has all */
#define DAYS_MAX 90
#define DAY_US INT64_C(86400000000)
#define CHART_WIDTH 720
#define CHART_HEIGHT 120

static void show(struct api *a);
static void export(struct api *a);
static void on_runs(struct api *a, const struct run *list, size_t n,
		    int64_t total);
static void on_export(struct api *a, const struct run *list, size_t n,
		      int64_t total);

const struct page_route page_reports_routes[] = {
	{ "GET", "reports", PAGE_ACCOUNT, show },
	{ "GET", "reports.csv", PAGE_ACCOUNT, export },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static const struct {
	const char *value, *text;
	int days;
} spans[] = { { "7", "7 days", 7 },
	      { "30", "30 days", 30 },
	      { "90", "90 days", DAYS_MAX } };
#define SPANS (sizeof(spans) / sizeof(spans[0]))

static size_t
chosen(struct api *a)
{
	const char *days = page_param(a, "days");

	for (size_t i = 0; days != NULL && i < SPANS; i++)
		if (strcmp(spans[i].value, days) == 0)
			return i;
	return 1;
}

static void
find(struct api *a, store_runs_fn *fn)
{
	struct store_usage_filter f = { 0 };
	struct store_page page = { .max = RUNS_MAX,
				   .total = true,
				   .order = { "-started" } };

	f.ends_from = jsonapi_stamp(
	    a, clock_wall_us() - (spans[chosen(a)].days - 1) * DAY_US);
	if (!a->who->site_admin && !a->who->ro_site_admin)
		f.host_id = a->who->id;
	store_usage_runs(a, &f, &page, fn);
}

static void
show(struct api *a)
{
	find(a, on_runs);
}

static void export(struct api *a)
{
	find(a, on_export);
}

/* --- the chart --------------------------------------------------------- */

static int64_t
day_of(const struct timezone_info *tz, int64_t us)
{
	return (us + (int64_t)timezone_offset_s(tz, us) * 1000000) / DAY_US;
}

static const char *
day_text(struct api *a, const struct timezone_info *tz, int64_t us)
{
	const char *when = page_when(a, tz, us);

	return arena_printf(a->arena, "%.*s", (int)strcspn(when, ","), when);
}

/* People of each day, the oldest first. */
static json_t *
bars(struct api *a, const struct timezone_info *tz, const int64_t *people,
     int days, int64_t most)
{
	json_t *list = json_array();
	int step = CHART_WIDTH / days;

	for (int i = 0; i < days; i++) {
		int64_t tall = people[i] * CHART_HEIGHT / most;
		int64_t us = clock_wall_us() - (days - 1 - i) * DAY_US;
		json_t *one = json_object();

		json_put_int(one, "x", (int64_t)i * step);
		json_put_int(one, "y", CHART_HEIGHT - tall);
		json_put_int(one, "w", step > 3 ? step - 2 : step);
		json_put_int(one, "h", tall);
		json_put_int(one, "people", people[i]);
		json_put_str(one, "day", day_text(a, tz, us));
		json_array_append_new(list, one);
	}
	return list;
}

static void
put_chart(struct api *a, json_t *data, const struct run *list, size_t n)
{
	struct timezone_info tz = page_zone(a);
	int days = spans[chosen(a)].days;
	int64_t people[DAYS_MAX] = { 0 };
	int64_t first = day_of(&tz, clock_wall_us()) - days + 1;
	int64_t all = 0, minutes = 0, most = 1;

	for (size_t i = 0; i < n; i++) {
		int64_t day = day_of(&tz, list[i].ended_us) - first;

		all += list[i].people;
		minutes += list[i].minutes;
		if (day < 0 || day >= days)
			continue;
		people[day] += list[i].people;
		most = people[day] > most ? people[day] : most;
	}
	json_put(data, "bars", bars(a, &tz, people, days, most));
	json_put_int(data, "most", most);
	json_put_str(data, "first",
		     day_text(a, &tz, clock_wall_us() - (days - 1) * DAY_US));
	json_put_str(data, "last", day_text(a, &tz, clock_wall_us()));
	json_put_bool(data, "any", n > 0);
	json_put_int(data, "runs", (int64_t)n);
	json_put_int(data, "people", all);
	json_put_int(data, "minutes", minutes);
}

/* --- the table --------------------------------------------------------- */

static json_t *
row(struct api *a, const struct run *r)
{
	struct timezone_info tz = page_zone(a);
	json_t *one = json_object();

	json_put_str(one, "title", r->confname);
	json_put_int(one, "number", r->meeting_number);
	json_put_str(one, "host", store_run_host(r, a->arena));
	json_put_str(one, "started", page_when(a, &tz, r->started_us));
	json_put_int(one, "duration", store_run_minutes(r));
	json_put_int(one, "people", r->people);
	json_put_int(one, "minutes", r->minutes);
	json_put_int(one, "peak", r->peak);
	return one;
}

static void
on_runs(struct api *a, const struct run *list, size_t n, int64_t total)
{
	json_t *data = json_object(), *rows = json_array();
	json_t *tabs = json_array();

	for (size_t i = 0; i < SPANS; i++)
		page_option(tabs, spans[i].value, spans[i].text,
			    spans[chosen(a)].value);
	for (size_t i = 0; i < n && i < ROWS_MAX; i++)
		json_array_append_new(rows, row(a, &list[i]));
	put_chart(a, data, list, n);
	json_put(data, "tabs", tabs);
	json_put(data, "rows", rows);
	json_put_str(data, "days", spans[chosen(a)].value);
	json_put_bool(data, "more", n > ROWS_MAX);
	page_show(a, "reports.html", "Usage", data);
}

static void
on_export(struct api *a, const struct run *list, size_t n, int64_t total)
{
	static const char *const columns[] = { "number",  "title",    "host",
					       "started", "duration", "people",
					       "minutes", "peak",     NULL };
	JSON_AUTO rows = json_array();
	STRBUF_AUTO text = { 0 };
	size_t len;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, row(a, &list[i]));
	csv_write(rows, columns, &text);
	len = text.len;
	a->form = &form_csv;
	api_answer(a, 200,
		   span_make(arena_span(a->arena, strbuf_span(&text)), len));
}
