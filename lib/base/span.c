#include "base/span.h"

#include <assert.h>

#include "base/mem.h"

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? u | 0x20 : u;
}

/* The same of 8 bytes: the top bit of each tells whether it is a capital. */
static uint64_t
lower8(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t v, low, capital;

	memcpy(&v, at, sizeof(v));
	low = v & (0x7f * ones);
	capital = ((low + (0x80 - 'A') * ones) ^ (low + (0x7f - 'Z') * ones)) &
		  ~v & (0x80 * ones);
	return v | capital >> 2;
}

bool
span_ieq(struct span a, struct span b)
{
	size_t i = 0;

	if (a.len != b.len)
		return false;
	if (a.len == 0 || memcmp(a.at, b.at, a.len) == 0)
		return true; /* written as is usual */
	for (; i + 8 <= a.len; i += 8)
		if (lower8(a.at + i) != lower8(b.at + i))
			return false;
	for (; i < a.len; i++)
		if (lower(a.at[i]) != lower(b.at[i]))
			return false;
	return true;
}

bool
span_is(struct span s, const char *text)
{
	return span_eq(s, span_of(text));
}

bool
span_iis(struct span s, const char *text)
{
	return span_ieq(s, span_of(text));
}

bool
span_starts(struct span s, const char *prefix)
{
	struct span p = span_of(prefix);

	return s.len >= p.len && span_eq(span_make(s.at, p.len), p);
}

bool
span_ends(struct span s, const char *suffix)
{
	struct span p = span_of(suffix);

	return s.len >= p.len && span_eq(span_skip(s, s.len - p.len), p);
}

ptrdiff_t
span_find(struct span s, char c)
{
	const char *hit = s.len > 0 ? memchr(s.at, c, s.len) : NULL;

	return hit != NULL ? hit - s.at : -1;
}

struct span
span_skip(struct span s, size_t from)
{
	if (from >= s.len)
		return (struct span){ 0 };
	return span_make(s.at + from, s.len - from);
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.len > 0 && blank(s.at[0]))
		s = span_make(s.at + 1, s.len - 1);
	while (s.len > 0 && blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool
span_cut(struct span *rest, char sep, struct span *part)
{
	ptrdiff_t i;

	if (rest->at == NULL)
		return false;
	i = span_find(*rest, sep);
	if (i < 0) {
		*part = *rest;
		*rest = (struct span){ 0 };
		return true;
	}
	*part = span_make(rest->at, (size_t)i);
	*rest = span_make(rest->at + i + 1, rest->len - (size_t)i - 1);
	return true;
}

char *
span_dup(struct span s)
{
	char *to = mem_alloc(s.len + 1);

	if (s.len > 0)
		memcpy(to, s.at, s.len);
	return to;
}

bool
span_copy(struct span s, char *out, size_t size)
{
	assert(size > 0);
	out[0] = '\0';
	if (s.len >= size || span_find(s, '\0') >= 0)
		return false;
	if (s.len > 0)
		memcpy(out, s.at, s.len);
	out[s.len] = '\0';
	return true;
}

int
span_to_i64(struct span s, int64_t *out)
{
	bool negative = s.len > 0 && s.at[0] == '-';
	uint64_t limit = negative ? UINT64_C(1) << 63 : INT64_MAX;
	uint64_t n;

	if (span_to_u64(span_skip(s, negative ? 1 : 0), &n) < 0 || n > limit)
		return -1;
	*out = negative ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

int
span_to_u64(struct span s, uint64_t *out)
{
	uint64_t n = 0;

	if (s.len == 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.at[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return -1;
	}
	*out = n;
	return 0;
}
