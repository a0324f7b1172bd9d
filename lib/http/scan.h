/* Scans of heads, many bytes at a time; this folder's own. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "http/chars.h"

/*
 * The scans look at 16 bytes at once. scan_mask_* sets a bit for each byte that
 * the narrow loop behind it must look at; the last bytes are seen together with
 * those before them.
 */
#ifdef __SSE2__
static inline __m128i
scan_load(const char *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

static inline __m128i
scan_equal(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* Bytes from first to last. */
static inline __m128i
scan_in_range(__m128i v, char first, char last)
{
	__m128i up = _mm_sub_epi8(v, _mm_set1_epi8(first));

	return _mm_cmpeq_epi8(
	    _mm_min_epu8(up, _mm_set1_epi8((char)(last - first))), up);
}

/* All but letters and "-". */
static inline unsigned
scan_mask_name(const char *at)
{
	__m128i v = scan_load(at);
	__m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(
		   scan_in_range(lower, 'a', 'z'), scan_equal(v, '-'))) ^
	       0xffff;
}

/* Control characters. */
static inline unsigned
scan_mask_value(const char *at)
{
	__m128i v = scan_load(at);

	return (unsigned)_mm_movemask_epi8(
	    _mm_or_si128(scan_in_range(v, 0, 0x1f), scan_equal(v, 0x7f)));
}

typedef unsigned scan_mask_fn(const char *at);

static inline __attribute__((always_inline)) const char *
scan_wide(const char *begin, const char *at, const char *end,
	  scan_mask_fn *mask)
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
#else
#define scan_wide(begin, at, end, mask) (at)
#endif

/* A function for one class of characters; what it does stands in chars.h. */
#define SCAN_SKIP(name, mask, class)                                      \
	static inline const char *name(const char *begin, const char *at, \
				       const char *end)                   \
	{                                                                 \
		for (;;) {                                                \
			at = scan_wide(begin, at, end, mask);             \
			if (at == end || !http_char_is(*at, class))       \
				return at;                                \
			at++;                                             \
		}                                                         \
	}

SCAN_SKIP(scan_skip_token, scan_mask_name, HTTP_CHAR_TOKEN)
SCAN_SKIP(scan_skip_value, scan_mask_value, HTTP_CHAR_VALUE)

#endif
