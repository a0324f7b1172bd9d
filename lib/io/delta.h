/*
 * File deltas (librsync): the holder of an old file sends its signature, the
 * holder of the new one answers what differs. Every call blocks: for the
 * thread pool. Memory: a few hundred KiB and, where a delta is made, 40
 * bytes for each block of the old file.
 */
#ifndef IO_DELTA_H
#define IO_DELTA_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

/* A signature is never larger; blocks grow with the file. */
#define DELTA_SIGNATURE_MAX (640 * 1024)

/* Appends the signature of the file, from its beginning. */
int delta_signature(int fd, int64_t size, struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

/* What the new file has from offset `from` on, against a signature. fd is
 * taken, also on failure. */
struct delta_make;
struct delta_make *delta_make_new(struct span signature, int fd, int64_t from,
				  struct err *e)
    __attribute__((warn_unused_result));
void delta_make_free(struct delta_make **m);
/* Fills some of buf; 0 at the end; -1. */
ssize_t delta_make_read(struct delta_make *m, char *buf, size_t size,
			struct err *e) __attribute__((warn_unused_result));

/* Puts the new file together: out gets its pieces in order; its -1 (with e
 * set) is passed on. basis is borrowed. */
typedef int delta_out_fn(void *ctx, struct span piece, struct err *e);
struct delta_patch;
struct delta_patch *delta_patch_new(int basis, delta_out_fn *out, void *ctx);
void delta_patch_free(struct delta_patch **p);
int delta_patch_add(struct delta_patch *p, struct span delta, struct err *e)
    __attribute__((warn_unused_result));
/* The delta was whole. */
int delta_patch_end(struct delta_patch *p, struct err *e)
    __attribute__((warn_unused_result));

#endif
