/* What the request and the response parser share; this folder's own. */
#ifndef HTTP_HEAD_PARSE_H
#define HTTP_HEAD_PARSE_H

#include "http/head.h"

struct head_parse {
	struct http_head *h;
	const char *begin;
	const char *at; /* cursor */
	const char *end;
	const struct http_limits *limits;
	struct http_fault *fault;
	int fault_status; /* of a syntax error: 400 or 502 */
	/* found in the fields */
	unsigned hosts;
	struct span host;
	unsigned lengths;
	uint64_t length;
	unsigned codings; /* Transfer-Encoding lines */
	unsigned upgrades;
	struct span upgrade;
	bool expect;
	bool close;
	bool keep_alive;
	bool names_upgrade; /* Connection lists it */
};

/* Clears h (not its lines) and checks the length of the head. */
int head_parse_begin(struct head_parse *p, const char *buf, size_t len);

/* "HTTP/1.0" or "HTTP/1.1" at the cursor. */
int head_parse_version(struct head_parse *p);

/* CR LF at the cursor. */
int head_parse_line_end(struct head_parse *p);

/* All lines up to the empty one, each checked and counted above. */
int head_parse_fields(struct head_parse *p);

/* -1, with the fault set. */
int head_parse_fail(struct head_parse *p, int status, const char *what);

#endif
