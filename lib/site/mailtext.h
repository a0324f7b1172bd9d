/*
 * Mail about a meeting: an invitation, an update, a cancellation, each with
 * its iCalendar object (RFC 6047), or a reminder; or about an account whose
 * password or address is another one now. Pure but for the zones.
 */
#ifndef SITE_MAILTEXT_H
#define SITE_MAILTEXT_H

#include <stdint.h>

#include "base/json.h"
#include "base/strbuf.h"

enum mailtext_kind {
	MAILTEXT_INVITED,
	MAILTEXT_CHANGED,
	MAILTEXT_CANCELLED,
	MAILTEXT_REMINDER,
	MAILTEXT_ACCOUNT,
};

struct mailtext {
	enum mailtext_kind kind;
	const char *id; /* of the invitation: the same mail, the same id */
	const char *from, *to; /* addresses */
	const char *company, *public_url;
	int64_t sequence;
	int64_t starts_us; /* of the occurrence; 0: the meeting's first */
	int64_t now_us;
	const json_t *about; /* "content" of an invitation (mail_sql.h) */
};

/* Appended: header and body, lines with CRLF. */
void mailtext_write(const struct mailtext *t, struct strbuf *out);

#endif
