#include "replicator/spool_frame.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

static const char head_magic[8] = "gsbspl1\n";
static const char frame_magic[4] = "gsbF";
#define CHUNK_HEAD 12
#define HEAD_SUM 112

static void
put_u32(char *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

static void
put_u64(char *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}

static uint32_t
get_u32(const char *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint64_t
get_u64(const char *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* FNV-1a: against what a disk does, not against people. */
static uint64_t
checksum(uint64_t h, const char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)at[i]) * 1099511628211u;
	return h;
}
#define SUM_START 14695981039346656037u

/* magic 8, number, first, limit, system 8 each, timeline 4, slot 64, sum 8 */
void
spool_head_write(const struct spool_head *h, char out[static SPOOL_HEAD_BYTES])
{
	memset(out, 0, SPOOL_HEAD_BYTES);
	memcpy(out, head_magic, sizeof(head_magic));
	put_u64(out + 8, h->number);
	put_u64(out + 16, h->first);
	put_u64(out + 24, h->limit);
	put_u64(out + 32, h->system_id);
	put_u32(out + 40, h->timeline);
	memcpy(out + 44, h->slot, SPOOL_SLOT_SIZE);
	put_u64(out + HEAD_SUM, checksum(SUM_START, out, HEAD_SUM));
}

bool
spool_head_read(struct span bytes, struct spool_head *out)
{
	if (bytes.len < SPOOL_HEAD_BYTES ||
	    memcmp(bytes.at, head_magic, sizeof(head_magic)) != 0 ||
	    get_u64(bytes.at + HEAD_SUM) !=
		checksum(SUM_START, bytes.at, HEAD_SUM) ||
	    bytes.at[44 + SPOOL_SLOT_SIZE - 1] != '\0')
		return false;
	out->number = get_u64(bytes.at + 8);
	out->first = get_u64(bytes.at + 16);
	out->limit = get_u64(bytes.at + 24);
	out->system_id = get_u64(bytes.at + 32);
	out->timeline = get_u32(bytes.at + 40);
	memcpy(out->slot, bytes.at + 44, SPOOL_SLOT_SIZE);
	return true;
}

void
spool_frame_begin(struct strbuf *out)
{
	strbuf_reset(out);
	memset(strbuf_reserve(out, SPOOL_FRAME_HEAD_BYTES), 0,
	       SPOOL_FRAME_HEAD_BYTES);
	out->len = SPOOL_FRAME_HEAD_BYTES;
}

/* magic 4, zero 4, bytes of chunks 8, segment, number, from, end, sum */
static uint64_t
sum_of(const char *frame, size_t chunks)
{
	uint64_t h = checksum(SUM_START, frame, 48);

	return checksum(h, frame + SPOOL_FRAME_HEAD_BYTES, chunks);
}

static uint64_t
padded(uint64_t chunks)
{
	return SPOOL_FRAME_HEAD_BYTES + ((chunks + 7) & ~(uint64_t)7);
}

void
spool_frame_seal(struct strbuf *out, const struct spool_frame *f)
{
	size_t chunks = out->len - SPOOL_FRAME_HEAD_BYTES;
	size_t more = padded(chunks) - out->len;

	assert(out->len >= SPOOL_FRAME_HEAD_BYTES);
	memcpy(out->at, frame_magic, sizeof(frame_magic));
	put_u64(out->at + 8, chunks);
	put_u64(out->at + 16, f->segment);
	put_u64(out->at + 24, f->number);
	put_u64(out->at + 32, f->from);
	put_u64(out->at + 40, f->end);
	put_u64(out->at + 48, sum_of(out->at, chunks));
	strbuf_add(out, "\0\0\0\0\0\0\0", more);
}

uint64_t
spool_frame_bytes(struct span head)
{
	uint64_t chunks;

	if (head.len < SPOOL_FRAME_HEAD_BYTES ||
	    memcmp(head.at, frame_magic, sizeof(frame_magic)) != 0)
		return 0;
	chunks = get_u64(head.at + 8);
	return chunks < UINT32_MAX ? padded(chunks) : 0;
}

bool
spool_frame_is_of(struct span head, uint64_t segment)
{
	return spool_frame_bytes(head) != 0 && get_u64(head.at + 16) == segment;
}

bool
spool_frame_read(struct span bytes, struct spool_frame *out)
{
	uint64_t whole = spool_frame_bytes(bytes);
	size_t chunks;

	if (whole == 0 || whole > bytes.len)
		return false;
	chunks = get_u64(bytes.at + 8);
	if (get_u64(bytes.at + 48) != sum_of(bytes.at, chunks))
		return false;
	*out = (struct spool_frame){
		.segment = get_u64(bytes.at + 16),
		.number = get_u64(bytes.at + 24),
		.from = get_u64(bytes.at + 32),
		.end = get_u64(bytes.at + 40),
		.chunks = span_make(bytes.at + SPOOL_FRAME_HEAD_BYTES, chunks),
		.bytes = whole,
	};
	return true;
}

void
spool_message_add(struct strbuf *messages, struct span message)
{
	uint32_t len = (uint32_t)message.len;

	strbuf_add(messages, &len, sizeof(len));
	strbuf_add_span(messages, message);
}

void
spool_chunk_add(struct strbuf *frame, uint64_t end_lsn, struct span messages)
{
	char head[CHUNK_HEAD];

	put_u64(head, end_lsn);
	put_u32(head + 8, (uint32_t)messages.len);
	strbuf_add(frame, head, sizeof(head));
	strbuf_add_span(frame, messages);
}

bool
spool_chunk_next(struct span *chunks, struct spool_chunk *out)
{
	uint32_t len;

	if (chunks->len < CHUNK_HEAD)
		return false;
	len = get_u32(chunks->at + 8);
	if (len > chunks->len - CHUNK_HEAD)
		return false;
	out->end_lsn = get_u64(chunks->at);
	out->messages = span_make(chunks->at + CHUNK_HEAD, len);
	*chunks = span_skip(*chunks, CHUNK_HEAD + len);
	return true;
}

bool
spool_message_next(struct span *messages, struct span *out)
{
	uint32_t len;

	if (messages->len < sizeof(len))
		return false;
	len = get_u32(messages->at);
	if (len > messages->len - sizeof(len))
		return false;
	*out = span_make(messages->at + sizeof(len), len);
	*messages = span_skip(*messages, sizeof(len) + len);
	return true;
}

bool
spool_frame_follows(struct span bytes, uint64_t segment, uint64_t expected)
{
	struct spool_frame f;

	for (; bytes.len >= SPOOL_FRAME_HEAD_BYTES; bytes = span_skip(bytes, 8))
		if (spool_frame_is_of(bytes, segment) &&
		    get_u64(bytes.at + 24) > expected &&
		    spool_frame_read(bytes, &f))
			return true;
	return false;
}
