/* The streams of a snapshot: whole files, or what differs from an old one. */
#ifndef SITE_SNAPSHOT_SOURCE_H
#define SITE_SNAPSHOT_SOURCE_H

#include "base/json.h"
#include "base/span.h"
#include "io/httpd_large.h"
#include "site/files.h"

struct vault;

/*
 * Fills *out, for one answer. body: the request ("op" "files" or "delta"),
 * rest: the signature of the old file. -1: the request is wrong. It holds the
 * view as long as it lives.
 */
int snapshot_source(struct vault *v, struct files_view *view,
		    const json_t *body, struct span rest,
		    struct httpd_source *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
