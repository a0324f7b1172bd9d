#include "base/mime.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/crypto.h"

#define LINE 76 /* of base64: RFC 2045 6.8 */
#define WORD 45 /* bytes whose base64 fits into an encoded word */

static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < ' ' || s.at[i] > '~')
			return false;
	return true;
}

/* Not in the middle of a character. */
static size_t
word_of(struct span s)
{
	size_t n = s.len < WORD ? s.len : WORD;

	while (n < s.len && ((unsigned char)s.at[n] & 0xC0) == 0x80)
		n--;
	return n;
}

void
mime_subject(struct span s, struct strbuf *out)
{
	strbuf_adds(out, "Subject: ");
	if (is_plain(s) && s.len <= 900) {
		strbuf_add_span(out, s);
		strbuf_adds(out, "\r\n");
		return;
	}
	for (bool first = true; s.len > 0; first = false) {
		size_t n = word_of(s);

		strbuf_adds(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		crypto_base64(span_make(s.at, n), out);
		strbuf_adds(out, "?=");
		s = span_skip(s, n);
	}
	strbuf_adds(out, "\r\n");
}

void
mime_base64(struct span body, struct strbuf *out)
{
	STRBUF_AUTO coded = { 0 };
	struct span rest;

	crypto_base64(body, &coded);
	for (rest = strbuf_span(&coded); rest.len > 0;
	     rest = span_skip(rest, LINE)) {
		strbuf_add(out, rest.at, rest.len < LINE ? rest.len : LINE);
		strbuf_adds(out, "\r\n");
	}
}

void
mime_date(int64_t wall_us, struct strbuf *out)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
					    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	struct clock_civil t;

	clock_civil(wall_us, &t);
	strbuf_addf(out, "Date: %s, %02u %s %lld %02u:%02u:%02u +0000\r\n",
		    days[t.weekday], t.day, months[t.month - 1],
		    (long long)t.year, t.hour, t.minute, t.second);
}
