/* What all pages share: their frame, their files. For page*.c. */
#ifndef SITE_PAGE_VIEW_H
#define SITE_PAGE_VIEW_H

#include "site/page.h"

extern const struct page_route page_view_routes[]; /* assets */
extern const struct page_route page_view_daily[];  /* what the copy brings */

/* How a->who is called, never empty. */
const char *page_view_name(const struct api *a);

/* Which page of a list is asked for ("page"), from 1; and what leads from
 * this one to others. */
int64_t page_view_number(struct api *a);
void page_view_pages(json_t *data, int64_t page, bool more);

extern const struct api_form form_calendar; /* content: an iCalendar file */

#endif
