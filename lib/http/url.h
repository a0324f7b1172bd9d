/*
 * Parts of request targets: paths, queries and forms. Decoding is strict:
 * "%" needs two hex digits, and %00 is refused.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

/* plus: "+" is a blank (queries and forms), or itself (paths). */
enum url_plus { URL_PLUS_KEEP, URL_PLUS_BLANK };

/* Appended to out; -1: out is as before. */
int url_decode(struct span in, enum url_plus plus, struct strbuf *out,
	       struct err *e) __attribute__((warn_unused_result));

/*
 * A path cut at "/" and decoded. Empty segments are dropped ("//a/" is
 * "a"). Refused: a bad escape, an encoded slash or NUL, control characters,
 * "." and ".." however encoded, more than URL_SEGMENTS_MAX segments; so no
 * two readers can take a path differently.
 */
#define URL_SEGMENTS_MAX 32
struct url_path {
	unsigned n;
	bool slash_at_end;
	struct span seg[URL_SEGMENTS_MAX]; /* in the caller's buf */
};

/* buf takes the decoded segments: size >= path.len is enough. */
int url_path_parse(struct span path, char *buf, size_t size,
		   struct url_path *out, struct err *e)
    __attribute__((warn_unused_result));

/* Segment i equals text / without case; false beyond the end. */
bool url_path_is(const struct url_path *p, unsigned i, const char *text);
bool url_path_iis(const struct url_path *p, unsigned i, const char *text);

/*
 * Pairs of a query or form ("a=1&b=2"), not decoded; a name without "=" has
 * an empty value; empty pairs are passed over. False at the end.
 */
bool url_pair_next(struct span *rest, struct span *name, struct span *value);

/*
 * The decoded value of the first pair with that (decoded) name, appended to
 * out: 1, 0 none, -1 the value is badly encoded.
 */
int url_pair_get(struct span pairs, const char *name, struct strbuf *out,
		 struct err *e);

/* Appended: all but A-Z a-z 0-9 - . _ ~ as %XX; _path keeps "/" as well. */
void url_encode(struct span text, struct strbuf *out);
void url_encode_path(struct span path, struct strbuf *out);

#endif
