/*
 * POST /gsb/snapshot: what the backup's replicator copies (docs/contracts.md
 * 4, "The daily copy"). A version that was asked for stays here for ten
 * minutes, whatever changes meanwhile: a fetch is consistent at one instant.
 */
#ifndef SITE_SNAPSHOT_H
#define SITE_SNAPSHOT_H

#include "site/site.h"

struct httpd_req;
struct snapshot;

struct snapshot *snapshot_new(struct site *s);
void snapshot_free(struct snapshot **s);

void snapshot_handle(struct snapshot *s, struct httpd_req *req);

#endif
