#include "http/chars.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
/* A bit for each of 16 bytes that is a control character. */
static unsigned
controls(const char *at)
{
	__m128i v = _mm_loadu_si128((const __m128i *)at);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
	__m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
	__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

	return (unsigned)_mm_movemask_epi8(
	    _mm_or_si128(_mm_andnot_si128(tab, low), del));
}

static unsigned
line_feeds(const char *at)
{
	__m128i v = _mm_loadu_si128((const __m128i *)at);

	return (unsigned)_mm_movemask_epi8(
	    _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
}
#endif

const char *
http_chars_skip_value(const char *at, const char *end)
{
#ifdef __SSE2__
	for (; end - at >= 16; at += 16) {
		unsigned bits = controls(at);

		if (bits != 0)
			return at + __builtin_ctz(bits);
	}
#endif
	while (at < end && http_char_is(*at, HTTP_CHAR_VALUE))
		at++;
	return at;
}

const char *
http_chars_find_lf(const char *at, const char *end)
{
#ifdef __SSE2__
	for (; end - at >= 16; at += 16) {
		unsigned bits = line_feeds(at);

		if (bits != 0)
			return at + __builtin_ctz(bits);
	}
#endif
	while (at < end && *at != '\n')
		at++;
	return at;
}
