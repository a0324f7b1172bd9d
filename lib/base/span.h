/*
 * A borrowed stretch of bytes: points into somebody's buffer, no NUL at the
 * end. Valid as long as that buffer is. { 0 } is empty.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

/* printf("%.*s", SPAN_ARG(s)) */
#define SPAN_ARG(s) (int)(s).len, (s).at

static inline struct span
span_make(const char *at, size_t len)
{
	return (struct span){ at, len };
}

/* NULL gives the empty span. */
static inline struct span
span_of(const char *text)
{
	return span_make(text, text != NULL ? strlen(text) : 0);
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* span_i*: ASCII letters compare without case, all other bytes exactly. */
bool span_ieq(struct span a, struct span b);
bool span_is(struct span s, const char *text);
bool span_iis(struct span s, const char *text);
bool span_starts(struct span s, const char *prefix);
bool span_ends(struct span s, const char *suffix);

/* Index of the first c, or -1. */
ptrdiff_t span_find(struct span s, char c);

/* The bytes from `from` on (empty beyond the end). */
struct span span_skip(struct span s, size_t from);

/* Without blanks, tabs, CR and LF at both ends. */
struct span span_trim(struct span s);

/*
 * Cuts at the separator: *part is what stands before the first sep and *rest
 * loses it with sep; without sep *part is all and *rest becomes { 0 }. False
 * if rest->at is NULL. So "a,,b" gives a, "", b; "" gives one empty part.
 */
bool span_cut(struct span *rest, char sep, struct span *part);

/* Given: a NUL-terminated copy; end it with mem_free. */
char *span_dup(struct span s);

/* Copies with NUL; false (and out empty) if it does not fit or holds NUL. */
bool span_copy(struct span s, char *out, size_t size);

/*
 * Strict decimal: "-?[0-9]+" ("[0-9]+" unsigned), nothing before or after,
 * in range; else -1 and *out untouched.
 */
int span_to_i64(struct span s, int64_t *out);
int span_to_u64(struct span s, uint64_t *out);

#endif
