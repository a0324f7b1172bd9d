/*
 * Answers of the proxy's own, in the form of the API that was called:
 * a FAILURE document, a JSON error, or plain words (routing.md).
 */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include <stdbool.h>

#include "base/span.h"
#include "base/strbuf.h"
#include "proxy/route.h"

enum reply_form { REPLY_PLAIN, REPLY_XML, REPLY_JSON };

struct reply {
	int status;
	enum reply_form form;
	const char *why;        /* a sentence for people; a constant */
	const char *body;       /* instead of a form; a constant, or NULL */
	unsigned retry_after_s; /* 0: no such field */
	enum route_site active; /* what gsbStatus says */
	struct span id;         /* of the request: the tracking id */
	const char *allow;      /* with 405 */
};

/* The API that a path belongs to. */
enum reply_form reply_form_of(struct span path);

const char *reply_content_type(const struct reply *r);
/* Appends the body. */
void reply_body(const struct reply *r, struct strbuf *out);
/* Appends the fields but Content-Length, Date and Connection, as lines. */
void reply_fields(const struct reply *r, struct strbuf *out);

#endif
