/* Tokens as they are given, and as they come in a field. */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/token.h"
#include "io/httpd.h"
#include "site/api.h"
#include "site/auth.h"
#include "site/record.h"
#include "site/site.h"

void
auth_http(struct api *a, auth_fn *fn)
{
	struct span field = httpd_field(a->http, "Authorization");
	struct auth_credentials c = { 0 };

	if (field.len < 7 ||
	    !span_ieq(span_make(field.at, 7), span_of("Bearer "))) {
		api_fail(a, FAULT_UNAUTHENTICATED, NULL);
		return;
	}
	field = span_trim(span_skip(field, 7));
	if (span_starts(field, AUTH_TICKET "."))
		c.ticket = arena_span(a->arena, field);
	else
		c.bearer = arena_span(a->arena, field);
	auth_start(a, &c, fn);
}

void
auth_token(const struct api *a, const char *kind, int64_t ttl_s,
	   struct strbuf *out)
{
	STRBUF_AUTO payload = { 0 };
	char id[CRYPTO_UUID_SIZE];

	strbuf_addf(&payload, "%s %s %lld %s", a->company->id, a->who->id,
		    (long long)a->who->credentials_no, crypto_uuid4(id));
	token_make(a->site->keys, kind, strbuf_span(&payload),
		   clock_wall_us() / 1000000 + auth_life_s(a, ttl_s), out);
}

int64_t
auth_life_s(const struct api *a, int64_t ttl_s)
{
	int64_t left = a->token_expiry_s - clock_wall_us() / 1000000;

	return a->token_expiry_s != 0 && left < ttl_s ? left : ttl_s;
}

int64_t
auth_token_expiry(struct span token)
{
	struct span part;
	int64_t expiry = 0;

	span_cut(&token, '.', &part);
	span_cut(&token, '.', &part);
	return span_to_i64(part, &expiry) < 0 ? 1 : expiry;
}
