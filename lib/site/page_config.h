/* What the daily copy brings, as pages show it. For page*.c and web.c. */
#ifndef SITE_PAGE_CONFIG_H
#define SITE_PAGE_CONFIG_H

#include <stdbool.h>

#include "base/json.h"

struct api;
struct httpd_req;
struct site;

/* "may": a->who may change it here; else "why" not, and how old the copy is
 * ("copied"). */
void page_config_state(struct api *a, json_t *data);

/* May the body of this request be large? As files_api_may_spool, with the
 * session of a page. */
bool page_config_may_spool(struct site *s, struct httpd_req *req,
			   struct err *e);

#endif
