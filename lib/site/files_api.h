/*
 * Settings, pages and clients in the JSON API, for site administrators:
 *
 *   GET    /v1/files[?prefix=&after=&max=]   GET PUT DELETE /v1/files/AREA/PATH
 *   GET PUT PATCH /v1/settings
 *
 * AREA is pages or clients, of the caller's company.
 */
#ifndef SITE_FILES_API_H
#define SITE_FILES_API_H

#include <stdbool.h>

#include "base/err.h"
#include "http/url.h"
#include "site/api.h"

struct httpd_req;
struct site;

/* path: of the request; false: it is not one of these. */
bool files_api_handle(struct api *a, const struct url_path *path);

/* May the body of this request be large? Only with a genuine token, where
 * changes are allowed; where they are not: why (e may be NULL). */
bool files_api_may_spool(struct site *s, struct httpd_req *req, struct err *e);

/* What files_done_fn's err means to the client. */
enum fault files_api_fault(const struct err *err);

#endif
