/*
 * A manifest told to someone who has another one: what is gone, and the new
 * manifest without the files that are as they were. Pure.
 *
 *   gsb-manifest-diff 1
 *   gone COUNT
 *   PATH                 COUNT lines, sorted
 *   gsb-manifest 1       base/manifest.h: settings, added and changed files
 *   ...
 */
#ifndef BASE_MANIFEST_DIFF_H
#define BASE_MANIFEST_DIFF_H

#include "base/manifest.h"

/* Appends how `to` differs from old. */
void manifest_diff(const struct manifest *old, const struct manifest *to,
		   struct strbuf *out);

/* Given: what manifest_diff was made of, with its version and origin; NULL:
 * what is wrong. The result has passed every check of manifest_parse. */
struct manifest *manifest_patch(const struct manifest *old, struct span diff,
				struct err *e)
    __attribute__((warn_unused_result));

#endif
