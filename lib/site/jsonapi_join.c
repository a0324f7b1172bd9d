/*
 * POST /v1/meetings/join: the way into a meeting's room, for an account or,
 * by the meeting's guestToken, for a guest without one. It changes nothing;
 * whoever holds the path may enter, on either site.
 */
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/auth.h"
#include "site/jointoken.h"
#include "site/jsonapi.h"
#include "site/roomway.h"
#include "site/site.h"
#include "site/store.h"

static void on_account(struct api *a);
static void on_company(struct api *a);
static bool read_target(struct api *a, struct store_meeting_by *by);
static void on_meeting(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static const char *text_of(const struct api *a, const char *key);
static const char *shown_name(const struct api *a);

/* Open: who has no account has the guestToken. */
void
jsonapi_meeting_join(struct api *a)
{
	struct auth_credentials c = { 0 };
	struct err e = { 0 };

	if (httpd_field(a->http, "Authorization").at != NULL ||
	    json_object_get(a->body, "guestToken") == NULL) {
		auth_http(a, on_account);
		return;
	}
	if (json_need_str(a->body, "siteName", &c.site_name, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	auth_company(a, &c, on_company);
}

static void
on_account(struct api *a)
{
	struct store_meeting_by by = { 0 };

	if (read_target(a, &by))
		store_meeting_get(a, &by, on_meeting);
}

static void
on_company(struct api *a)
{
	struct store_meeting_by by = { 0 };
	const char *name = NULL;
	struct err e = { 0 };

	if (!read_target(a, &by))
		return;
	if (json_need_str(a->body, "displayName", &name, &e) < 0)
		jsonapi_invalid(a, &e);
	else if (span_trim(span_of(name)).len == 0)
		api_fail(a, FAULT_INVALID, "displayName must not be empty");
	else
		store_meeting_get(a, &by, on_meeting);
}

static bool
read_target(struct api *a, struct store_meeting_by *by)
{
	const char *number = NULL, *text = NULL;
	struct err e = { 0 };

	if (jsonapi_text(a->body, "meetingId", 64, &by->id, &e) < 0 ||
	    jsonapi_text(a->body, "meetingNumber", 16, &number, &e) < 0 ||
	    jsonapi_text(a->body, "password", 64, &text, &e) < 0 ||
	    jsonapi_text(a->body, "guestToken", 128, &text, &e) < 0 ||
	    jsonapi_text(a->body, "displayName", 128, &text, &e) < 0) {
		jsonapi_invalid(a, &e);
		return false;
	}
	if ((by->id == NULL) == (number == NULL)) {
		api_fail(a, FAULT_INVALID,
			 "give either meetingId or meetingNumber");
		return false;
	}
	if (number != NULL && span_to_i64(span_of(number), &by->number) < 0) {
		api_fail(a, FAULT_INVALID, "meetingNumber must be digits only");
		return false;
	}
	return true;
}

static void
answer(struct api *a, const struct meeting *m)
{
	int64_t expiry_s = clock_wall_us() / 1000000 + JOINTOKEN_S;
	const struct roomway_who who = {
		.id = a->who != NULL ? a->who->id : NULL,
		.name = shown_name(a),
		.host = a->who != NULL && strcmp(m->host_id, a->who->id) == 0,
	};
	STRBUF_AUTO path = { 0 };
	char iso[CLOCK_ISO_SIZE];
	json_t *j = json_object();

	roomway_path(a, m, &who, expiry_s, &path);
	json_put_str(j, who.host ? "startLink" : "joinLink",
		     arena_printf(a->arena, "%s/%s/m.php?AT=%s&MK=%lld",
				  a->site->conf->public_url, a->company->name,
				  who.host ? "HM" : "JM",
				  (long long)m->number));
	json_put_str(j, "roomPath", strbuf_text(&path));
	json_put_str(j, "expiration", clock_iso(expiry_s * 1000000, iso));
	jsonapi_answer(a, j);
}

/* To a guest a meeting that is not there is one whose token is wrong. */
static void
on_meeting(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	if (a->who == NULL) {
		if (n > 0 &&
		    roomway_guest_fits(a, list, text_of(a, "guestToken")))
			answer(a, list);
		else
			api_fail(a, FAULT_DENIED,
				 "the guestToken is not this meeting's");
	} else if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
	} else if (strcmp(list->host_id, a->who->id) == 0) {
		answer(a, list);
	} else {
		roomway_password(a, list, text_of(a, "password"), answer);
	}
}

static const char *
text_of(const struct api *a, const char *key)
{
	const char *text = NULL;

	(void)json_get_str(a->body, key, &text, NULL);
	return text;
}

static const char *
shown_name(const struct api *a)
{
	const char *name = text_of(a, "displayName");

	if (name != NULL && name[0] != '\0')
		return name;
	if (a->who->display_name != NULL)
		return a->who->display_name;
	return arena_printf(a->arena, "%s %s", a->who->first_name,
			    a->who->last_name);
}
