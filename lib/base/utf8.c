#include "base/utf8.h"

static size_t
length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t
utf8_first(struct span s, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s.len > 0 ? length((unsigned char)s.at[0]) : 0;
	uint32_t c;

	if (n == 0 || n > s.len)
		return 0;
	c = (unsigned char)s.at[0] & (n == 1 ? 0x7f : 0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		unsigned char b = (unsigned char)s.at[i];

		if ((b & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (cp != NULL)
		*cp = c;
	return n;
}

bool
utf8_valid(struct span s)
{
	while (s.len > 0) {
		size_t n = utf8_first(s, NULL);

		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

void
utf8_clean(struct span s, struct strbuf *out)
{
	while (s.len > 0) {
		size_t n = utf8_first(s, NULL);

		if (n == 0)
			strbuf_adds(out, UTF8_REPLACEMENT);
		else
			strbuf_add(out, s.at, n);
		s = span_skip(s, n > 0 ? n : 1);
	}
}
