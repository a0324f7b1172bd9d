/*
 * A meeting as an iCalendar object (RFC 5545), with its own time zone: each
 * change of the offset that its occurrences can meet is in it (five years of
 * them when it repeats), so nobody has to know our zones. Pure but for the
 * zones (timezone.h).
 */
#ifndef SITE_CALENDAR_H
#define SITE_CALENDAR_H

#include <stdint.h>

#include "base/strbuf.h"

struct meeting;

/* RFC 5546 3.2: to look at; asked to come, or of a change; not to come. */
enum calendar_method { CALENDAR_PUBLISH, CALENDAR_REQUEST, CALENDAR_CANCEL };

const char *calendar_method_name(enum calendar_method method);

struct calendar_of {
	const struct meeting *meeting;
	const char *company, *public_url; /* as in URLs; no slash at the end */
	enum calendar_method method;
	int64_t sequence;     /* REQUEST and CANCEL; else from its times */
	const char *attendee; /* of these: whose mail it is */
};

/* SEQUENCE of a meeting that nobody was told of: seconds from its creation to
 * its last change. */
int64_t calendar_sequence(const struct meeting *m);

/* Appended: lines with CRLF, folded at 75 bytes. */
void calendar_write(const struct calendar_of *of, struct strbuf *out);

#endif
