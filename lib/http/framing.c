/*
 * The chunked reader by bytes; content is taken in stretches:
 *
 *   SIZE -> [SIZE_BLANK -> EXT] -> SIZE_LF -> CONTENT -> CONTENT_CR ->
 *   CONTENT_LF -> SIZE ... SIZE_LF (of size 0) -> LINE -> [NAME -> VALUE ->
 *   VALUE_LF -> LINE] -> LAST_LF -> END
 */
#include "http/framing.h"

#include <assert.h>

#include "http/chars.h"

enum state {
	SIZE,
	SIZE_BLANK,
	EXT,
	SIZE_LF,
	CONTENT,
	CONTENT_CR,
	CONTENT_LF,
	LINE,
	NAME,
	VALUE,
	VALUE_LF,
	LAST_LF,
	END,
	BAD
};

static void step(struct http_body *b, char c);

void
http_body_init(struct http_body *b, enum http_body_kind kind, uint64_t length)
{
	*b = (struct http_body){ .kind = kind, .left = length };
	if (kind == HTTP_BODY_CHUNKED)
		b->left = 0;
	if (kind == HTTP_BODY_NONE || (kind == HTTP_BODY_LENGTH && length == 0))
		b->state = END;
	else if (kind != HTTP_BODY_CHUNKED)
		b->state = CONTENT;
}

/* Where the content of a body of known length, or of a chunk, is used up. */
static void
end_content(struct http_body *b)
{
	b->state = b->kind == HTTP_BODY_CHUNKED ? CONTENT_CR : END;
}

static void
take_content(struct http_body *b, const char *at, size_t len, struct span *data)
{
	size_t n = len;

	if (b->kind != HTTP_BODY_UNTIL_CLOSE) {
		if (n > b->left)
			n = (size_t)b->left;
		b->left -= n;
		if (b->left == 0)
			end_content(b);
	}
	b->total += n;
	*data = span_make(at, n);
}

enum http_body_result
http_body_next(struct http_body *b, const char *buf, size_t len, size_t *used,
	       struct span *data)
{
	size_t i = 0;

	while (i < len && b->state != END && b->state != BAD) {
		if (b->state == CONTENT) {
			take_content(b, buf + i, len - i, data);
			*used = i + data->len;
			return HTTP_BODY_DATA;
		}
		step(b, buf[i++]);
	}
	*used = i;
	if (b->state == END)
		return HTTP_BODY_DONE;
	return b->state == BAD ? HTTP_BODY_BAD : HTTP_BODY_MORE;
}

enum http_body_result
http_body_pass(struct http_body *b, const char *buf, size_t len, size_t *used)
{
	enum http_body_result rc;
	struct span data;
	size_t n;

	*used = 0;
	do {
		rc = http_body_next(b, buf + *used, len - *used, &n, &data);
		*used += n;
	} while (rc == HTTP_BODY_DATA);
	return rc;
}

enum http_body_result
http_body_close(struct http_body *b)
{
	if (b->kind == HTTP_BODY_UNTIL_CLOSE)
		b->state = END;
	if (b->state == END)
		return HTTP_BODY_DONE;
	if (b->state != BAD)
		b->what = "the connection ended within the body";
	b->state = BAD;
	return HTTP_BODY_BAD;
}

