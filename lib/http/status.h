/* Status codes of the IANA registry (RFC 9110 15 and others). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <stdbool.h>

/* "Not Found"; for unknown codes the name of their class, never NULL. */
const char *http_status_reason(int status);

/* A response with this status never has a body: 1xx, 204, 304. */
bool http_status_bodyless(int status);

#endif
