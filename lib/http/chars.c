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

/*
 * The scans look at 16 bytes at once. mask_* sets a bit for each byte that the
 * narrow loop behind it must look at; the last bytes are seen together with
 * those before them.
 */
#ifdef __SSE2__
static inline __m128i
load(const char *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

static inline __m128i
equal(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* Bytes from first to last. */
static inline __m128i
in_range(__m128i v, char first, char last)
{
	__m128i up = _mm_sub_epi8(v, _mm_set1_epi8(first));

	return _mm_cmpeq_epi8(
	    _mm_min_epu8(up, _mm_set1_epi8((char)(last - first))), up);
}

static inline unsigned
bits(__m128i v)
{
	return (unsigned)_mm_movemask_epi8(v);
}

/* All but letters and "-". */
static inline unsigned
mask_name(const char *at)
{
	__m128i v = load(at);
	__m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));

	return bits(_mm_or_si128(in_range(lower, 'a', 'z'), equal(v, '-'))) ^
	       0xffff;
}

/* Control characters. */
static inline unsigned
mask_value(const char *at)
{
	__m128i v = load(at);

	return bits(_mm_or_si128(in_range(v, 0, 0x1f), equal(v, 0x7f)));
}

static inline unsigned
mask_target(const char *at)
{
	__m128i v = load(at);
	__m128i bad = _mm_or_si128(_mm_or_si128(equal(v, '"'), equal(v, '#')),
				   _mm_or_si128(equal(v, '<'), equal(v, '>')));

	return bits(_mm_andnot_si128(bad, in_range(v, 0x21, 0x7e))) ^ 0xffff;
}

/* LF behind no CR, or two behind another one. */
static inline unsigned
mask_end(const char *at)
{
	__m128i cr = equal(load(at - 1), '\r');
	__m128i line = equal(load(at - 2), '\n');
	__m128i more = _mm_andnot_si128(line, cr);

	return bits(_mm_andnot_si128(more, equal(load(at), '\n')));
}

typedef unsigned mask_fn(const char *at);

static inline __attribute__((always_inline)) const char *
wide(const char *begin, const char *at, const char *end, mask_fn *mask)
{
	unsigned hits;

	for (; end - at >= 16; at += 16) {
		hits = mask(at);
		if (hits != 0)
			return at + __builtin_ctz(hits);
	}
	if (at == end || end - begin < 16)
		return at;
	hits = mask(end - 16) >> (16 - (end - at));
	return hits != 0 ? at + __builtin_ctz(hits) : end;
}
#define WIDE(begin, at, end, mask) wide(begin, at, end, mask)
#else
#define WIDE(begin, at, end, mask) (at)
#endif

const char *
http_chars_skip_token(const char *begin, const char *at, const char *end)
{
	for (;;) {
		at = WIDE(begin, at, end, mask_name);
		if (at == end || !http_char_is(*at, HTTP_CHAR_TOKEN))
			return at;
		at++;
	}
}

const char *
http_chars_skip_value(const char *begin, const char *at, const char *end)
{
	for (;;) {
		at = WIDE(begin, at, end, mask_value);
		if (at == end || !http_char_is(*at, HTTP_CHAR_VALUE))
			return at;
		at++;
	}
}

const char *
http_chars_skip_target(const char *begin, const char *at, const char *end)
{
	for (;;) {
		at = WIDE(begin, at, end, mask_target);
		if (at == end || !http_char_is(*at, HTTP_CHAR_TARGET))
			return at;
		at++;
	}
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
			at = WIDE(begin + 2, at, end, mask_end);
		if (at == end || (*at == '\n' && ends_head(begin, at)))
			break;
	}
	return at;
}
