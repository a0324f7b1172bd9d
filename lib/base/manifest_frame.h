/*
 * How the files of a manifest come in one stream (docs/contracts.md 4, "The
 * daily copy"): before each a head of 16 bytes, numbers in network order:
 *
 *   kind 1 | zero 3 | index 4 | length 8      then length bytes
 *
 * index 0 is the settings, i + 1 files[i]. Pure.
 */
#ifndef BASE_MANIFEST_FRAME_H
#define BASE_MANIFEST_FRAME_H

#include <stdint.h>

#include "base/err.h"

#define MANIFEST_FRAME_SIZE 16

enum manifest_frame_kind {
	MANIFEST_FRAME_FILE = 'F',  /* the bytes of the file */
	MANIFEST_FRAME_ERROR = 'E', /* words: why it cannot be read */
	MANIFEST_FRAME_END = 'Z'    /* the stream is whole; length 0 */
};

struct manifest_frame {
	enum manifest_frame_kind kind;
	uint32_t index;
	uint64_t length;
};

void manifest_frame_put(const struct manifest_frame *f,
			char out[static MANIFEST_FRAME_SIZE]);
int manifest_frame_get(const char in[static MANIFEST_FRAME_SIZE],
		       struct manifest_frame *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
