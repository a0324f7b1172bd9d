/* The dashboard's own files, for everybody: they hold no data. */
#ifndef PROXY_DASHBOARD_PAGE_H
#define PROXY_DASHBOARD_PAGE_H

#include <stdbool.h>

#include "io/httpd.h"

/* As on_http of ctl.h: true, it was one of them and is answered. */
bool dashboard_page(void *ctx, struct httpd_req *http);

/* The fields of every other answer. */
extern const struct httpd_field dashboard_page_json[];

#endif
