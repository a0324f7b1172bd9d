/*
 * Bodies of HTTP/1.1 messages, read as the bytes come in; nothing is
 * allocated or copied. Chunked coding is strict (RFC 9112 7.1): chunk
 * extensions are passed over within a limit, trailers are validated.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "http/head.h"

enum http_body_result {
	HTTP_BODY_MORE, /* all bytes used, the body goes on */
	HTTP_BODY_DATA, /* *data is the next stretch of content; call again */
	HTTP_BODY_DONE, /* the body ended after *used bytes */
	HTTP_BODY_BAD   /* not a body; see what */
};

#define HTTP_CHUNK_LINE_MAX 256    /* bytes of extensions of a chunk */
#define HTTP_CHUNK_WASTE_MAX 16384 /* of all extensions together */
#define HTTP_TRAILER_MAX 8192

struct http_body {
	enum http_body_kind kind;
	uint8_t state;  /* of the chunked reader */
	uint8_t digits; /* of the chunk size read so far */
	uint8_t name_len;
	uint16_t line;    /* bytes of the size line so far */
	uint32_t waste;   /* of extensions or trailers so far */
	uint64_t left;    /* content bytes of the body or of the chunk */
	uint64_t total;   /* content bytes given out */
	const char *what; /* a constant, after HTTP_BODY_BAD */
	char name[24];    /* start of the trailer's name */
};

void http_body_init(struct http_body *b, enum http_body_kind kind,
		    uint64_t length);

/*
 * Takes the next raw bytes. *used says how many belong to the body (all the
 * framing too, so they can be passed on as they are); *data, inside buf, is
 * only set with HTTP_BODY_DATA. After DONE and BAD every call gives the same
 * with *used 0. len 0 asks for the state (a body of length 0 is DONE).
 */
enum http_body_result http_body_next(struct http_body *b, const char *buf,
				     size_t len, size_t *used,
				     struct span *data);

/* All stretches at once, for passing raw bytes on: MORE, DONE or BAD. */
enum http_body_result http_body_pass(struct http_body *b, const char *buf,
				     size_t len, size_t *used);

/* The connection has ended: DONE if the body is whole, else BAD. */
enum http_body_result http_body_close(struct http_body *b);

/* "1f4\r\n" into out; its length. After the data comes HTTP_CHUNK_END. */
#define HTTP_CHUNK_HEAD_MAX 18
#define HTTP_CHUNK_END "\r\n"
#define HTTP_CHUNK_LAST "0\r\n\r\n"
size_t http_chunk_head(char out[static HTTP_CHUNK_HEAD_MAX], uint64_t size);

#endif
