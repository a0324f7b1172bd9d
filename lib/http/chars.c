#include "http/chars.h"

#include "http/scan.h"

/*
 * By HTTP_CHAR_*; chars_test.c derives every entry again from the RFCs. A
 * target may hold what browsers send unescaped although RFC 3986 does not
 * know it (| ^ { } [ ] and a lone %), but no control, blank, non-ASCII byte
 * nor any of " # < >.
 */
const unsigned char http_chars[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 15, 2, 3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15, 6,
	31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 6, 14, 2, 14, 2, 6,
	6, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 7, 15,
	7, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	/* clang-format on */
};

#ifdef __SSE2__
static inline unsigned
mask_target(const char *at)
{
	__m128i v = scan_load(at);
	__m128i bad = _mm_or_si128(
	    _mm_or_si128(scan_equal(v, '"'), scan_equal(v, '#')),
	    _mm_or_si128(scan_equal(v, '<'), scan_equal(v, '>')));

	return (unsigned)_mm_movemask_epi8(
		   _mm_andnot_si128(bad, scan_in_range(v, 0x21, 0x7e))) ^
	       0xffff;
}

/* LF behind no CR, or two behind another one. */
static inline unsigned
mask_end(const char *at)
{
	__m128i cr = scan_equal(scan_load(at - 1), '\r');
	__m128i line = scan_equal(scan_load(at - 2), '\n');
	__m128i more = _mm_andnot_si128(line, cr);

	return (unsigned)_mm_movemask_epi8(
	    _mm_andnot_si128(more, scan_equal(scan_load(at), '\n')));
}

#endif

const char *
http_chars_skip_token(const char *begin, const char *at, const char *end)
{
	return scan_skip_token(begin, at, end);
}

const char *
http_chars_skip_value(const char *begin, const char *at, const char *end)
{
	return scan_skip_value(begin, at, end);
}

SCAN_SKIP(skip_target, mask_target, HTTP_CHAR_TARGET)

const char *
http_chars_skip_target(const char *begin, const char *at, const char *end)
{
	return skip_target(begin, at, end);
}

static bool
ends_head(const char *begin, const char *lf)
{
	return lf == begin || lf[-1] != '\r' || lf - begin == 1 ||
	       lf[-2] == '\n';
}

const char *
http_chars_find_end(const char *begin, const char *at, const char *end)
{
	for (; at < end; at++) {
		if (at - begin >= 2)
			at = scan_wide(begin + 2, at, end, mask_end);
		if (at == end || (*at == '\n' && ends_head(begin, at)))
			break;
	}
	return at;
}
