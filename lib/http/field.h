/*
 * Field names that the product acts on, as small numbers, and the list
 * syntax of their values (RFC 9110 5.6.1).
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum http_field {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_ACCEPT,
	HTTP_FIELD_ACCEPT_ENCODING,
	HTTP_FIELD_AUTHORIZATION,
	HTTP_FIELD_CACHE_CONTROL,
	HTTP_FIELD_CONNECTION,
	HTTP_FIELD_CONTENT_ENCODING,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_COOKIE,
	HTTP_FIELD_DATE,
	HTTP_FIELD_ETAG,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_FORWARDED,
	HTTP_FIELD_GSB_EPOCH,
	HTTP_FIELD_GSB_NOT_PROCESSED,
	HTTP_FIELD_GSB_OTHER, /* any other GSB-*: never believed from clients */
	HTTP_FIELD_GSB_OUTCOME,
	HTTP_FIELD_GSB_REQUEST,
	HTTP_FIELD_GSB_SITE,
	HTTP_FIELD_HOST,
	HTTP_FIELD_IDEMPOTENCY_KEY,
	HTTP_FIELD_IF_MODIFIED_SINCE,
	HTTP_FIELD_IF_NONE_MATCH,
	HTTP_FIELD_KEEP_ALIVE,
	HTTP_FIELD_LINK,
	HTTP_FIELD_LOCATION,
	HTTP_FIELD_ORIGIN,
	HTTP_FIELD_PROXY_AUTHENTICATE,
	HTTP_FIELD_PROXY_AUTHORIZATION,
	HTTP_FIELD_PROXY_CONNECTION,
	HTTP_FIELD_RANGE,
	HTTP_FIELD_REFERER,
	HTTP_FIELD_RETRY_AFTER,
	HTTP_FIELD_SEC_WEBSOCKET_KEY,
	HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL,
	HTTP_FIELD_SEC_WEBSOCKET_VERSION,
	HTTP_FIELD_SERVER,
	HTTP_FIELD_SET_COOKIE,
	HTTP_FIELD_TE,
	HTTP_FIELD_TRAILER,
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_UPGRADE,
	HTTP_FIELD_USER_AGENT,
	HTTP_FIELD_VIA,
	HTTP_FIELD_X_FORWARDED_FOR,
	HTTP_FIELD_X_FORWARDED_HOST,
	HTTP_FIELD_X_FORWARDED_PROTO,
	HTTP_FIELD_X_GSB_STATUS,
	HTTP_FIELD_COUNT
};
#define HTTP_FIELD_BIT(id) (UINT64_C(1) << (id)) /* for sets of them */

/* Case-insensitive. */
enum http_field http_field_id(struct span name);

/* "Content-Length", ...; "" for OTHER, GSB_OTHER and COUNT. */
const char *http_field_name(enum http_field id);

/* Belongs to one connection and is never forwarded (RFC 9110 7.6.1), apart
 * from the names that the Connection field lists. */
bool http_field_hop_by_hop(enum http_field id);

/*
 * The next element of a comma-separated list without blanks around it; a
 * comma in a quoted string is part of the element, empty elements are passed
 * over. False at the end.
 */
bool http_list_next(struct span *rest, struct span *element);

/* True if an element equals token (case-insensitive). */
bool http_list_has(struct span list, const char *token);

/* One or more tchar (RFC 9110 5.6.2). */
bool http_token_valid(struct span s);

/* Only VCHAR, obs-text, SP and HTAB. */
bool http_value_valid(struct span s);

/* uri-host [ ":" port ] (RFC 9110 7.2); not empty, no longer than a name and
 * a port can be. */
#define HTTP_HOST_MAX 261
bool http_host_valid(struct span s);

#endif
