/*
 * One file of a version as an answer: streamed, with ETag (If-None-Match),
 * one range (RFC 9110 14), HEAD. "GSB-..." fields are the proxy's, so the
 * version is told by X-Files-Version.
 */
#ifndef SITE_FILES_SERVE_H
#define SITE_FILES_SERVE_H

#include "site/api.h"
#include "site/files.h"

/* Ends the request. attachment: a browser saves it and does not show it. */
void files_serve(struct api *a, const struct files_view *v,
		 const struct manifest_entry *f, bool attachment);

/* "text/html; charset=utf-8", by the end of the path; never NULL. */
const char *files_serve_type(const char *path);

/* GET /COMPANY/pages/... and /COMPANY/clients/...: a->company is known. */
struct url_path;
void files_serve_public(struct api *a, const struct url_path *path);

#endif
