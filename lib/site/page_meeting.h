/* Meetings as pages show them. For page_*.c. */
#ifndef SITE_PAGE_MEETING_H
#define SITE_PAGE_MEETING_H

#include "site/page.h"

enum page_sight {
	PAGE_NOTHING,
	PAGE_INVITED, /* its time and host: invited, or it is public */
	PAGE_FULL,    /* with password, host key, who is invited */
	PAGE_OWN,     /* and may change it */
};
enum page_sight page_meeting_sight(const struct api *a,
				   const struct meeting *m);

/* The number in the path, or refused as FAULT_NO_MEETING. */
void page_meeting_find(struct api *a, store_meetings_fn *fn);

const char *page_meeting_host(const struct meeting *m);
bool page_meeting_is_running(const struct meeting *m);

/* "Every 2 weeks until 3 Mar 2031", or NULL. */
const char *page_meeting_repeats(struct api *a, const struct meeting *m);

/* Ends the request by the iCalendar file of the meeting. */
void page_meeting_calendar(struct api *a, const struct meeting *m);

#endif
