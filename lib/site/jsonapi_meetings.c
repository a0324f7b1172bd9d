/* What reads meetings: one, and pages of them. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/made.h"
#include "site/recurrence.h"
#include "site/roomway.h"
#include "site/site.h"
#include "site/store.h"
#include "site/xmlvalue.h"

#define SECOND_US INT64_C(1000000)
#define READY_US (900 * SECOND_US) /* before its start */

static void on_one(struct api *a, const struct meeting *list, size_t n,
		   int64_t total);
static int read_filter(struct api *a, struct store_meeting_filter *f,
		       struct err *e);
static int read_more(struct api *a, struct store_meeting_filter *f,
		     struct err *e);
static int read_times(struct api *a, struct store_meeting_filter *f,
		      struct err *e);
static bool read_state(struct api *a, struct store_meeting_filter *f,
		       struct err *e);
static int read_cursor(struct api *a, struct store_meeting_filter *f,
		       struct err *e);
static void on_page(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);

void
jsonapi_meeting_get(struct api *a)
{
	struct store_meeting_by by = { .id = jsonapi_call(a)->id };

	store_meeting_get(a, &by, on_one);
}

static void
on_one(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_NO_MEETING, NULL);
	else if (strcmp(list[0].host_id, a->who->id) != 0 &&
		 !jsonapi_reads_all(a))
		api_fail(a, FAULT_DENIED, NULL);
	else
		jsonapi_answer(a,
			       jsonapi_meeting(a, &list[0], clock_wall_us()));
}

