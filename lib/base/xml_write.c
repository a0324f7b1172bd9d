#include <string.h>

#include "base/utf8.h"
#include "base/xml.h"

enum place { IN_TEXT, IN_ATTR };

void
xml_start(struct strbuf *sb)
{
	strbuf_adds(sb, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

/* What stands for an ASCII character, or NULL: itself. */
static const char *
ascii_escape(char c, enum place place)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&apos;";
	case '\r':
		return "&#13;";
	case '\t':
		return place == IN_ATTR ? "&#9;" : NULL;
	case '\n':
		return place == IN_ATTR ? "&#10;" : NULL;
	default:
		return (unsigned char)c < 0x20 ? UTF8_REPLACEMENT : NULL;
	}
}

/* Bytes at its start that are ASCII and stand for themselves everywhere. */
static size_t
plain(struct span s)
{
	size_t n = 0;

	while (n < s.len && (signed char)s.at[n] >= ' ' &&
	       ascii_escape(s.at[n], IN_ATTR) == NULL)
		n++;
	return n;
}

/* The first character; returns its bytes. */
static size_t
escape_first(struct strbuf *sb, struct span s, enum place place)
{
	uint32_t cp = 0;
	size_t n = utf8_first(s, &cp);
	const char *instead = n == 1 ? ascii_escape(s.at[0], place) : NULL;

	if (n == 0 || cp == 0xfffe || cp == 0xffff)
		instead = UTF8_REPLACEMENT;
	if (instead != NULL)
		strbuf_adds(sb, instead);
	else
		strbuf_add(sb, s.at, n);
	return n > 0 ? n : 1;
}

static void
escape(struct strbuf *sb, struct span s, enum place place)
{
	while (s.len > 0) {
		size_t n = plain(s);

		strbuf_add(sb, s.at, n);
		s = span_skip(s, n);
		if (s.len > 0)
			s = span_skip(s, escape_first(sb, s, place));
	}
}

void
xml_escape(struct strbuf *sb, struct span text)
{
	escape(sb, text, IN_TEXT);
}

static inline void
add_tag(struct strbuf *sb, const char *before, const char *name,
	const char *after)
{
	size_t b = strlen(before), n = strlen(name), a = strlen(after);
	char *to = strbuf_reserve(sb, b + n + a);

	memcpy(to, before, b);
	memcpy(to + b, name, n);
	memcpy(to + b + n, after, a + 1);
	sb->len += b + n + a;
}

void
xml_open(struct strbuf *sb, const char *name)
{
	add_tag(sb, "<", name, ">");
}

void
xml_open_attrs(struct strbuf *sb, const char *name, const char *const *attrs)
{
	strbuf_addc(sb, '<');
	strbuf_adds(sb, name);
	for (; attrs[0] != NULL; attrs += 2) {
		strbuf_addc(sb, ' ');
		strbuf_adds(sb, attrs[0]);
		strbuf_adds(sb, "=\"");
		escape(sb, span_of(attrs[1]), IN_ATTR);
		strbuf_addc(sb, '"');
	}
	strbuf_addc(sb, '>');
}

void
xml_close(struct strbuf *sb, const char *name)
{
	add_tag(sb, "</", name, ">");
}

void
xml_leaf(struct strbuf *sb, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0') {
		add_tag(sb, "<", name, "/>");
		return;
	}
	xml_open(sb, name);
	xml_escape(sb, span_of(text));
	xml_close(sb, name);
}

void
xml_leaf_int(struct strbuf *sb, const char *name, long long value)
{
	xml_open(sb, name);
	strbuf_addi(sb, value);
	xml_close(sb, name);
}
