/*
 * Heads of HTTP/1.1 messages, parsed in place without allocation. Strict by
 * RFC 9110 and 9112: what is not exactly right is refused, never repaired,
 * so that no two readers can take a message differently.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "http/field.h"
#include "http/method.h"

#define HTTP_FIELDS_MAX 128
/* RFC 9112 3.2 */
enum http_form {
	HTTP_FORM_ORIGIN,
	HTTP_FORM_ABSOLUTE,
	HTTP_FORM_AUTHORITY,
	HTTP_FORM_ASTERISK
};
/* RFC 9112 6.3 */
enum http_body_kind {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE
};

struct http_limits {
	uint32_t head_bytes; /* start line and fields with their line ends */
	uint32_t target_bytes;
	uint32_t fields; /* at most HTTP_FIELDS_MAX */
}; /* default: the proxy's 16 KiB and 100, and what it adds */
#define HTTP_LIMITS_DEFAULT \
	((struct http_limits){ 20480, 8192, HTTP_FIELDS_MAX })

/* What to answer (400 414 417 431 501 505; 502 for a response), and why. */
struct http_fault {
	int status;
	const char *what; /* a constant */
};

struct http_line {
	struct span name;
	struct span value; /* without the blanks around it */
	enum http_field id;
};

/* Spans point into the parsed buffer. Only nfields entries are set. */
struct http_head {
	enum http_method method;
	enum http_form form;
	struct span method_text;
	struct span target; /* as sent */
	struct span path;   /* of the target, not decoded; "*" for ASTERISK */
	struct span query;  /* without "?"; at is NULL if there was none */
	struct span host;   /* with the port; of an absolute target or Host */
	uint16_t status;
	struct span reason;
	uint8_t minor; /* HTTP/1.minor: 0 or 1 */
	enum http_body_kind body;
	uint64_t length;      /* of HTTP_BODY_LENGTH */
	bool keep_alive;      /* the sender wants to go on */
	bool expect_continue; /* request, 1.1, with a body */
	bool websocket;       /* asks for, or (101) confirms, websocket */
	bool names_fields;    /* Connection may name other fields */
	struct span upgrade;  /* Upgrade's value if Connection names it */
	uint64_t seen;        /* HTTP_FIELD_BIT of each that is there */
	unsigned nfields;
	struct http_line fields[HTTP_FIELDS_MAX];
};

/* Length of the head with its empty line; 0: not complete yet (answer 431
 * once len exceeds head_bytes). *scanned is 0 at first and lets the next call
 * go on where this one ended. A bare LF ends the search too: the parser then
 * refuses. http_head_lead: length of a CRLF to pass over before a request. */
size_t http_head_end(const char *buf, size_t len, size_t *scanned);
size_t http_head_lead(const char *buf, size_t len);

/* 0, or -1 with *fault. head_len is http_head_end's; limits may be NULL. */
int http_request_parse(struct http_head *h, const char *buf, size_t head_len,
		       const struct http_limits *limits,
		       struct http_fault *fault);

/* method: of the request that it answers. */
int http_response_parse(struct http_head *h, const char *buf, size_t head_len,
			enum http_method method,
			const struct http_limits *limits,
			struct http_fault *fault);

/* Value of the first line with that id / name; at is NULL if none. */
struct span http_head_find(const struct http_head *h, enum http_field id);
struct span http_head_named(const struct http_head *h, const char *name);

#endif
