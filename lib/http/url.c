#include "http/url.h"

#include "http/chars.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * The byte at the front of *in, which loses it; -1 with e set. What follows
 * a "%" in the error is cut, so that it never shows more than the escape.
 */
static int
next_byte(struct span *in, enum url_plus plus, struct err *e)
{
	char c = in->at[0];
	int high, low;

	if (c == '\0')
		return err_set(e, ERR_INVALID, "a NUL byte");
	if (c != '%') {
		*in = span_skip(*in, 1);
		return c == '+' && plus == URL_PLUS_BLANK ? ' '
							  : (unsigned char)c;
	}
	high = in->len > 2 ? hex_value(in->at[1]) : -1;
	low = in->len > 2 ? hex_value(in->at[2]) : -1;
	if (high < 0 || low < 0)
		return err_set(e, ERR_INVALID,
			       "\"%%\" must be followed by two hex digits");
	if (high == 0 && low == 0)
		return err_set(e, ERR_INVALID, "%%00 is not accepted");
	*in = span_skip(*in, 3);
	return high << 4 | low;
}

int
url_decode(struct span in, enum url_plus plus, struct strbuf *out,
	   struct err *e)
{
	size_t was = out->len;

	while (in.len > 0) {
		int c = next_byte(&in, plus, e);

		if (c < 0) {
			strbuf_cut(out, was);
			return -1;
		}
		strbuf_addc(out, (char)c);
	}
	return 0;
}

/* Decodes one segment into buf; its length, or -1. */
static int
decode_segment(struct span in, char *buf, struct err *e)
{
	int n = 0;

	while (in.len > 0) {
		int c = next_byte(&in, URL_PLUS_KEEP, e);

		if (c < 0)
			return err_prefix(e, "path");
		if (c < 0x20 || c == 0x7f)
			return err_set(e, ERR_INVALID,
				       "path: a control character");
		if (c == '/' || c == '\\')
			return err_set(e, ERR_INVALID,
				       "path: an encoded slash");
		buf[n++] = (char)c;
	}
	return n;
}

static int
add_segment(struct url_path *out, struct span s, struct err *e)
{
	if (span_is(s, ".") || span_is(s, ".."))
		return err_set(e, ERR_INVALID,
			       "path: \".\" and \"..\" are not accepted");
	if (out->n == URL_SEGMENTS_MAX)
		return err_set(e, ERR_LIMIT, "path: more than %d segments",
			       URL_SEGMENTS_MAX);
	out->seg[out->n++] = s;
	return 0;
}

int
url_path_parse(struct span path, char *buf, size_t size, struct url_path *out,
	       struct err *e)
{
	struct span rest = path;
	struct span raw;

	out->n = 0;
	out->slash_at_end = span_ends(path, "/");
	if (path.len > size)
		return err_set(e, ERR_LIMIT, "path: longer than %zu bytes",
			       size);
	while (span_cut(&rest, '/', &raw)) {
		int n = decode_segment(raw, buf, e);

		if (n < 0)
			return -1;
		if (n > 0 && add_segment(out, span_make(buf, (size_t)n), e) < 0)
			return -1;
		buf += n;
	}
	return 0;
}

bool
url_path_is(const struct url_path *p, unsigned i, const char *text)
{
	return i < p->n && span_is(p->seg[i], text);
}

bool
url_path_iis(const struct url_path *p, unsigned i, const char *text)
{
	return i < p->n && span_iis(p->seg[i], text);
}

bool
url_pair_next(struct span *rest, struct span *name, struct span *value)
{
	struct span pair;

	while (span_cut(rest, '&', &pair)) {
		if (pair.len == 0)
			continue;
		*value = pair;
		span_cut(value, '=', name);
		return true;
	}
	return false;
}

/* Compares as it decodes: a badly encoded name is nobody's name. */
static bool
name_is(struct span raw, const char *name)
{
	struct err e;

	while (raw.len > 0) {
		int c = next_byte(&raw, URL_PLUS_BLANK, &e);

		if (c < 0 || c != (unsigned char)*name++)
			return false;
	}
	return *name == '\0';
}

int
url_pair_get(struct span pairs, const char *name, struct strbuf *out,
	     struct err *e)
{
	struct span key, value;

	while (url_pair_next(&pairs, &key, &value)) {
		if (!name_is(key, name))
			continue;
		if (url_decode(value, URL_PLUS_BLANK, out, e) < 0)
			return err_prefix(e, "parameter %s", name);
		return 1;
	}
	return 0;
}

static void
encode(struct span text, bool keep_slash, struct strbuf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
		    c == '_' || c == '~' || (c == '/' && keep_slash)) {
			strbuf_addc(out, (char)c);
			continue;
		}
		strbuf_addc(out, '%');
		strbuf_addc(out, hex[c >> 4]);
		strbuf_addc(out, hex[c & 15]);
	}
}

void
url_encode(struct span text, struct strbuf *out)
{
	encode(text, false, out);
}

void
url_encode_path(struct span path, struct strbuf *out)
{
	encode(path, true, out);
}
