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

static void
escape(struct strbuf *sb, struct span s, enum place place)
{
	while (s.len > 0) {
		uint32_t cp = 0;
		size_t n = utf8_first(s, &cp);
		const char *instead = n == 1 ? ascii_escape(s.at[0], place)
					     : NULL;

		if (n == 0 || cp == 0xfffe || cp == 0xffff)
			instead = UTF8_REPLACEMENT;
		if (instead != NULL)
			strbuf_adds(sb, instead);
		else
			strbuf_add(sb, s.at, n);
		s = span_skip(s, n > 0 ? n : 1);
	}
}

void
xml_escape(struct strbuf *sb, struct span text)
{
	escape(sb, text, IN_TEXT);
}

void
xml_open(struct strbuf *sb, const char *name)
{
	strbuf_addc(sb, '<');
	strbuf_adds(sb, name);
	strbuf_addc(sb, '>');
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
	strbuf_adds(sb, "</");
	strbuf_adds(sb, name);
	strbuf_addc(sb, '>');
}

void
xml_leaf(struct strbuf *sb, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0') {
		strbuf_addc(sb, '<');
		strbuf_adds(sb, name);
		strbuf_adds(sb, "/>");
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
	strbuf_addf(sb, "%lld", value);
	xml_close(sb, name);
}
