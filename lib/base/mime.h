/* Parts of mail: RFC 2045, RFC 2047, RFC 5322. Lines end with CRLF. Pure. */
#ifndef BASE_MIME_H
#define BASE_MIME_H

#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

/* "Subject: ...", encoded where it is not printable ASCII. text: UTF-8. */
void mime_subject(struct span text, struct strbuf *out);

/* "Date: ..." of that UNIX time. */
void mime_date(int64_t wall_us, struct strbuf *out);

/* In base64, in lines of 76. */
void mime_base64(struct span body, struct strbuf *out);

#endif
