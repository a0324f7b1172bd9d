/*
 * The way into a meeting: its number, a name and the password, then the room.
 * Who may enter gets a token (jointoken.h) in a cookie, or has it as the
 * host; the room's page asks here for the path again when it was cut off.
 */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "site/form.h"
#include "site/jointoken.h"
#include "site/page_meeting.h"
#include "site/page_view.h"
#include "site/roomway.h"
#include "site/site.h"

static void ask_number(struct api *a);
static void ask_name(struct api *a);
static void on_asked(struct api *a, const struct meeting *list, size_t n,
		     int64_t total);
static void join(struct api *a);
static void on_join(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);
static void let_in(struct api *a, const struct meeting *m);
static void show_room(struct api *a);
static void on_room(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);
static void tell_path(struct api *a);
static void on_path(struct api *a, const struct meeting *list, size_t n,
		    int64_t total);

const struct page_route page_room_routes[] = {
	{ "GET", "join", PAGE_ANYBODY, ask_number },
	{ "GET", "join/:", PAGE_ANYBODY, ask_name },
	{ "POST", "join/:", PAGE_ANYBODY, join },
	{ "GET", "room/:", PAGE_ANYBODY, show_room },
	{ "GET", "room/:/path", PAGE_ANYBODY, tell_path },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

/* "123 456-789" is a number as well. */
static void
ask_number(struct api *a)
{
	const char *text = page_param(a, "number");
	json_t *data = json_object();
	STRBUF_AUTO digits = { 0 };

	json_put_str(data, "number", text);
	for (const char *p = text; p != NULL && *p != '\0'; p++)
		if (*p >= '0' && *p <= '9')
			strbuf_addc(&digits, *p);
	if (digits.len > 0 && digits.len < 19) {
		json_decref(data);
		page_go(a, "join/%s", strbuf_text(&digits));
		return;
	}
	if (text != NULL)
		json_put_str(data, "error",
			     "A meeting number has 9 or 10 "
			     "digits");
	page_show(a, "join.html", "Join a meeting", data);
}

static bool
is_host(const struct api *a, const struct meeting *m)
{
	return a->who != NULL && strcmp(a->who->id, m->host_id) == 0;
}

/* --- joining ----------------------------------------------------------- */

static void
ask_name(struct api *a)
{
	page_meeting_find(a, on_asked);
}

static json_t *
join_form(struct api *a, const struct meeting *m)
{
	struct timezone_info tz = timezone_of(m->timezone_id, m->timezone);
	json_t *data = json_object();

	json_put_str(data, "heading", m->confname);
	json_put_int(data, "number", m->number);
	json_put_str(data, "when", page_when(a, &tz, m->starts_us));
	json_put_str(data, "zone", page_zone_text(a, &tz, m->starts_us));
	json_put_bool(data, "running", page_meeting_is_running(m));
	json_put_bool(data, "locked", roomway_is_locked(m));
	return data;
}

static const char *
cookie_name(const struct api *a, int64_t number)
{
	return arena_printf(a->arena, "gsb-join-%lld", (long long)number);
}

/* The token of the meeting that he has in a cookie; NULL: none that is good.
 */
static const char *
known_token(struct api *a, const struct meeting *m, struct jointoken *known)
{
	const char *token = page_cookie(a, cookie_name(a, m->number));
	struct err e = { 0 };

	if (token == NULL ||
	    jointoken_read(a->site->keys, span_of(token),
			   clock_wall_us() / 1000000, a->arena, known,
			   &e) < 0 ||
	    known->meeting != m->number ||
	    strcmp(known->company, a->company->name) != 0)
		return NULL;
	return token;
}

/* As he came before, else as his account is called. */
static const char *
known_name(struct api *a, const struct meeting *m)
{
	struct jointoken known;

	if (known_token(a, m, &known) != NULL)
		return known.name;
	return a->who != NULL ? page_view_name(a) : "";
}

static void
on_asked(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	const char *name = page_param(a, "name");
	json_t *data;

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	if (is_host(a, list)) {
		page_go(a, "room/%lld", (long long)list->number);
		return;
	}
	data = join_form(a, list);
	json_put_str(data, "name", name != NULL ? name : known_name(a, list));
	json_put_str(data, "password", page_param(a, "password"));
	page_show(a, "join_meeting.html", "Join a meeting", data);
}

static void
join(struct api *a)
{
	page_meeting_find(a, on_join);
}

static bool
is_name(const char *name)
{
	size_t n = 0;

	for (const char *p = name; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ')
			return false;
		n += ((unsigned char)*p & 0xc0) != 0x80;
	}
	return n > 0 && n <= 64;
}

static void
on_join(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	const char *name = page_text(a, "name");
	json_t *data;

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	data = join_form(a, list);
	json_put_str(data, "name", name);
	page_again(a, "join_meeting.html", "Join a meeting", data);
	if (!is_name(name)) {
		api_fail(a, FAULT_INVALID,
			 "A name has 1 to 64 characters, in one line");
		return;
	}
	if (is_host(a, list))
		let_in(a, list);
	else
		roomway_password(a, list, page_text(a, "password"), let_in);
}

static void
let_in(struct api *a, const struct meeting *m)
{
	struct roomway_who who = { .name = page_text(a, "name"),
				   .host = is_host(a, m) };
	int64_t now_s = clock_wall_us() / 1000000;
	STRBUF_AUTO token = { 0 };

	who.id = a->who != NULL ? a->who->id : NULL;
	roomway_token(a, m, &who, now_s + JOINTOKEN_S, &token);
	page_set_cookie(a, cookie_name(a, m->number), strbuf_text(&token),
			JOINTOKEN_S);
	page_go(a, "room/%lld", (long long)m->number);
}

/* --- the room ---------------------------------------------------------- */

/* The path with a token; NULL: he has to join first. */
static const char *
room_path(struct api *a, const struct meeting *m)
{
	struct roomway_who who = { .host = true };
	int64_t now_s = clock_wall_us() / 1000000;
	const char *token;
	struct jointoken known;
	STRBUF_AUTO made = { 0 };

	if (is_host(a, m)) {
		who.id = a->who->id;
		who.name = page_view_name(a);
		roomway_token(a, m, &who, now_s + JOINTOKEN_S, &made);
		token = arena_span(a->arena, strbuf_span(&made));
	} else {
		token = known_token(a, m, &known);
		if (token == NULL)
			return NULL;
	}
	return arena_printf(a->arena, "/%s/ws/%c/%lld?t=%s", a->company->name,
			    roomway_letter(a, m), (long long)m->number, token);
}

static void
show_room(struct api *a)
{
	page_meeting_find(a, on_room);
}

static void
on_room(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	const char *path;
	json_t *data;

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	path = room_path(a, list);
	if (path == NULL) {
		page_go(a, "join/%lld", (long long)list->number);
		return;
	}
	data = json_object();
	json_put_str(data, "name", list->confname);
	json_put_int(data, "number", list->number);
	json_put_str(data, "accessCode", list->access_code);
	json_put_str(data, "path", path);
	page_show(a, "room.html", list->confname, data);
}

/* For the page in the browser: JSON, failures as well. */
static void
tell_path(struct api *a)
{
	a->form = &form_json;
	page_meeting_find(a, on_path);
}

static void
on_path(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	const char *path = n > 0 ? room_path(a, list) : NULL;
	json_t *doc;

	if (path == NULL) {
		api_fail(a, n > 0 ? FAULT_DENIED : FAULT_NO_MEETING, NULL);
		return;
	}
	doc = json_object();
	json_put_str(doc, "roomPath", path);
	api_answer(a, 200, form_json_text(a, doc));
}
