/*
 * POST /v1/meetings/join: the way into a running meeting's room. It changes
 * nothing; whoever holds the token may enter, on either site.
 */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "site/gate.h"
#include "site/jointoken.h"
#include "site/jsonapi.h"
#include "site/site.h"
#include "site/store.h"

static void on_meeting(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static char letter_of(const struct api *a, const struct meeting *m);
static bool password_fits(const struct api *a, const struct meeting *m);
static const char *shown_name(const struct api *a);

void
jsonapi_meeting_join(struct api *a)
{
	struct store_meeting_by by = { 0 };
	const char *number = NULL, *text = NULL;
	struct err e = { 0 };

	if (jsonapi_text(a->body, "meetingId", 64, &by.id, &e) < 0 ||
	    jsonapi_text(a->body, "meetingNumber", 16, &number, &e) < 0 ||
	    jsonapi_text(a->body, "password", 64, &text, &e) < 0 ||
	    jsonapi_text(a->body, "displayName", 128, &text, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	if ((by.id == NULL) == (number == NULL)) {
		api_fail(a, FAULT_INVALID,
			 "give either meetingId or meetingNumber");
		return;
	}
	if (number != NULL && span_to_i64(span_of(number), &by.number) < 0) {
		api_fail(a, FAULT_INVALID, "meetingNumber must be digits only");
		return;
	}
	store_meeting_get(a, &by, on_meeting);
}

static void
on_meeting(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	int64_t expiry_s = clock_wall_us() / 1000000 + JOINTOKEN_S;
	struct jointoken t = { .company = a->company->name,
			       .participant = a->who->id,
			       .name = shown_name(a) };
	STRBUF_AUTO token = { 0 };
	char iso[CLOCK_ISO_SIZE];
	json_t *j;

	if (n == 0) {
		api_fail(a, FAULT_NO_MEETING, NULL);
		return;
	}
	t.meeting = list->number;
	t.host = strcmp(list->host_id, a->who->id) == 0;
	if (!t.host && !password_fits(a, list)) {
		api_fail(a, FAULT_DENIED, "the meeting's password is wrong");
		return;
	}
	jointoken_make(a->site->keys, &t, expiry_s, &token);
	j = json_object();
	json_put_str(j, t.host ? "startLink" : "joinLink",
		     arena_printf(a->arena, "%s/%s/m.php?AT=%s&MK=%lld",
				  a->site->conf->public_url, a->company->name,
				  t.host ? "HM" : "JM",
				  (long long)list->number));
	json_put_str(j, "roomPath",
		     arena_printf(a->arena, "/%s/ws/%c/%lld?t=%s",
				  a->company->name, letter_of(a, list),
				  (long long)list->number,
				  strbuf_text(&token)));
	json_put_str(j, "expiration", clock_iso(expiry_s * 1000000, iso));
	jsonapi_answer(a, j);
}

/* Of the site where it runs, or is to run now (docs/contracts.md 4). */
static char
letter_of(const struct api *a, const struct meeting *m)
{
	const char *runs = "";

	if (m->site != NULL && strcmp(m->state, "in_progress") == 0)
		runs = m->site[0] == 'P' ? "primary" : "backup";
	return gate_room_site(a->site->web_gate, runs)[0] == 'p' ? 'P' : 'B';
}

static bool
password_fits(const struct api *a, const struct meeting *m)
{
	const char *given = NULL;

	if (m->password == NULL || !m->enforce_password)
		return true;
	if (json_get_str(a->body, "password", &given, NULL) != 1)
		return false;
	return crypto_equal(span_of(given), span_of(m->password));
}

static const char *
shown_name(const struct api *a)
{
	const char *name = NULL;

	if (json_get_str(a->body, "displayName", &name, NULL) == 1 &&
	    name[0] != '\0')
		return name;
	if (a->who->display_name != NULL)
		return a->who->display_name;
	return arena_printf(a->arena, "%s %s", a->who->first_name,
			    a->who->last_name);
}
