/*
 * Header blocks of answers (RFC 7541), as one connection's encoder. A line
 * that comes again is one or two bytes, found by the bytes that the site sent;
 * values that mostly differ are never put into the table. No Huffman code: it
 * would save fewer bytes than it costs time.
 */
#ifndef PROXY_HPACK_H
#define PROXY_HPACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "http/head.h"

#define HPACK_SETS 8
#define HPACK_WAYS 4
#define HPACK_LINE 112  /* the longest that is put into the table */
#define HPACK_FIELD 16  /* a field takes that much beside its bytes */
#define HPACK_STATUS 16 /* the first one, :status */

/* A line of the table, as "Name: value" came from the site. */
struct hpack_line {
	uint64_t start; /* what all lines before it counted for */
	uint32_t number;
	uint32_t len; /* 0: none */
	char text[HPACK_LINE];
};

struct hpack {
	uint64_t total; /* what all lines so far counted for */
	uint64_t floor; /* lines that start before it are gone */
	uint32_t lines; /* so far */
	uint32_t max;   /* SETTINGS_HEADER_TABLE_SIZE, as far as it is used */
	uint32_t tags[HPACK_SETS][HPACK_WAYS];
	struct hpack_line line[HPACK_SETS][HPACK_WAYS];
};

struct hpack *hpack_new(void);
void hpack_free(struct hpack **t);

/* All write to out and return its new end. */
char *hpack_status(char *out, unsigned status);
/* Name and value stand in one line, as http_head has them. */
char *hpack_field(struct hpack *t, char *out, const struct http_line *line);

/*
 * The length of what a block says about the table's size before its first
 * field (nghttp2 writes that); the table obeys.
 */
size_t hpack_resized(struct hpack *t, const uint8_t *block, size_t len);

/* ASCII letters become small ones. Returns the end. */
char *hpack_small(char *out, struct span name);

#endif
