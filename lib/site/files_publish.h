/*
 * A folder becomes the next version, as one change: gsb-primary --publish.
 *
 *   DIR/pages/COMPANY/...  DIR/clients/COMPANY/...  DIR/settings.json
 *
 * What stands there replaces all pages and clients; the settings are replaced
 * when the file is there. Blocks: for a program that does nothing else.
 */
#ifndef SITE_FILES_PUBLISH_H
#define SITE_FILES_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * store: as for files_open. -1: nothing has changed; the text names the file
 * that is no regular file, cannot be read, or changes while it is read.
 */
int files_publish(const char *store, bool owns, const char *dir,
		  int64_t *version, struct err *e)
    __attribute__((warn_unused_result));

#endif
