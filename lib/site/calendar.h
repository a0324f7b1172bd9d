/*
 * A meeting as an iCalendar object (RFC 5545), with its own time zone: each
 * change of the offset that its occurrences can meet is in it (five years of
 * them when it repeats), so nobody has to know our zones. Pure but for the
 * zones (timezone.h).
 */
#ifndef SITE_CALENDAR_H
#define SITE_CALENDAR_H

#include <stdbool.h>

#include "base/strbuf.h"

struct meeting;

struct calendar_of {
	const struct meeting *meeting;
	const char *company, *public_url; /* as in URLs; no slash at the end */
	bool cancelled;                   /* METHOD:CANCEL, else PUBLISH */
};

/* Appended: lines with CRLF, folded at 75 bytes. */
void calendar_write(const struct calendar_of *of, struct strbuf *out);

#endif
