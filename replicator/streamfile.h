/*
 * The changes of one transaction of the peer that is not at its end: messages
 * in a file without a name, so that a large one takes no memory and leaves
 * nothing behind. What an aborted part of it brought is passed over.
 */
#ifndef REPLICATOR_STREAMFILE_H
#define REPLICATOR_STREAMFILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct streamfile;

/* In the directory dir. NULL: it cannot be made there. */
struct streamfile *streamfile_new(const char *dir, struct err *e)
    __attribute__((warn_unused_result));
void streamfile_free(struct streamfile **fp);

/* One message of a part, without that part's xid: kind and rest. */
int streamfile_add(struct streamfile *f, uint32_t xid, char kind,
		   struct span rest, struct err *e)
    __attribute__((warn_unused_result));
/* No more come for a while: gives its buffer back. */
int streamfile_pause(struct streamfile *f, struct err *e)
    __attribute__((warn_unused_result));
void streamfile_abort(struct streamfile *f, uint32_t xid);

/* From the beginning. Then each message that counts, borrowed until the next
 * call: 1, at the end 0. Nothing may be added any more. */
void streamfile_rewind(struct streamfile *f);
int streamfile_next(struct streamfile *f, struct span *message, struct err *e)
    __attribute__((warn_unused_result));

uint64_t streamfile_bytes(const struct streamfile *f);

#endif
