/*
 * Signed tokens with an expiry: session tickets, cookies, bearer and join
 * tokens. Not secret, only unforgeable; good wherever the key file is the
 * same, so on both sites.
 *
 *   KIND.EXPIRY.base64url(payload).KEYID.base64url(hmac)
 *
 * Holds only A-Z a-z 0-9 - _ and dots: fits a cookie, a URL and XML as it
 * is. A kind is never accepted as another.
 */
#ifndef BASE_TOKEN_H
#define BASE_TOKEN_H

#include <stdint.h>

#include "base/err.h"
#include "base/keyring.h"
#include "base/span.h"
#include "base/strbuf.h"

/* kind: 1 to 16 of a-z 0-9 -; expiry: UNIX seconds; appended to out. */
void token_make(const struct keyring *kr, const char *kind, struct span payload,
		int64_t expiry, struct strbuf *out);

/*
 * Appends the payload to out. -1 ERR_REFUSED: not a token, of another kind,
 * forged; ERR_TIMEOUT: genuine but now >= its expiry. now: UNIX seconds.
 */
int token_read(const struct keyring *kr, const char *kind, struct span token,
	       int64_t now, struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
