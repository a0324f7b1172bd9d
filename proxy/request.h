/*
 * Life of a request: made with its id, counted while it is at a site, logged
 * and freed at its end.
 */
#ifndef PROXY_REQUEST_H
#define PROXY_REQUEST_H

#include "proxy/request_data.h"

/* Zeroed, with its id, its times and its place in front->request. */
struct request *request_new(struct worker *w, struct front *f);

/* What counts as being at a site / as still able to write there. */
void request_count(struct request *r);
void request_uncount(struct request *r);
void request_uncount_write(struct request *r);

/*
 * Logs and counts it and frees it; the upstream must have been let go of.
 * who: the first letter of its end, '-' for well (docs/proxy.md).
 */
void request_end(struct request *r, char who);
/* The second letter: where it is in its life. */
char request_where(const struct request *r);

void request_fini(struct worker *w);

#endif
