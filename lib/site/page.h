/* Pages for people, below /COMPANY/ (docs/api.md). */
#ifndef SITE_PAGE_H
#define SITE_PAGE_H

#include "http/url.h"
#include "site/api.h"

void page_handle(struct api *a, const struct url_path *path);

#endif
