/*
 * What has come of a copy goes to the disk while the rest comes: little is
 * left to wait for at the end. Of the whole file system, as vault_publish.
 */
#ifndef REPLICATOR_COPY_FLUSH_H
#define REPLICATOR_COPY_FLUSH_H

#include <stdint.h>

#include "base/err.h"

struct copy_flush;
struct vault;

typedef void copy_flush_fn(void *ctx, const struct err *err);

struct copy_flush *copy_flush_new(struct vault *v); /* held */
void copy_flush_free(struct copy_flush **f);        /* fn does not come */
/* So many bytes have come in all. */
void copy_flush_note(struct copy_flush *f, int64_t bytes);
/* No more will: nothing is under way. err: something has not got to the disk,
 * which the kernel tells once. */
void copy_flush_end(struct copy_flush *f, copy_flush_fn *fn, void *ctx);

#endif
