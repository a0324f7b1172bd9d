/* Sessions of pages: the cookie, whether a form is ours, where "back" may
 * lead. For page*.c. */
#ifndef SITE_PAGE_SESSION_H
#define SITE_PAGE_SESSION_H

#include "site/page.h"

/* Not sent by a page of somebody else (Sec-Fetch-Site, Origin). */
bool page_session_is_ours(struct api *a);

/* A POST of somebody who is logged in carries the session's "csrf". */
bool page_session_form_is_ours(struct api *a);
const char *page_session_csrf(struct api *a); /* "" without a session */

/* A cookie's value, in the request's arena; NULL: it has none. The session's
 * of this site, likewise. */
const char *page_session_cookie_of(struct httpd_req *req, const char *name);
const char *page_session_read_cookie(const struct site *s,
				     struct httpd_req *req);

/* Where a person came from, within the company: "meetings/1"; else NULL. */
const char *page_session_local(const struct api *a, const char *to);

#endif