void
jsonapi_meeting_list(struct api *a)
{
	struct store_meeting_filter f = { 0 };
	struct store_page page;
	struct err e = { 0 };

	if (jsonapi_page(a, &page, &e) < 0 || read_filter(a, &f, &e) < 0 ||
	    read_more(a, &f, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	store_meeting_list(a, &f, &page, on_page);
}

/* A host sees his own meetings, a site admin all of the company. */
static int
read_filter(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	const char *number = NULL, *host = NULL;

	if (jsonapi_param(a, "meetingNumber", &number, e) < 0 ||
	    jsonapi_param(a, "hostEmail", &host, e) < 0)
		return -1;
	if (number != NULL &&
	    (span_to_i64(span_of(number), &f->number) < 0 || f->number <= 0))
		return err_set(e, ERR_INVALID,
			       "meetingNumber must be a number");
	if (jsonapi_reads_all(a))
		f->host_email = host;
	else
		f->host_id = a->who->id;
	if (read_times(a, f, e) < 0 || !read_state(a, f, e))
		return -1;
	return read_cursor(a, f, e);
}

/* A filter that nothing passes. */
static void
read_nothing(struct store_meeting_filter *f)
{
	f->state = "none";
}

/* The number in a link of ours: "...&MK=123". */
static void
read_link(const char *link, struct store_meeting_filter *f)
{
	const char *key = strstr(link, "MK=");
	struct span rest = span_of(key != NULL ? key + 3 : NULL);
	struct span number;

	if (!span_cut(&rest, '&', &number) ||
	    span_to_i64(number, &f->number) < 0 || f->number <= 0)
		read_nothing(f);
}

static int
read_more(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	static const char *const kinds[] = { "meetingSeries",
					     "scheduledMeeting", "meeting" };
	const char *link = NULL, *kind = NULL, *site = NULL, *current = NULL;
	bool only = false;
	size_t i = 0;

	if (jsonapi_param(a, "webLink", &link, e) < 0 ||
	    jsonapi_param(a, "meetingType", &kind, e) < 0 ||
	    jsonapi_param(a, "siteUrl", &site, e) < 0 ||
	    jsonapi_param(a, "participantEmail", &f->attendee_email, e) < 0 ||
	    jsonapi_param(a, "current", &current, e) < 0)
		return -1;
	if (current != NULL && xmlvalue_bool(current, "current", &only, e) < 0)
		return err_set(e, ERR_INVALID, "current must be true or false");
	if (only && f->ends_from == NULL)
		f->ends_from = jsonapi_stamp(a, clock_wall_us());
	if (link != NULL)
		read_link(link, f);
	while (kind != NULL && i < 3 && strcmp(kinds[i], kind) != 0)
		i++;
	if (i == 3)
		return err_set(e, ERR_INVALID,
			       "meetingType must be meetingSeries, "
			       "scheduledMeeting or meeting");
	/* all of ours are series, of this site */
	if (i > 0 || (site != NULL && !jsonapi_is_our_site(a, site)))
		read_nothing(f);
	return 0;
}

static int
read_times(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	const char *text = NULL;
	int64_t us;

	if (jsonapi_param(a, "from", &text, e) < 0)
		return -1;
	if (text != NULL) {
		if (jsonapi_instant("from", text, &us, e) < 0)
			return -1;
		f->from = jsonapi_stamp(a, us);
	}
	text = NULL;
	if (jsonapi_param(a, "to", &text, e) < 0)
		return -1;
	if (text == NULL)
		return 0;
	if (jsonapi_instant("to", text, &us, e) < 0)
		return -1;
	f->to = jsonapi_stamp(a, us);
	return 0;
}

/* The state that the API shows is the row's and the clock's. */
static bool
read_state(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	int64_t now = clock_wall_us();
	const char *state = NULL;

	if (jsonapi_param(a, "state", &state, e) < 0)
		return false;
	if (state == NULL)
		return true;
	f->state = "scheduled";
	if (strcmp(state, "inProgress") == 0) {
		f->state = "in_progress";
	} else if (strcmp(state, "ended") == 0) {
		f->state = "ended";
	} else if (strcmp(state, "scheduled") == 0) {
		f->starts_from = jsonapi_stamp(a, now + READY_US);
	} else if (strcmp(state, "ready") == 0) {
		f->starts_to = jsonapi_stamp(a, now + READY_US);
		f->ends_from = jsonapi_stamp(a, now);
	} else if (strcmp(state, "missed") == 0) {
		f->ends_to = jsonapi_stamp(a, now);
	} else if (strcmp(state, "lobby") == 0 ||
		   strcmp(state, "expired") == 0) {
		f->state = state; /* no row is in it */
	} else {
		err_set(e, ERR_INVALID,
			"state must be scheduled, ready, lobby, inProgress, "
			"ended, missed or expired");
		return false;
	}
	return true;
}

/* base64url of "START_US ID" of the last one seen. */
static int
read_cursor(struct api *a, struct store_meeting_filter *f, struct err *e)
{
	STRBUF_AUTO raw = { 0 };
	struct span rest, start;
	uint8_t id[16];
	int64_t us;
	int found = jsonapi_cursor(a, &raw, e);

	if (found != 1)
		return found;
	rest = strbuf_span(&raw);
	if (!span_cut(&rest, ' ', &start) || span_to_i64(start, &us) < 0 ||
	    crypto_uuid_parse(rest, id) < 0)
		return jsonapi_bad_cursor(e);
	f->after_start = jsonapi_stamp(a, us);
	f->after_id = arena_span(a->arena, rest);
	return 0;
}

static void
on_page(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	size_t max = (size_t)jsonapi_call(a)->max;
	int64_t now = clock_wall_us();
	json_t *items = json_array();
	const char *next = NULL;

	for (size_t i = 0; i < n && i < max; i++)
		json_array_append_new(items, jsonapi_meeting(a, &list[i], now));
	if (n > max)
		next = arena_printf(a->arena, "%lld %s",
				    (long long)list[max - 1].starts_us,
				    list[max - 1].id);
	jsonapi_items(a, items, next);
}

const char *
jsonapi_state(const struct meeting *m, int64_t now_us)
{
	int64_t end_us = m->starts_us + m->duration * 60 * SECOND_US;

	if (strcmp(m->state, "in_progress") == 0)
		return "inProgress";
	if (strcmp(m->state, "ended") == 0)
		return "ended";
	if (now_us >= end_us)
		return "missed";
	return now_us >= m->starts_us - READY_US ? "ready" : "scheduled";
}

/* "https://host:1/x" -> "host:1" */
static struct span
host_of(const char *url)
{
	const char *at = strstr(url, "://");
	struct span rest = span_of(at != NULL ? at + 3 : url);
	struct span host = rest;

	span_cut(&rest, '/', &host);
	return host;
}

static void
site_url(const struct api *a, struct strbuf *out)
{
	struct span host = host_of(a->site->conf->public_url);

	strbuf_addf(out, "%s.%.*s", a->company->name, SPAN_ARG(host));
}

bool
jsonapi_is_our_site(const struct api *a, const char *site)
{
	STRBUF_AUTO ours = { 0 };

	site_url(a, &ours);
	return span_iis(strbuf_span(&ours), site);
}

static void
put_host(const struct api *a, const struct meeting *m, json_t *j)
{
	char digits[MADE_HOST_KEY_SIZE];

	made_host_key(m, a->site->keys, digits);
	json_put_str(j, "hostUserId", m->host_id);
	json_put_str(j, "hostDisplayName",
		     m->host_display_name != NULL ? m->host_display_name
						  : m->host_webexid);
	json_put_str(j, "hostEmail", m->host_email);
	json_put_str(j, "hostKey", digits);
}

static json_t *
numbers_of(const struct company *c)
{
	JSON_AUTO all = c->numbers != NULL
			    ? json_read(span_of(c->numbers), NULL)
			    : NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *from = json_array_get(all, i);
		const char *label = "", *number = "";
		bool free = false;
		json_t *one = json_object();

		json_get_str(from, "label", &label, NULL);
		json_get_str(from, "number", &number, NULL);
		json_get_bool(from, "toll_free", &free, NULL);
		json_put_str(one, "label", label);
		json_put_str(one, "callInNumber", number);
		json_put_str(one, "tollType", free ? "tollFree" : "toll");
		json_array_append_new(list, one);
	}
	return list;
}

static void
put_links(const struct api *a, const struct meeting *m, json_t *j)
{
	struct span host = host_of(a->site->conf->public_url);
	const char *company = a->company->name;
	json_t *phone = json_object();
	STRBUF_AUTO text = { 0 };

	site_url(a, &text);
	json_put_str(j, "siteUrl", strbuf_text(&text));
	strbuf_reset(&text);
	strbuf_addf(&text, "%s/%s/m.php?AT=JM&MK=%lld",
		    a->site->conf->public_url, company, (long long)m->number);
	json_put_str(j, "webLink", strbuf_text(&text));
	strbuf_reset(&text);
	strbuf_addf(&text, "%lld@%s.%.*s", (long long)m->number, company,
		    SPAN_ARG(host));
	json_put_str(j, "sipAddress", strbuf_text(&text));
	json_put_str(phone, "accessCode", m->access_code);
	json_put(phone, "callInNumbers", numbers_of(a->company));
	json_put(phone, "links", json_array());
	json_put(j, "telephony", phone);
}

json_t *
jsonapi_meeting(const struct api *a, const struct meeting *m, int64_t now_us)
{
	json_t *j = json_object();
	char number[24], iso[CLOCK_ISO_SIZE];
	struct timezone_info tz = timezone_of(m->timezone_id, m->timezone);
	STRBUF_AUTO rule = { 0 };
	JSON_AUTO recurrence = NULL;

	snprintf(number, sizeof(number), "%lld", (long long)m->number);
	json_put_str(j, "id", m->id);
	json_put_str(j, "meetingNumber", number);
	json_put_str(j, "title", m->confname);
	json_put_str(j, "agenda", m->agenda != NULL ? m->agenda : "");
	json_put_str(j, "password", m->password != NULL ? m->password : "");
	json_put_str(j, "meetingType", "meetingSeries");
	json_put_str(j, "state", jsonapi_state(m, now_us));
	json_put_str(j, "timezone", m->timezone != NULL ? m->timezone : "UTC");
	json_put_str(j, "start", clock_iso(m->starts_us, iso));
	json_put_str(
	    j, "end",
	    clock_iso(m->starts_us + m->duration * 60 * SECOND_US, iso));
	if (m->recurrence != NULL)
		recurrence = json_read(span_of(m->recurrence), NULL);
	recurrence_write(recurrence, &tz, &rule);
	if (rule.len > 0)
		json_put_str(j, "recurrence", strbuf_text(&rule));
	put_host(a, m, j);
	put_links(a, m, j);
	json_put_bool(j, "enabledJoinBeforeHost", m->join_before_host);
	json_put_str(j, "unlockedMeetingJoinSecurity",
		     roomway_has_lobby(m) ? "allowJoinWithLobby" : "allowJoin");
	json_put_int(j, "joinBeforeHostMinutes", m->open_time / 60);
	json_put_bool(j, "publicMeeting",
		      strcmp(m->list_status, "PUBLIC") == 0);
	return j;
}
