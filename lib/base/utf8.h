/* UTF-8 as in RFC 3629: no overlong forms, no surrogates, to U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the first character, 0 if none is valid there; *cp may be NULL. */
size_t utf8_first(struct span s, uint32_t *cp);

bool utf8_valid(struct span s);

/* Appends s with each invalid byte as U+FFFD. */
void utf8_clean(struct span s, struct strbuf *out);

#endif
