/*
 * What can be wrong with a request, once for all APIs: the JSON API takes
 * status and text, the XML API exception id and text (site-api.md).
 */
#ifndef SITE_FAULT_H
#define SITE_FAULT_H

enum fault {
	FAULT_INTERNAL,        /* 500 000000 */
	FAULT_INVALID,         /* 400; XML: "validation: ..." */
	FAULT_UNAUTHENTICATED, /* 401: no credentials at all */
	FAULT_NO_USER,         /* 401 030001 */
	FAULT_PASSWORD,        /* 401 030002 */
	FAULT_TICKET,          /* 401 030047: ticket or token */
	FAULT_LOCKED,          /* 423 030002: too many failures */
	FAULT_INACTIVE,        /* 403 030002: deactivated account */
	FAULT_DENIED,          /* 403 000001 */
	FAULT_NO_SITE,         /* 404: unknown company */
	FAULT_NO_RECORD,       /* 404 000015 */
	FAULT_NO_MEETING,      /* 404 060001 */
	FAULT_NO_PAGE,         /* 404: no such path */
	FAULT_METHOD,          /* 405 */
	FAULT_WEBEXID_EXISTS,  /* 409 030004 */
	FAULT_EMAIL_EXISTS,    /* 409 030005 */
	FAULT_NEEDS_PASSWORD,  /* 400 060026 */
	FAULT_CONFLICT,        /* 409: key re-used, state changed */
	FAULT_TOO_LARGE,       /* 413 */
	FAULT_MEDIA_TYPE,      /* 415 */
	FAULT_TOO_MANY,        /* 429, Retry-After */
	FAULT_UNAVAILABLE,     /* 503, Retry-After */
	FAULT_COUNT
};

struct fault_row {
	int status;
	const char *exception; /* six digits; NULL: has none */
	const char *text;      /* said when the caller gives no words */
};
const struct fault_row *fault_row(enum fault f);

#endif
