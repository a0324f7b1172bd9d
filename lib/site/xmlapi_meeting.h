/* Meetings in the XML API: what its two halves share. */
#ifndef SITE_XMLAPI_MEETING_H
#define SITE_XMLAPI_MEETING_H

#include "site/xmlapi_op.h"

/* meetingKey, else sessionKey. -1: refused, and answered. e: NULL. */
int xmlapi_meeting_number(struct api *a, int64_t *number, struct err *e);

/* Reads that meeting; without a number the request has been answered. */
void xmlapi_meeting_find(struct api *a, store_meetings_fn *fn);

/* The caller is its host, or a site administrator. */
bool xmlapi_meeting_is_allowed(const struct api *a,
			       const struct meeting *meeting);

/* iCalendarURL for host and attendees. */
void xmlapi_meeting_calendar(struct api *a, const struct meeting *meeting,
			     struct strbuf *out);

void xmlapi_meeting_run_get(struct api *a);
void xmlapi_meeting_run_list(struct api *a);
void xmlapi_meeting_run_host_url(struct api *a);
void xmlapi_meeting_run_join_url(struct api *a);

#endif
