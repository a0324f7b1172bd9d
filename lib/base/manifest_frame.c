#include "base/manifest_frame.h"

#include <string.h>

static void
put(uint64_t value, unsigned bytes, char *out)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (char)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t
get(const char *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)in[i];
	return value;
}

void
manifest_frame_put(const struct manifest_frame *f,
		   char out[static MANIFEST_FRAME_SIZE])
{
	memset(out, 0, MANIFEST_FRAME_SIZE);
	out[0] = (char)f->kind;
	put(f->index, 4, out + 4);
	put(f->length, 8, out + 8);
}

int
manifest_frame_get(const char in[static MANIFEST_FRAME_SIZE],
		   struct manifest_frame *out, struct err *e)
{
	if ((in[0] != MANIFEST_FRAME_FILE && in[0] != MANIFEST_FRAME_ERROR &&
	     in[0] != MANIFEST_FRAME_END) ||
	    get(in + 1, 3) != 0)
		return err_set(e, ERR_INVALID,
			       "the stream of files is not one");
	*out = (struct manifest_frame){
		.kind = (enum manifest_frame_kind)in[0],
		.index = (uint32_t)get(in + 4, 4),
		.length = get(in + 8, 8),
	};
	return 0;
}
