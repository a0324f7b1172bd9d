#include "site/calendar.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "site/record.h"
#include "site/recurrence.h"
#include "site/timezone.h"

#define LINE_MAX_BYTES 75
#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)
#define STEP_US (7 * DAY_US) /* no zone changes twice within it */
#define YEAR_US (366 * DAY_US)
#define YEARS 5

static void line(struct strbuf *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void text_line(struct strbuf *out, const char *name, const char *text);
static void write_zone(const struct meeting *m, const struct timezone_info *tz,
		       struct strbuf *out);
static void write_offset(const struct timezone_info *tz, int64_t at_us,
			 int64_t before_us, struct strbuf *out);
static void write_rule(const struct meeting *m, const struct timezone_info *tz,
		       struct strbuf *out);

static void
utc(int64_t us, char out[static 20])
{
	struct clock_civil c;

	clock_civil(us, &c);
	snprintf(out, 20, "%04lld%02u%02uT%02u%02u%02uZ", (long long)c.year,
		 c.month, c.day, c.hour, c.minute, c.second);
}

static void
local(const struct timezone_info *tz, int64_t us, char out[static 20])
{
	struct clock_civil c;

	timezone_local(tz, us, &c);
	snprintf(out, 20, "%04lld%02u%02uT%02u%02u%02u", (long long)c.year,
		 c.month, c.day, c.hour, c.minute, c.second);
}

static void
write_event(const struct calendar_of *of, const struct timezone_info *tz,
	    struct strbuf *out)
{
	const struct meeting *m = of->meeting;
	char at[20];

	line(out, "BEGIN:VEVENT");
	line(out, "UID:%s@%s", m->id, of->company);
	utc(m->modified_us, at);
	line(out, "DTSTAMP:%s", at);
	line(out, "LAST-MODIFIED:%s", at);
	line(out, "SEQUENCE:%lld",
	     (long long)(of->method == CALENDAR_PUBLISH ? calendar_sequence(m)
							: of->sequence));
	local(tz, m->starts_us, at);
	line(out, "DTSTART;TZID=%s:%s", tz->iana, at);
	line(out, "DURATION:PT%lldM", (long long)m->duration);
	write_rule(m, tz, out);
	text_line(out, "SUMMARY", m->confname);
	if (m->agenda != NULL && m->agenda[0] != '\0')
		text_line(out, "DESCRIPTION", m->agenda);
	line(out, "URL:%s/%s/m.php?AT=JM&MK=%lld", of->public_url, of->company,
	     (long long)m->number);
	line(out, "LOCATION:%s/%s/m.php?AT=JM&MK=%lld", of->public_url,
	     of->company, (long long)m->number);
	if (m->host_email != NULL)
		line(out, "ORGANIZER:mailto:%s", m->host_email);
	if (of->attendee != NULL)
		line(out, "ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=FALSE:mailto:%s",
		     of->attendee);
	line(out, "STATUS:%s",
	     of->method == CALENDAR_CANCEL ? "CANCELLED" : "CONFIRMED");
	line(out, "END:VEVENT");
}

int64_t
calendar_sequence(const struct meeting *m)
{
	return (m->modified_us - m->created_us) / SECOND_US;
}

const char *
calendar_method_name(enum calendar_method method)
{
	static const char *const names[] = { "PUBLISH", "REQUEST", "CANCEL" };

	return names[method];
}

void
calendar_write(const struct calendar_of *of, struct strbuf *out)
{
	struct timezone_info tz = timezone_of(of->meeting->timezone_id,
					      of->meeting->timezone);

	line(out, "BEGIN:VCALENDAR");
	line(out, "VERSION:2.0");
	line(out, "PRODID:-//GSB//Meetings//EN");
	line(out, "METHOD:%s", calendar_method_name(of->method));
	write_zone(of->meeting, &tz, out);
	write_event(of, &tz, out);
	line(out, "END:VCALENDAR");
}

/* Folded between characters: a line goes on behind CRLF and a blank. */
static void
fold(struct strbuf *out, const char *text, size_t len)
{
	size_t room = LINE_MAX_BYTES;

	while (len > room) {
		size_t n = room;

		while (n > 1 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		strbuf_add(out, text, n);
		strbuf_adds(out, "\r\n ");
		text += n;
		len -= n;
		room = LINE_MAX_BYTES - 1;
	}
	strbuf_add(out, text, len);
	strbuf_adds(out, "\r\n");
}

static void
line(struct strbuf *out, const char *fmt, ...)
{
	STRBUF_AUTO one = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&one, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < one.len; i++)
		if ((unsigned char)one.at[i] < ' ')
			one.at[i] = ' ';
	fold(out, one.at, one.len);
}

static void
text_line(struct strbuf *out, const char *name, const char *text)
{
	STRBUF_AUTO one = { 0 };

	strbuf_addf(&one, "%s:", name);
	for (; *text != '\0'; text++) {
		if (*text == '\r')
			continue;
		if (*text == '\n') {
			strbuf_adds(&one, "\\n");
			continue;
		}
		if (strchr("\\;,", *text) != NULL)
			strbuf_addc(&one, '\\');
		strbuf_addc(&one, (unsigned char)*text < ' ' ? ' ' : *text);
	}
	fold(out, one.at, one.len);
}

/* --- the zone ---------------------------------------------------------- */

/* The first instant of the offset that holds at to_us, after from_us. */
static int64_t
change_between(const struct timezone_info *tz, int64_t from_us, int64_t to_us)
{
	int32_t after = timezone_offset_s(tz, to_us);

	while (to_us - from_us > SECOND_US) {
		int64_t mid = from_us +
			      (to_us - from_us) / 2 / SECOND_US * SECOND_US;

		if (mid == from_us)
			mid += SECOND_US;
		if (timezone_offset_s(tz, mid) == after)
			to_us = mid;
		else
			from_us = mid;
	}
	return to_us;
}

/* What holds a year before the start, and each change from there on. */
static void
write_zone(const struct meeting *m, const struct timezone_info *tz,
	   struct strbuf *out)
{
	int64_t start_us = m->starts_us / DAY_US * DAY_US;
	int64_t at_us = start_us - YEAR_US;
	int64_t end_us = start_us +
			 (m->recurrence != NULL ? YEARS : 1) * YEAR_US;

	line(out, "BEGIN:VTIMEZONE");
	line(out, "TZID:%s", tz->iana);
	write_offset(tz, at_us, at_us, out);
	for (; at_us < end_us; at_us += STEP_US) {
		int64_t next = at_us + STEP_US;

		if (timezone_offset_s(tz, at_us) == timezone_offset_s(tz, next))
			continue;
		next = change_between(tz, at_us, next);
		write_offset(tz, next, next - SECOND_US, out);
	}
	line(out, "END:VTIMEZONE");
}

static const char *
offset_text(int32_t s, char out[static 16])
{
	unsigned minutes = (unsigned)(s < 0 ? -s : s) / 60;

	snprintf(out, 16, "%c%02u%02u", s < 0 ? '-' : '+', minutes / 60 % 100,
		 minutes % 60);
	return out;
}

/* DTSTART is in the local time of the offset before. */
static void
write_offset(const struct timezone_info *tz, int64_t at_us, int64_t before_us,
	     struct strbuf *out)
{
	const char *kind = timezone_is_dst(tz, at_us) ? "DAYLIGHT" : "STANDARD";
	int32_t before = timezone_offset_s(tz, before_us);
	char text[20], offset[16];

	utc(at_us + before * SECOND_US, text);
	text[strlen(text) - 1] = '\0';
	line(out, "BEGIN:%s", kind);
	line(out, "DTSTART:%s", text);
	line(out, "TZOFFSETFROM:%s", offset_text(before, offset));
	line(out, "TZOFFSETTO:%s",
	     offset_text(timezone_offset_s(tz, at_us), offset));
	line(out, "END:%s", kind);
}

static void
write_rule(const struct meeting *m, const struct timezone_info *tz,
	   struct strbuf *out)
{
	JSON_AUTO elements = m->recurrence != NULL
				 ? json_read(span_of(m->recurrence), NULL)
				 : NULL;
	STRBUF_AUTO rule = { 0 };

	recurrence_write(elements, tz, &rule);
	if (rule.len > 0)
		line(out, "RRULE:%s", strbuf_text(&rule));
}