static void
fail(struct http_body *b, const char *what)
{
	b->state = BAD;
	b->what = what;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
on_size(struct http_body *b, char c)
{
	int digit = hex_value(c);

	if (digit >= 0) {
		if (++b->digits > 16)
			return fail(b, "chunk size has more than 16 digits");
		b->left = b->left << 4 | (unsigned)digit;
		return;
	}
	if (b->digits == 0)
		return fail(b, "chunk size is not a hexadecimal number");
	if (b->left > INT64_MAX)
		return fail(b, "chunk size is too large");
	if (c == '\r')
		b->state = SIZE_LF;
	else if (c == ';')
		b->state = EXT;
	else if (http_char_blank(c))
		b->state = SIZE_BLANK;
	else
		fail(b, "chunk size is not a hexadecimal number");
}

/* A blank after the size is only right before an extension. */
static void
on_extension(struct http_body *b, char c)
{
	if (++b->line > HTTP_CHUNK_LINE_MAX ||
	    ++b->waste > HTTP_CHUNK_WASTE_MAX)
		return fail(b, "chunk extensions are too long");
	if (b->state == SIZE_BLANK) {
		if (c == ';')
			b->state = EXT;
		else if (!http_char_blank(c))
			fail(b, "bytes after the chunk size");
	} else if (c == '\r') {
		b->state = SIZE_LF;
	} else if (!http_char_is(c, HTTP_CHAR_VALUE)) {
		fail(b, "control character in a chunk extension");
	}
}

static void
on_size_end(struct http_body *b, char c)
{
	if (c != '\n')
		return fail(b, "chunk size line does not end with CR LF");
	b->digits = 0;
	b->line = 0;
	b->state = CONTENT;
	if (b->left > 0)
		return;
	b->state = LINE;
	b->waste = 0;
}

static void
on_content_end(struct http_body *b, char c)
{
	if (c != (b->state == CONTENT_CR ? '\r' : '\n'))
		return fail(b, "chunk does not end with CR LF");
	b->state = b->state == CONTENT_CR ? CONTENT_LF : SIZE;
}

/* What frames, routes or authenticates must stand in the head. */
static bool
trailer_allowed(struct span name)
{
	switch (http_field_id(name)) {
	case HTTP_FIELD_OTHER:
	case HTTP_FIELD_DATE:
	case HTTP_FIELD_ETAG:
	case HTTP_FIELD_LINK:
		return true;
	default:
		return false;
	}
}

static void
on_trailer_name(struct http_body *b, char c)
{
	if (c == ':' && b->name_len > 0) {
		if (!trailer_allowed(span_make(b->name, b->name_len)))
			return fail(b, "field is not allowed in a trailer");
		b->state = VALUE;
		return;
	}
	if (!http_char_is(c, HTTP_CHAR_TOKEN))
		return fail(b, "invalid trailer name");
	if (b->name_len < sizeof(b->name))
		b->name[b->name_len++] = c;
	b->state = NAME;
}

static void
on_trailer(struct http_body *b, char c)
{
	if (++b->waste > HTTP_TRAILER_MAX)
		return fail(b, "trailers are too long");
	if (b->state == LINE) {
		b->name_len = 0;
		if (c == '\r')
			b->state = LAST_LF;
		else
			on_trailer_name(b, c);
	} else if (b->state == NAME) {
		on_trailer_name(b, c);
	} else if (c == '\r') {
		b->state = VALUE_LF;
	} else if (!http_char_is(c, HTTP_CHAR_VALUE)) {
		fail(b, "control character in a trailer");
	}
}

static void
step(struct http_body *b, char c)
{
	switch ((enum state)b->state) {
	case SIZE:
		return on_size(b, c);
	case SIZE_BLANK:
	case EXT:
		return on_extension(b, c);
	case SIZE_LF:
		return on_size_end(b, c);
	case CONTENT_CR:
	case CONTENT_LF:
		return on_content_end(b, c);
	case LINE:
	case NAME:
	case VALUE:
		return on_trailer(b, c);
	case VALUE_LF:
	case LAST_LF:
		if (c != '\n')
			return fail(b, "trailer does not end with CR LF");
		b->state = b->state == VALUE_LF ? LINE : END;
		return;
	case CONTENT:
	case END:
	case BAD:
		break;
	}
	assert(!"a state that takes bytes");
}

size_t
http_chunk_head(char out[static HTTP_CHUNK_HEAD_MAX], uint64_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 1, i;

	for (uint64_t s = size >> 4; s != 0; s >>= 4)
		n++;
	for (i = n; i > 0; i--, size >>= 4)
		out[i - 1] = hex[size & 15];
	out[n++] = '\r';
	out[n++] = '\n';
	return n;
}
