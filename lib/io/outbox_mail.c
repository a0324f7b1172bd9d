/* A message as mail: RFC 5322 with MIME (RFC 2045, RFC 2047). */
#include "base/clock.h"
#include "base/crypto.h"
#include "io/outbox_inner.h"

#define LINE 76 /* of base64: RFC 2045 6.8 */
#define WORD 45 /* bytes whose base64 fits into an encoded word */

static const char *
text_of(const json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));

	return text != NULL ? text : "";
}

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

static void
add_subject(struct span s, struct strbuf *out)
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

static void
add_body(struct span body, struct strbuf *out)
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
outbox_mail_write(const json_t *doc, struct strbuf *out)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
					    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	const char *from = text_of(doc, "from");
	struct span host = span_of(from);
	struct clock_civil t;
	int64_t made = 0;

	(void)json_get_int(doc, "made_us", &made, NULL);
	clock_civil(made, &t);
	host = span_skip(host, (size_t)(span_find(host, '@') + 1));
	strbuf_addf(out, "From: <%s>\r\nTo: <%s>\r\n", from,
		    text_of(doc, "to") + sizeof("mailto:") - 1);
	add_subject(span_of(text_of(doc, "subject")), out);
	strbuf_addf(out, "Date: %s, %02u %s %lld %02u:%02u:%02u +0000\r\n",
		    days[t.weekday], t.day, months[t.month - 1],
		    (long long)t.year, t.hour, t.minute, t.second);
	strbuf_addf(out, "Message-ID: <%s@%.*s>\r\n", text_of(doc, "id"),
		    SPAN_ARG(host));
	strbuf_addf(out,
		    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: %s\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n",
		    text_of(doc, "type"));
	add_body(span_of(text_of(doc, "body")), out);
}
