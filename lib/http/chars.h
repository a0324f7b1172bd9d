/* Character classes of HTTP/1.1, for this folder's own use. */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>

enum {
	HTTP_CHAR_TOKEN = 1,  /* tchar (RFC 9110 5.6.2) */
	HTTP_CHAR_VALUE = 2,  /* VCHAR, obs-text, SP, HTAB */
	HTTP_CHAR_TARGET = 4, /* in a request target; see chars.c */
	HTTP_CHAR_HOST = 8,   /* unreserved, sub-delims (RFC 3986) and "%" */
	HTTP_CHAR_HEX = 16,
};

extern const unsigned char http_chars[256];

static inline bool
http_char_is(char c, int class)
{
	return (http_chars[(unsigned char)c] & class) != 0;
}

static inline bool
http_char_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The first byte in [at, end) that is no tchar, cannot stand in a field value,
 * or not in a target; or end. From begin on bytes may be read.
 */
const char *http_chars_skip_token(const char *begin, const char *at,
				  const char *end);
const char *http_chars_skip_value(const char *begin, const char *at,
				  const char *end);
const char *http_chars_skip_target(const char *begin, const char *at,
				   const char *end);

/*
 * First LF in [at, end) that ends a head, being one of an empty line or
 * without a CR; or end. begin: of the head.
 */
const char *http_chars_find_end(const char *begin, const char *at,
				const char *end);

#endif
