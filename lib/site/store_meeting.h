/* Meetings; part of store.h, which says how. */
#ifndef SITE_STORE_MEETING_H
#define SITE_STORE_MEETING_H

#include "site/store.h"

/* host_id: only if this is its host; NULL: any. number: every one that was
 * ever answered for the meeting. */
struct store_meeting_by {
	const char *id, *host_id;
	int64_t number;
};
typedef void store_meetings_fn(struct api *a, const struct meeting *list,
			       size_t n, int64_t total);
void store_meeting_get(struct api *a, const struct store_meeting_by *by,
		       store_meetings_fn *fn);
/* To be called before the caller is known, by who will then call get alike:
 * it is read with the query that makes him known (api_ahead.h). */
void store_meeting_ahead(struct api *a, const struct store_meeting_by *by);

enum store_choice { STORE_ANY, STORE_YES, STORE_NO };
struct store_meeting_filter {
	const char *host_id, *host_webexid, *host_email;
	int64_t number;
	const char *state, *not_state; /* as in struct meeting */
	const char *from, *to;         /* overlap: ends after, starts before */
	const char *starts_from, *starts_to; /* all four: timestamptz texts */
	const char *ends_from, *ends_to;
	const char *after_start, *after_id; /* cursor: behind this one */
	const char *attendee_email;         /* who is invited */
	const char *confname;               /* is part of it */
	int64_t type, not_type;
	enum store_choice recurring;
};
void store_meeting_list(struct api *a, const struct store_meeting_filter *f,
			const struct store_page *p, store_meetings_fn *fn);

typedef void store_meeting_render(struct api *a, const struct meeting *meeting,
				  struct write_answer *out);
/* A meeting that the company's settings forbid is refused (settings.h).
 * fields must have host_id, confname, starts, duration. "attendees" replaces
 * the meeting's attendees (store_attendee.h). */
void store_meeting_create(struct api *a, json_t *fields,
			  store_meeting_render *render);
void store_meeting_update(struct api *a, const struct store_meeting_by *by,
			  json_t *fields, store_meeting_render *render);
/* Renders the row as it was. */
void store_meeting_delete(struct api *a, const struct store_meeting_by *by,
			  store_meeting_render *render);

#endif
