#include "base/token.h"

#include <assert.h>
#include <inttypes.h>

#include "base/crypto.h"

static bool
kind_valid(struct span kind)
{
	if (kind.len == 0 || kind.len > 16)
		return false;
	for (size_t i = 0; i < kind.len; i++) {
		char c = kind.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '-'))
			return false;
	}
	return true;
}

void
token_make(const struct keyring *kr, const char *kind, struct span payload,
	   int64_t expiry, struct strbuf *out)
{
	STRBUF_AUTO claim = { 0 };

	assert(kind_valid(span_of(kind)) && expiry >= 0);
	strbuf_addf(&claim, "%s.%" PRId64 ".", kind, expiry);
	crypto_base64url(payload, &claim);
	strbuf_add_span(out, strbuf_span(&claim));
	strbuf_addc(out, '.');
	keyring_sign(kr, strbuf_span(&claim), out);
}

/* The claim is what stands before the third dot, the signature the rest. */
struct parts {
	struct span kind;
	struct span expiry;
	struct span payload;
	struct span claim;
	struct span sig;
};

static bool
split(struct span token, struct parts *p)
{
	struct span rest = token;

	if (!span_cut(&rest, '.', &p->kind) ||
	    !span_cut(&rest, '.', &p->expiry) ||
	    !span_cut(&rest, '.', &p->payload) || rest.at == NULL)
		return false;
	p->sig = rest;
	p->claim = span_make(token.at, (size_t)(rest.at - token.at) - 1);
	return true;
}

int
token_read(const struct keyring *kr, const char *kind, struct span token,
	   int64_t now, struct strbuf *out, struct err *e)
{
	struct parts p;
	int64_t expiry;

	if (!split(token, &p))
		return err_set(e, ERR_REFUSED, "not a token");
	if (keyring_verify(kr, p.claim, p.sig, e) < 0)
		return err_prefix(e, "token");
	if (!span_is(p.kind, kind))
		return err_set(e, ERR_REFUSED, "a token for %.*s, not for %s",
			       SPAN_ARG(p.kind), kind);
	if (span_to_i64(p.expiry, &expiry) < 0)
		return err_set(e, ERR_REFUSED, "not a token");
	if (now >= expiry)
		return err_set(e, ERR_TIMEOUT,
			       "the token expired %" PRId64 " s ago",
			       now - expiry);
	if (crypto_unbase64url(p.payload, out) < 0)
		return err_set(e, ERR_REFUSED, "not a token");
	return 0;
}
