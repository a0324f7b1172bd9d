/*
 * The changes of one transaction of the peer that is not at its end: messages
 * in a file without a name, so that a large one takes no memory and leaves
 * nothing behind. What an aborted part of it brought is passed over.
 */
#ifndef REPLICATOR_STREAMFILE_H
#define REPLICATOR_STREAMFILE_H

#include <stdbool.h>
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
 * call: 1, at the end of what is in the file 0; more may be added. */
void streamfile_rewind(struct streamfile *f);
int streamfile_next(struct streamfile *f, struct span *message, struct err *e)
    __attribute__((warn_unused_result));
/* The part that brought it. */
uint32_t streamfile_part(const struct streamfile *f);

/* Something was read since it was made, or rewound. */
bool streamfile_was_read(const struct streamfile *f);

/* All that was added; what of it is in the file. */
uint64_t streamfile_bytes(const struct streamfile *f);
uint64_t streamfile_written(const struct streamfile *f);

#endif
