#include "http/method.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = { "",      "GET",    "HEAD",    "POST",
				     "PUT",   "DELETE", "CONNECT", "OPTIONS",
				     "TRACE", "PATCH" };
static_assert(sizeof(names) / sizeof(names[0]) == HTTP_PATCH + 1,
	      "one name for each method");
static const unsigned char lengths[] = { 0, 3, 4, 4, 3, 6, 7, 7, 5, 5 };

enum http_method
http_method_id(struct span name)
{
	for (int m = HTTP_GET; m <= HTTP_PATCH; m++)
		if (name.len == lengths[m] &&
		    memcmp(name.at, names[m], name.len) == 0)
			return (enum http_method)m;
	return HTTP_OTHER;
}

const char *
http_method_name(enum http_method m)
{
	return names[m];
}

bool
http_method_safe(enum http_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS ||
	       m == HTTP_TRACE;
}

bool
http_method_idempotent(enum http_method m)
{
	return http_method_safe(m) || m == HTTP_PUT || m == HTTP_DELETE;
}
