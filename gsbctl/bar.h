/*
 * A copy that runs, in one line: pure.
 *
 *   [###.........] 51/301 files, 5.0 MiB of 21.1 MiB, 2.0 MiB/s, 8 s left
 *
 * Where the words leave it no room there is no bar.
 */
#ifndef GSBCTL_BAR_H
#define GSBCTL_BAR_H

#include <stddef.h>

#include "base/json.h"

#define BAR_SIZE 256

/*
 * running: of GET /v1/copy (docs/contracts.md 8). width: columns that may be
 * used; 0: the words alone, as a log wants them. out is cut to them.
 */
const char *bar_text(const json_t *running, size_t width,
		     char out[static BAR_SIZE]);

#endif
