/* Meetings in the XML API: what its two halves share. */
#ifndef SITE_XMLAPI_MEETING_H
#define SITE_XMLAPI_MEETING_H

#include "site/xmlapi_op.h"

#define XMLAPI_NO_MEETING "00000000-0000-0000-0000-000000000000"

/* Meetings, and teleconferences without a room: the same rows. */
#define XMLAPI_AUDIO_ONLY 214 /* the latter's type */
struct xmlapi_sort {
	const struct xmlapi_map *map;
	bool audio_only;
	/* What the map does not read; the write's answers. */
	int (*read)(struct api *a, json_t *fields, struct err *e);
	store_meeting_render *created, *changed;
};
void xmlapi_meeting_create(struct api *a, const struct xmlapi_sort *sort);
void xmlapi_meeting_set(struct api *a, const struct xmlapi_sort *sort);
void xmlapi_meeting_delete(struct api *a, const struct xmlapi_sort *sort);
extern const struct xmlapi_sort xmlapi_meeting_sort, xmlapi_session_sort;

/* Whether there is one, of the sort of this call (NULL: of any). */
bool xmlapi_meeting_is(const struct api *a, const struct meeting *list,
		       size_t n);

/* meetingKey, else sessionKey. -1: refused, and answered. e: NULL. */
int xmlapi_meeting_number(struct api *a, int64_t *number, struct err *e);

/* Of an operation that only reads that meeting: along with who asks. */
void xmlapi_meeting_ahead(struct api *a);

/* Reads that meeting; without a number the request has been answered. */
void xmlapi_meeting_find(struct api *a, store_meetings_fn *fn);

/* The caller is its host, or a site administrator. */
bool xmlapi_meeting_is_allowed(const struct api *a,
			       const struct meeting *meeting);

/* He, or somebody who may read all of the company. */
bool xmlapi_meeting_is_readable(const struct api *a,
				const struct meeting *meeting);

/* There is one, of the sort of this call, and he may read it. False: answered
 * with a failure. */
bool xmlapi_meeting_shows(struct api *a, const struct meeting *list, size_t n);

/* iCalendarURL for host and attendees. */
void xmlapi_meeting_calendar(struct api *a, const struct meeting *meeting,
			     struct strbuf *out);

void xmlapi_meeting_run_get(struct api *a);
void xmlapi_meeting_run_list(struct api *a);
void xmlapi_meeting_run_host_url(struct api *a);
void xmlapi_meeting_run_join_url(struct api *a);

#endif
