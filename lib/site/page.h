/*
 * Pages for people, below /COMPANY/ (docs/api.md): made here, from templates
 * (lib/site/pages), usable without scripts. A route is one row; its handler
 * ends the request by page_show, page_go, a write that renders page_went, or
 * api_fail, which shows the form again if page_again was called.
 */
#ifndef SITE_PAGE_H
#define SITE_PAGE_H

#include "http/url.h"
#include "io/httpd.h"
#include "site/api.h"
#include "site/store.h"
#include "site/timezone.h"

/* path: of the request, decoded; its first segment is the company. */
void page_handle(struct api *a, const struct url_path *path);

extern const struct api_form form_page; /* content: a page, or "303 PATH" */

/* --- for the handlers (page_*.c) --- */

typedef void page_fn(struct api *a);

enum page_need {
	PAGE_ANYBODY, /* a->who may be NULL */
	PAGE_ACCOUNT,
	PAGE_READER, /* site administrators, read-only ones as well */
	PAGE_ADMIN,
};
struct page_route {
	const char *method;
	const char *path; /* "meetings/:/edit": ":" is page_call.arg; "" home */
	enum page_need need;
	page_fn *run;
};
/* Tables, each up to a NULL method. */
extern const struct page_route page_session_routes[], page_home_routes[],
    page_meeting_routes[], page_schedule_routes[], page_room_routes[],
    page_people_routes[], page_config_routes[], page_url_routes[],
    page_settings_routes[], page_reports_routes[];

#define PAGE_COOKIES 2
struct page_call {
	const struct page_route *route;
	const struct url_path *path;
	const char *arg;    /* what stood for ":", or NULL */
	const char *token;  /* of the session, NULL: none that is good */
	bool ended;         /* there was one */
	const char *again;  /* template that a failure goes into, */
	const char *title;  /* with this title */
	int64_t number;     /* the handler's own: a meeting's */
	const char *back;   /* and where to go */
	unsigned n_cookies; /* that the answer sets */
	const char *cookies[PAGE_COOKIES];
	struct httpd_field fields[PAGE_COOKIES + 3];
};
struct page_call *page_call(const struct api *a);

/* Of the form, the query, the cookies: decoded, trimmed, in the arena; NULL:
 * not there or badly encoded. page_text: "" for that. */
const char *page_field(struct api *a, const char *name);
const char *page_param(struct api *a, const char *name);
const char *page_text(struct api *a, const char *name);
const char *page_cookie(struct api *a, const char *name);

/* The whole page; takes data. */
void page_show(struct api *a, const char *name, const char *title,
	       json_t *data);

/* Elsewhere within the company ("meetings/123"), or anywhere. */
void page_go(struct api *a, const char *fmt, ...) ERR_PRINTF(2);
void page_go_url(struct api *a, const char *url);
void page_went(struct api *a, struct write_answer *out, const char *fmt, ...)
    ERR_PRINTF(3);

/* What fails from here on shows that template with data (taken). */
void page_again(struct api *a, const char *name, const char *title,
		json_t *data);

/* max_age_s 0: it ends now, -1: with the browser. */
void page_set_cookie(struct api *a, const char *name, const char *value,
		     int64_t max_age_s);
const char *page_session_cookie(const struct api *a);
void page_log_in(struct api *a); /* begins one for a->who */

/* "Mon 2 Jan 2031, 10:00" in that zone. */
const char *page_when(struct api *a, const struct timezone_info *tz,
		      int64_t wall_us);
/* "Berlin (Europe Summer Time, GMT+02:00)", or its name alone. */
const char *page_zone_text(struct api *a, const struct timezone_info *tz,
			   int64_t wall_us);
/* a->who's zone, else GMT. */
struct timezone_info page_zone(const struct api *a);

/* An option of a <select>, appended; "on": it is chosen. */
void page_option(json_t *list, const char *value, const char *text,
		 const char *chosen);

#endif
