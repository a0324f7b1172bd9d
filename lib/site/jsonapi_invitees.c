/*
 * /v1/meetingInvitees: the attendees of meetings. A host works on those of
 * his own meetings, a site administrator on all. A co-host has the role HOST,
 * a panelist the type PANELIST of the XML API.
 */
#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "io/httpd.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/store_attendee.h"
#include "site/xmlvalue.h"

static void on_listed(struct api *a, const struct attendee *list, size_t n,
		      int64_t total);
static void on_one(struct api *a, const struct attendee *list, size_t n,
		   int64_t total);
static void render(struct api *a, const struct attendee *list, size_t n,
		   struct write_answer *out);
static void render_deleted(struct api *a, int64_t n, struct write_answer *out);

static const char *
only_host(const struct api *a)
{
	return a->who->site_admin ? NULL : a->who->id;
}

void
jsonapi_invitee_list(struct api *a)
{
	struct store_attendee_filter f = { .host_id = only_host(a) };
	struct store_page page;
	struct err e = { 0 };

	if (a->who->ro_site_admin)
		f.host_id = NULL;
	if (jsonapi_page(a, &page, &e) < 0 ||
	    jsonapi_param(a, "meetingId", &f.meeting_id, &e) < 0 ||
	    jsonapi_cursor_id(a, &f.after_id, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	if (f.meeting_id == NULL)
		api_fail(a, FAULT_INVALID, "meetingId is missing");
	else
		store_attendee_list(a, &f, &page, on_listed);
}

static json_t *
invitee(const struct attendee *t)
{
	json_t *j = json_object();

	json_put_str(j, "id", t->id);
	json_put_str(j, "email", t->email);
	json_put_str(j, "displayName", t->name);
	json_put_bool(j, "coHost", strcmp(t->role, "HOST") == 0);
	json_put_str(j, "meetingId", t->meeting_id);
	json_put_bool(j, "panelist", strcmp(t->type, "PANELIST") == 0);
	return j;
}

static void
on_listed(struct api *a, const struct attendee *list, size_t n, int64_t total)
{
	size_t max = (size_t)jsonapi_call(a)->max;
	json_t *items = json_array();

	for (size_t i = 0; i < n && i < max; i++)
		json_array_append_new(items, invitee(&list[i]));
	jsonapi_items(a, items, n > max ? list[max - 1].id : NULL);
}

void
jsonapi_invitee_get(struct api *a)
{
	struct store_attendee_filter f = { .id = jsonapi_call(a)->id,
					   .host_id = only_host(a) };
	const struct store_page page = { .max = 1 };

	if (a->who->ro_site_admin)
		f.host_id = NULL;
	store_attendee_list(a, &f, &page, on_one);
}

static void
on_one(struct api *a, const struct attendee *list, size_t n, int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_NO_RECORD, NULL);
	else
		jsonapi_answer(a, invitee(list));
}

static int
put_choice(const json_t *body, const char *member, json_t *one,
	   const char *const to[3], struct err *e)
{
	bool yes;
	int found = json_get_bool(body, member, &yes, e);

	if (found == 1)
		json_put_str(one, to[0], to[yes ? 1 : 2]);
	return found;
}

json_t *
jsonapi_invitee_read(const json_t *body, bool whole, struct err *e)
{
	static const char *const roles[] = { "role", "HOST", "ATTENDEE" };
	static const char *const types[] = { "type", "PANELIST", "VISITOR" };
	const char *email = NULL, *name = NULL;
	json_t *one = json_object();

	if (jsonapi_text(body, "email", 192, &email, e) < 0 ||
	    jsonapi_text(body, "displayName", 128, &name, e) < 0 ||
	    put_choice(body, "coHost", one, roles, e) < 0 ||
	    put_choice(body, "panelist", one, types, e) < 0)
		goto fail;
	if (whole && email == NULL) {
		err_set(e, ERR_INVALID, "email is missing");
		goto fail;
	}
	if (email != NULL && xmlvalue_email(email, "email", 192, e) < 0)
		goto fail;
	if (email != NULL)
		json_put_str(one, "email", email);
	if (name != NULL)
		json_put_str(one, "name", name);
	return one;
fail:
	json_decref(one);
	return NULL;
}

void
jsonapi_invitee_create(struct api *a)
{
	struct store_meeting_by to = { .host_id = only_host(a) };
	struct err e = { 0 };
	json_t *list, *one;

	if (json_need_str(a->body, "meetingId", &to.id, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	one = jsonapi_invitee_read(a->body, true, &e);
	if (one == NULL) {
		jsonapi_invalid(a, &e);
		return;
	}
	list = json_array();
	assert(json_array_append_new(list, one) == 0);
	store_attendee_create(a, &to, list, render);
}

/* Who is invited stays: another address is another invitee. */
void
jsonapi_invitee_update(struct api *a)
{
	struct store_attendee_filter f = { .id = jsonapi_call(a)->id,
					   .host_id = only_host(a) };
	struct err e = { 0 };
	json_t *fields = jsonapi_invitee_read(a->body, false, &e);

	if (fields == NULL) {
		jsonapi_invalid(a, &e);
		return;
	}
	json_object_del(fields, "email");
	store_attendee_update(a, &f, fields, render);
}

static void
render(struct api *a, const struct attendee *list, size_t n,
       struct write_answer *out)
{
	out->content = form_json_text(a, invitee(list));
}

void
jsonapi_invitee_delete(struct api *a)
{
	json_t *who = json_array();
	json_t *one = json_object();
	uint8_t raw[16];

	if (crypto_uuid_parse(span_of(jsonapi_call(a)->id), raw) == 0) {
		json_put_str(one, "id", jsonapi_call(a)->id);
		json_array_append(who, one);
	}
	json_decref(one);
	store_attendee_delete(a, only_host(a), who, render_deleted);
}

static void
render_deleted(struct api *a, int64_t n, struct write_answer *out)
{
	out->status = 204;
}
