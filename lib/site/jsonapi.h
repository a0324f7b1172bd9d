/*
 * The JSON API, /v1 (docs/api.md). A route is one row; a handler reads the
 * request, starts one operation and renders what came of it.
 */
#ifndef SITE_JSONAPI_H
#define SITE_JSONAPI_H

#include "base/json.h"
#include "http/url.h"
#include "site/api.h"
#include "site/record.h"
#include "site/store.h"

/* path: of the request, decoded; its first segment is "v1". */
void jsonapi_handle(struct api *a, const struct url_path *path);

/* --- for the handlers (jsonapi_*.c) --- */

typedef void jsonapi_fn(struct api *a);

struct jsonapi_call {
	jsonapi_fn *run;
	const char *id; /* "{id}" of the path, or NULL */
	int64_t max;    /* items of the page */
	bool csv;       /* a report's table instead of a list */
};
struct jsonapi_call *jsonapi_call(const struct api *a);

/* The members are checked against bounds in characters; FAULT_INVALID text in
 * e. Absent: *out stays. */
int jsonapi_text(const json_t *body, const char *name, size_t max,
		 const char **out, struct err *e);

/* The decoded parameter of the query: 1, 0 none, -1 badly encoded. */
int jsonapi_param(struct api *a, const char *name, const char **out,
		  struct err *e);

/* An instant of the API ("2024-01-02T03:04:05Z" or with an offset). */
int jsonapi_instant(const char *name, const char *text, int64_t *wall_us,
		    struct err *e);

/* An instant as the store wants it, in the arena: exact to the µs. */
const char *jsonapi_stamp(struct api *a, int64_t wall_us);

/* A page and its cursor: of any list; of one in the order of ids. Lists end
 * by jsonapi_items: items taken, cursor NULL: the last page. */
int jsonapi_page(struct api *a, struct store_page *page, struct err *e);
int jsonapi_cursor(struct api *a, struct strbuf *raw, struct err *e);
int jsonapi_bad_cursor(struct err *e);
int jsonapi_cursor_id(struct api *a, const char **id, struct err *e);
void jsonapi_items(struct api *a, json_t *items, const char *cursor);
void jsonapi_link(struct api *a, struct span cursor);

/* siteUrl: "acme.meet.example.com". */
bool jsonapi_is_our_site(const struct api *a, const char *site);

void jsonapi_invalid(struct api *a, const struct err *e);
void jsonapi_answer(struct api *a, json_t *doc); /* 200; takes doc */

jsonapi_fn jsonapi_token;
jsonapi_fn jsonapi_me, jsonapi_people_list, jsonapi_person_get,
    jsonapi_person_create, jsonapi_person_update, jsonapi_person_delete;
jsonapi_fn jsonapi_meeting_list, jsonapi_meeting_get, jsonapi_meeting_create,
    jsonapi_meeting_update, jsonapi_meeting_delete, jsonapi_meeting_join;
jsonapi_fn jsonapi_invitee_list, jsonapi_invitee_get, jsonapi_invitee_create,
    jsonapi_invitee_update, jsonapi_invitee_delete;
jsonapi_fn jsonapi_report_usage, jsonapi_report_attendees;

/* Of the company, not of himself alone: administrators, reading ones too. */
bool jsonapi_reads_all(const struct api *a);

/* Given: as store_attendee.h takes them; NULL: e says why. */
json_t *jsonapi_invitee_read(const json_t *body, bool whole, struct err *e);

/* Members of a->body -> columns of a meeting; whole: as for a new one. */
int jsonapi_meeting_read(struct api *a, bool whole, json_t *fields,
			 struct err *e);

/* The same for an account; what only administrators change, if a->who is. */
int jsonapi_person_read(struct api *a, bool whole, json_t *fields,
			struct err *e);

/* The resource, given; state as of now_us. */
json_t *jsonapi_person(const struct account *a);
json_t *jsonapi_meeting(const struct api *a, const struct meeting *m,
			int64_t now_us);
const char *jsonapi_state(const struct meeting *m, int64_t now_us);

#endif
