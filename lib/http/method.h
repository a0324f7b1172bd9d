/* Request methods (RFC 9110 9, RFC 5789). */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include <stdbool.h>

#include "base/span.h"

enum http_method {
	HTTP_OTHER, /* a valid token that is none of these */
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_PATCH
};

/* Case-sensitive, as methods are. */
enum http_method http_method_id(struct span name);

/* "GET", ...; "" for HTTP_OTHER. */
const char *http_method_name(enum http_method m);

/* GET HEAD OPTIONS TRACE; and with PUT DELETE what may be sent twice. */
bool http_method_safe(enum http_method m);
bool http_method_idempotent(enum http_method m);

#endif
