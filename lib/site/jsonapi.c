#include "site/jsonapi.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/auth.h"
#include "site/files_api.h"
#include "site/form.h"

struct route {
	const char *method;
	const char *path[3]; /* behind /v1; "*" is the id; up to a NULL */
	bool open;           /* without a token */
	jsonapi_fn *run;
};

static const struct route routes[] = {
	{ "POST", { "access_token" }, true, jsonapi_token },
	{ "GET", { "people", "me" }, false, jsonapi_me },
	{ "GET", { "people" }, false, jsonapi_people_list },
	{ "POST", { "people" }, false, jsonapi_person_create },
	{ "GET", { "people", "*" }, false, jsonapi_person_get },
	{ "PUT", { "people", "*" }, false, jsonapi_person_update },
	{ "DELETE", { "people", "*" }, false, jsonapi_person_delete },
	{ "GET", { "meetingInvitees" }, false, jsonapi_invitee_list },
	{ "POST", { "meetingInvitees" }, false, jsonapi_invitee_create },
	{ "GET", { "meetingInvitees", "*" }, false, jsonapi_invitee_get },
	{ "PUT", { "meetingInvitees", "*" }, false, jsonapi_invitee_update },
	{ "DELETE", { "meetingInvitees", "*" }, false, jsonapi_invitee_delete },
	{ "GET", { "meetingReports", "usage" }, false, jsonapi_report_usage },
	{ "GET",
	  { "meetingReports", "attendees" },
	  false,
	  jsonapi_report_attendees },
	{ "GET", { "meetings" }, false, jsonapi_meeting_list },
	{ "POST", { "meetings" }, false, jsonapi_meeting_create },
	{ "POST", { "meetings", "join" }, true, jsonapi_meeting_join },
	{ "GET", { "meetings", "*" }, false, jsonapi_meeting_get },
	{ "PUT", { "meetings", "*" }, false, jsonapi_meeting_update },
	{ "PATCH", { "meetings", "*" }, false, jsonapi_meeting_update },
	{ "DELETE", { "meetings", "*" }, false, jsonapi_meeting_delete },
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct route *find(const struct url_path *path, struct span method,
				bool *known);
static int read_body(struct api *a);
static void on_known(struct api *a);

void
jsonapi_handle(struct api *a, const struct url_path *path)
{
	struct jsonapi_call *call = arena_make(a->arena, struct jsonapi_call);
	bool known = false;
	const struct route *r = find(path, httpd_method(a->http), &known);

	if (r == NULL && files_api_handle(a, path))
		return;
	a->data = call;
	if (r == NULL) {
		api_fail(a, known ? FAULT_METHOD : FAULT_NO_PAGE, NULL);
		return;
	}
	call->run = r->run;
	if (path->n == 3)
		call->id = arena_span(a->arena, path->seg[2]);
	if (read_body(a) < 0)
		return;
	if (r->open)
		call->run(a);
	else
		auth_http(a, on_known);
}

static bool
matches(const struct route *r, const struct url_path *path)
{
	unsigned i;

	for (i = 0; i < 3 && r->path[i] != NULL; i++) {
		if (i + 1 >= path->n)
			return false;
		if (strcmp(r->path[i], "*") != 0 &&
		    !url_path_is(path, i + 1, r->path[i]))
			return false;
	}
	return path->n == i + 1;
}

static bool
has_id(const struct route *r)
{
	return r->path[1] != NULL && strcmp(r->path[1], "*") == 0;
}

/* HEAD is answered as GET; httpd leaves the body away. */
static const struct route *
find(const struct url_path *path, struct span method, bool *known)
{
	bool head = span_is(method, "HEAD");
	bool exact = false; /* "me" is no id */

	for (size_t i = 0; i < ROUTES; i++) {
		if (!matches(&routes[i], path) || (exact && has_id(&routes[i])))
			continue;
		*known = true;
		exact = !has_id(&routes[i]);
		if (span_is(method, routes[i].method) ||
		    (head && strcmp(routes[i].method, "GET") == 0))
			return &routes[i];
	}
	return NULL;
}

/* POST, PUT and PATCH come with an object. -1: it has been answered. */
static int
read_body(struct api *a)
{
	struct span method = httpd_method(a->http);
	struct span rest = httpd_field(a->http, "Content-Type");
	struct span type = { 0 };
	struct err e = { 0 };

	if (!span_is(method, "POST") && !span_is(method, "PUT") &&
	    !span_is(method, "PATCH"))
		return 0;
	span_cut(&rest, ';', &type);
	if (!span_iis(span_trim(type), "application/json")) {
		api_fail(a, FAULT_MEDIA_TYPE, NULL);
		return -1;
	}
	a->body = json_read(httpd_body(a->http), &e);
	if (a->body == NULL) {
		jsonapi_invalid(a, &e);
		return -1;
	}
	if (!json_is_object(a->body)) {
		api_fail(a, FAULT_INVALID, "the body must be a JSON object");
		return -1;
	}
	return 0;
}

static void
on_known(struct api *a)
{
	jsonapi_call(a)->run(a);
}

struct jsonapi_call *
jsonapi_call(const struct api *a)
{
	return a->data;
}

int
jsonapi_text(const json_t *body, const char *name, size_t max, const char **out,
	     struct err *e)
{
	int found = json_get_str(body, name, out, e);
	size_t n = 0;

	if (found != 1)
		return found;
	for (const char *at = *out; *at != '\0'; at++)
		n += ((unsigned char)*at & 0xc0) != 0x80;
	if (n > max)
		return err_set(e, ERR_INVALID,
			       "%s must have at most %zu characters", name,
			       max);
	return 1;
}

int
jsonapi_param(struct api *a, const char *name, const char **out, struct err *e)
{
	STRBUF_AUTO value = { 0 };
	int found = url_pair_get(httpd_query(a->http), name, &value, e);

	if (found == 1)
		*out = arena_span(a->arena, strbuf_span(&value));
	return found;
}

int
jsonapi_instant(const char *name, const char *text, int64_t *wall_us,
		struct err *e)
{
	if (clock_parse_iso(span_of(text), wall_us) == 0)
		return 0;
	return err_set(e, ERR_INVALID,
		       "%s must be a time like 2024-01-02T03:04:05Z or "
		       "2024-01-02T03:04:05+01:00",
		       name);
}

const char *
jsonapi_stamp(struct api *a, int64_t wall_us)
{
	struct clock_civil c;

	clock_civil(wall_us, &c);
	return arena_printf(a->arena, "%04lld-%02u-%02u %02u:%02u:%02u.%06u+00",
			    (long long)c.year, c.month, c.day, c.hour, c.minute,
			    c.second, c.us);
}

void
jsonapi_invalid(struct api *a, const struct err *e)
{
	api_fail(a, FAULT_INVALID, "%s", err_text(e));
}

void
jsonapi_answer(struct api *a, json_t *doc)
{
	api_answer(a, 200, form_json_text(a, doc));
}
