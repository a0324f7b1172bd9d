/*
 * Bodies: however the bytes are cut, the content, the end and the verdict
 * are the same. The first byte chooses the kind, the second the length.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "http/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum http_body_result rc;
	enum http_body_result closed;
	size_t used;
	struct strbuf content;
};

/* One piece, in a buffer of its own so that no read goes beyond it. */
static void
feed_piece(struct http_body *b, const char *at, size_t len, struct outcome *o)
{
	char *copy = malloc(len > 0 ? len : 1);
	size_t used = 0;

	assert(copy != NULL);
	if (len > 0)
		memcpy(copy, at, len);
	do {
		struct span data = { 0 };
		size_t n = 0;

		o->rc = http_body_next(b, copy + used, len - used, &n, &data);
		assert(n <= len - used);
		if (o->rc == HTTP_BODY_DATA) {
			assert(data.len > 0 && data.at >= copy + used &&
			       data.at + data.len == copy + used + n);
			strbuf_add_span(&o->content, data);
		}
		used += n;
	} while (o->rc == HTTP_BODY_DATA);
	if (o->rc == HTTP_BODY_MORE)
		assert(used == len);
	o->used += used;
	free(copy);
}

static struct outcome
feed(const uint8_t *data, size_t size, size_t step)
{
	static const enum http_body_kind kinds[] = { HTTP_BODY_NONE,
						     HTTP_BODY_LENGTH,
						     HTTP_BODY_CHUNKED,
						     HTTP_BODY_UNTIL_CLOSE };
	struct outcome o = { .rc = HTTP_BODY_MORE };
	const char *text = (const char *)data + 2;
	size_t len = size - 2;
	struct http_body b;

	http_body_init(&b, kinds[data[0] % 4], data[1]);
	for (size_t at = 0; at < len && o.rc == HTTP_BODY_MORE; at += step)
		feed_piece(&b, text + at, len - at < step ? len - at : step,
			   &o);
	assert(b.total == o.content.len);
	o.closed = http_body_close(&b);
	assert(o.closed == HTTP_BODY_DONE || b.what != NULL);
	return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole;

	if (size < 2)
		return 0;
	whole = feed(data, size, size);
	for (size_t step = 1; step < size && step < 10; step++) {
		struct outcome o = feed(data, size, step);

		assert(o.rc == whole.rc && o.used == whole.used);
		assert(o.closed == whole.closed);
		assert(span_eq(strbuf_span(&o.content),
			       strbuf_span(&whole.content)));
		strbuf_fini(&o.content);
	}
	strbuf_fini(&whole.content);
	return 0;
}
