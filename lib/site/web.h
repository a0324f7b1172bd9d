/*
 * The web service of the site: one HTTP listener, every path.
 *
 *   /gsb/...                  the proxy's (lease, barrier, companies)
 *   /WBXService/XMLService    the XML API
 *   /v1/...                   the JSON API
 *   /COMPANY/...              pages
 */
#ifndef SITE_WEB_H
#define SITE_WEB_H

#include "base/err.h"

struct site;
struct web;

struct web *web_open(struct site *s, struct err *e)
    __attribute__((warn_unused_result));

/* Before the pool and the health are closed: ends every request. */
void web_close(struct web **w);

void web_drain(struct web *w, void (*on_drained)(void *ctx), void *ctx);

#endif
