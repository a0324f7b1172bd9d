/*
 * Any bytes as a segment of the spool, as it is read after a start. Then as
 * one whose sums are right: what a checksum would hide is looked at too.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "replicator/spool_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is used, so that no reading is optimized away. */
static volatile unsigned sink;

static void
walk_chunks(struct span chunks)
{
	struct spool_chunk c;
	struct span message;

	while (spool_chunk_next(&chunks, &c)) {
		while (spool_message_next(&c.messages, &message))
			for (size_t i = 0; i < message.len; i++)
				sink += (unsigned char)message.at[i];
	}
}

static void
walk(struct span bytes)
{
	struct spool_head head = { 0 };
	struct spool_frame f;
	uint64_t number = 0;

	if (spool_head_read(bytes, &head)) {
		assert(strlen(head.slot) < SPOOL_SLOT_SIZE);
		bytes = span_skip(bytes, SPOOL_HEAD_BYTES);
	}
	while (spool_frame_read(bytes, &f)) {
		assert(f.bytes == spool_frame_bytes(bytes));
		assert(f.bytes <= bytes.len && f.chunks.len <= f.bytes);
		assert(spool_frame_is_of(bytes, f.segment));
		walk_chunks(f.chunks);
		number = f.number;
		bytes = span_skip(bytes, f.bytes);
	}
	sink += spool_frame_follows(bytes, head.number, number);
}

/* What was sealed is read again as it was. */
static void
seal(struct span bytes)
{
	STRBUF_AUTO out = { 0 };
	struct spool_frame f = {
		.segment = 7, .number = bytes.len, .from = 1, .end = 2
	};
	struct spool_frame back;

	spool_frame_begin(&out);
	strbuf_add_span(&out, bytes);
	spool_frame_seal(&out, &f);
	assert(spool_frame_read(strbuf_span(&out), &back));
	assert(back.segment == f.segment && back.number == f.number);
	assert(back.from == f.from && back.end == f.end);
	assert(back.bytes == out.len && back.chunks.len == bytes.len);
	assert(bytes.len == 0 ||
	       memcmp(back.chunks.at, bytes.at, bytes.len) == 0);
	walk_chunks(back.chunks);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);

	walk(bytes);
	seal(bytes);
	return 0;
}
