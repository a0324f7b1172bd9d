/*
 * Attendee operations of the XML API. A host works on the attendees of his
 * own meetings, a site administrator on all; whoever reads everything may
 * list them. To register for a meeting that takes registrations every
 * account of the company is enough.
 */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "site/store_attendee.h"
#include "site/xmlapi_attendees.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

static void run_create(struct api *a);
static void run_register(struct api *a);
static void on_meeting(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static bool is_open(const struct meeting *m);
static json_t *read_all(const struct api *a, bool registers, struct err *e);
static void render_created(struct api *a, const struct attendee *list, size_t n,
			   struct write_answer *out);
static void run_list(struct api *a);
static void on_to_list(struct api *a, const struct meeting *list, size_t n,
		       int64_t total);
static void on_listed(struct api *a, const struct attendee *list, size_t n,
		      int64_t total);
static void write_item(const struct attendee *t, struct strbuf *out);
static void run_delete(struct api *a);
static void render_deleted(struct api *a, int64_t n, struct write_answer *out);

const struct xmlapi_op xmlapi_attendee_ops[] = {
	{ "CreateMeetingAttendee", "attendee", "att",
	  "createMeetingAttendeeResponse", XMLAPI_NEEDS_ACCOUNT, run_create },
	{ "RegisterMeetingAttendee", "attendee", "att",
	  "registerMeetingAttendeeResponse", XMLAPI_NEEDS_ACCOUNT,
	  run_register },
	{ "LstMeetingAttendee", "attendee", "att", "lstMeetingAttendeeResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_list },
	{ "DelMeetingAttendee", "attendee", "att", "delMeetingAttendeeResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_delete },
	{ 0 },
};

static bool
registers(const struct api *a)
{
	return xmlapi_call(a)->op->run == run_register;
}

/* All are of one meeting: the first key that is named. */
static void
find_meeting(struct api *a)
{
	const struct xml_node *n = xml_child(xmlapi_body(a), "attendees");
	struct store_meeting_by by = { 0 };
	const char *key = NULL;

	for (; key == NULL && n != NULL; n = xml_next(n, "attendees")) {
		key = xml_child_text(n, "meetingKey");
		if (key == NULL)
			key = xml_child_text(n, "sessionKey");
	}
	if (xmlapi_text(a, "meetingKey") != NULL ||
	    xmlapi_text(a, "sessionKey") != NULL || key == NULL)
		xmlapi_meeting_find(a, on_meeting);
	else if (span_to_i64(span_of(key), &by.number) < 0 || by.number <= 0)
		api_fail(a, FAULT_INVALID,
			 "validation: meetingKey \"%.40s\" is not a number",
			 key);
	else
		store_meeting_get(a, &by, on_meeting);
}

static void
run_create(struct api *a)
{
	find_meeting(a);
}

static void
run_register(struct api *a)
{
	find_meeting(a);
}

static void
on_meeting(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	struct store_meeting_by to = { .id = XMLAPI_NO_MEETING };
	bool all = xmlapi_is_admin(a) ||
		   (n > 0 && registers(a) && is_open(list));
	struct err e = { 0 };
	json_t *guests = read_all(a, registers(a), &e);

	if (guests == NULL) {
		xmlapi_invalid(a, &e);
		return;
	}
	/* not there: by the write, so that the journal comes first */
	if (n > 0)
		to.id = list->id;
	if (!all)
		to.host_id = a->who->id;
	store_attendee_create(a, &to, guests, render_created);
}

static bool
is_open(const struct meeting *m)
{
	JSON_AUTO options = json_read(span_of(m->attendee_options), NULL);

	return json_is_true(json_object_get(options, "registration"));
}

static bool
add(json_t *all, json_t *one, bool is_registered, struct err *e)
{
	if (one == NULL)
		return false;
	if (is_registered)
		json_put_str(one, "joinStatus", "REGISTER");
	assert(json_array_append_new(all, one) == 0);
	if (json_array_size(all) <= XMLAPI_ATTENDEES_MAX)
		return true;
	err_set(e, ERR_INVALID, "validation: more than %d attendees",
		XMLAPI_ATTENDEES_MAX);
	return false;
}

/* The one of the body itself, then <attendees>... */
static json_t *
read_all(const struct api *a, bool registered, struct err *e)
{
	const struct xml_node *body = xmlapi_body(a);
	const struct xml_node *n = xml_child(body, "attendees");
	json_t *all = json_array();
	bool good = true;

	if (xml_child(body, "person") != NULL || n == NULL)
		good = add(all, xmlapi_attendee_read(body, e), registered, e);
	for (; good && n != NULL; n = xml_next(n, "attendees"))
		good = add(all, xmlapi_attendee_read(n, e), registered, e);
	if (good)
		return all;
	json_decref(all);
	return NULL;
}

/* Two who are one address were one. */
static void
render_created(struct api *a, const struct attendee *list, size_t n,
	       struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	for (size_t i = 0; i < n && !registers(a); i++)
		xml_leaf_int(&sb, "att:attendeeId", list[i].number);
	for (size_t i = 0; i < n; i++) {
		xml_open(&sb, "att:register");
		xml_leaf_int(&sb, "att:attendeeID", list[i].number);
		xml_leaf_int(&sb, "att:registerID", list[i].number);
		xml_close(&sb, "att:register");
	}
	out->content = xmlapi_content(a, &sb);
}

static void
run_list(struct api *a)
{
	xmlapi_meeting_find(a, on_to_list);
}

static void
on_to_list(struct api *a, const struct meeting *list, size_t n, int64_t total)
{
	static const char *const orders[] = { "ATTENDEEID",
					      "number",
					      "ATTENDEETYPE",
					      "type",
					      "ATTENDEENAME",
					      "name",
					      "JOINSTATUS",
					      "status",
					      "EMAIL",
					      "email",
					      NULL };
	static const char *const words[] = { "REGISTER", "INVITE", "REJECT",
					     "ACCEPT", NULL };
	const char *status = xmlapi_text(a, "joinStatus");
	struct store_attendee_filter f = { 0 };
	struct xmlapi_call *call = xmlapi_call(a);
	struct err e;

	if (!xmlapi_meeting_shows(a, list, n))
		return;
	f.meeting_id = list->id;
	if (xmlvalue_word(status, "joinStatus", words, &f.join_status, &e) <
		0 ||
	    xmlapi_page_read(a, orders, &call->page, &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	store_attendee_list(a, &f, &call->page, on_listed);
}

static void
on_listed(struct api *a, const struct attendee *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	xmlapi_records(a, total, n, &sb);
	for (size_t i = 0; i < n; i++) {
		xml_open(&sb, "att:attendee");
		write_item(&list[i], &sb);
		xml_close(&sb, "att:attendee");
	}
	xmlapi_answer(a, &sb);
}

static void
put_text(json_t *one, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_put_str(one, name, text);
}

static void
put_object(json_t *one, const char *name, const char *text)
{
	json_t *object = json_read(span_of(text), NULL);

	if (object != NULL)
		json_put(one, name, object);
}

static void
write_item(const struct attendee *t, struct strbuf *out)
{
	static const struct {
		const char *name, *status;
	} statuses[] = { { "att:invited", "INVITE" },
			 { "att:registered", "REGISTER" },
			 { "att:rejected", "REJECT" },
			 { "att:accepted", "ACCEPT" } };
	JSON_AUTO one = json_read(span_of(t->extra), NULL);

	put_text(one, "name", t->name);
	put_text(one, "firstName", t->first_name);
	put_text(one, "lastName", t->last_name);
	json_put_str(one, "email", t->email);
	json_put_str(one, "type", t->type);
	json_put_str(one, "role", t->role);
	json_put_str(one, "joinStatus", t->join_status);
	put_object(one, "phones", t->phones);
	put_object(one, "address", t->address);
	json_put_int(one, "meetingKey", t->meeting_number);
	json_put_int(one, "sessionKey", t->meeting_number);
	xmlapi_attendee_write(one, out);
	xml_leaf_int(out, "att:attendeeId", t->number);
	xml_leaf_int(out, "att:confID", t->meeting_number);
	xml_open(out, "att:status");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		xml_leaf(out, statuses[i].name,
			 strcmp(statuses[i].status, t->join_status) == 0
			     ? "true"
			     : "false");
	xml_close(out, "att:status");
	xml_leaf_int(out, "att:registerID", t->number);
}

/* {"number"} of an element, or -1 with e set */
static int
add_number(json_t *who, const struct xml_node *n, const char *name,
	   struct err *e)
{
	const struct xmlvalue_range range = { 1, INT64_MAX };
	json_t *one = json_object();
	int64_t number = 0;

	if (xmlvalue_int(n->text, name, range, &number, e) < 0) {
		json_decref(one);
		return -1;
	}
	json_put_int(one, "number", number);
	assert(json_array_append_new(who, one) == 0);
	return 0;
}

static int
add_email(json_t *who, const struct xml_node *n, struct err *e)
{
	const struct xmlvalue_range range = { 1, INT64_MAX };
	const char *email = xml_child_text(n, "email");
	const char *key = xml_child_text(n, "sessionKey");
	json_t *one;
	int64_t number = 0;

	if (email == NULL || key == NULL)
		return err_set(e, ERR_INVALID,
			       "validation: attendeeEmail needs email and "
			       "sessionKey");
	if (xmlvalue_int(key, "sessionKey", range, &number, e) < 0)
		return -1;
	one = json_object();
	json_put_str(one, "email", email);
	json_put_int(one, "meeting", number);
	assert(json_array_append_new(who, one) == 0);
	return 0;
}

static void
run_delete(struct api *a)
{
	const struct xml_node *body = xmlapi_body(a), *n;
	json_t *who = json_array();
	struct err e = { 0 };

	for (n = xml_child(body, "attendeeID"); n != NULL;
	     n = xml_next(n, "attendeeID"))
		if (n->text[0] != '\0' &&
		    add_number(who, n, "attendeeID", &e) < 0)
			goto fail;
	for (n = xml_child(body, "attendeeEmail"); n != NULL;
	     n = xml_next(n, "attendeeEmail"))
		if (add_email(who, n, &e) < 0)
			goto fail;
	if (json_array_size(who) == 0 ||
	    json_array_size(who) > XMLAPI_ATTENDEES_MAX) {
		err_set(&e, ERR_INVALID,
			"validation: name 1 to %d attendees by attendeeID or "
			"attendeeEmail",
			XMLAPI_ATTENDEES_MAX);
		goto fail;
	}
	store_attendee_delete(a, xmlapi_is_admin(a) ? NULL : a->who->id, who,
			      render_deleted);
	return;
fail:
	json_decref(who);
	xmlapi_invalid(a, &e);
}

static void
render_deleted(struct api *a, int64_t n, struct write_answer *out)
{
	const struct strbuf nothing = { 0 };

	out->content = xmlapi_content(a, &nothing);
}
