/* What all pages share: their frame, their files. For page*.c. */
#ifndef SITE_PAGE_VIEW_H
#define SITE_PAGE_VIEW_H

#include "site/page.h"

extern const struct page_route page_view_routes[]; /* assets */
extern const struct page_route page_view_daily[];  /* what the copy brings */

/* How a->who is called, never empty. */
const char *page_view_name(const struct api *a);

extern const struct api_form form_calendar; /* content: an iCalendar file */

#endif
