#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/crypto.h"

enum { SALT_BYTES = 16, HASH_BYTES = 32 };

static const struct crypto_scrypt standard = { 16384, 8, 1 };

/* Bounds what a stored text can make us spend: 1 GiB, and p rounds. */
static bool
affordable(const struct crypto_scrypt *c)
{
	return c->n >= 2 && c->n <= UINT64_C(1) << 20 &&
	       (c->n & (c->n - 1)) == 0 && c->r >= 1 && c->r <= 32 &&
	       c->p >= 1 && c->p <= 16 && c->n * c->r <= UINT64_C(1) << 23;
}

static void
derive(const struct crypto_scrypt *c, struct span password, struct span salt,
       uint8_t out[static HASH_BYTES])
{
	/* OpenSSL's own default of 32 MiB is too little beyond N = 16384 */
	uint64_t max = 128 * c->r * (c->n + c->p + 2) + (1 << 20);
	int rc = EVP_PBE_scrypt(password.at != NULL ? password.at : "",
				password.len, (const unsigned char *)salt.at,
				salt.len, c->n, c->r, c->p, max, out,
				HASH_BYTES);

	assert(rc == 1);
}

void
crypto_scrypt_hash(const struct crypto_scrypt *conf, struct span password,
		   char out[static CRYPTO_SCRYPT_SIZE])
{
	const struct crypto_scrypt *c = conf != NULL ? conf : &standard;
	STRBUF_AUTO text = { 0 };
	uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
	bool fits;

	assert(affordable(c));
	crypto_random(salt, sizeof(salt));
	derive(c, password, span_make((char *)salt, sizeof(salt)), hash);
	strbuf_addf(&text, "scrypt$%llu$%u$%u$", (unsigned long long)c->n, c->r,
		    c->p);
	crypto_base64url(span_make((char *)salt, sizeof(salt)), &text);
	strbuf_addc(&text, '$');
	crypto_base64url(span_make((char *)hash, sizeof(hash)), &text);
	fits = span_copy(strbuf_span(&text), out, CRYPTO_SCRYPT_SIZE);
	assert(fits);
	OPENSSL_cleanse(hash, sizeof(hash));
}

static bool
next_number(struct span *rest, uint64_t max, uint64_t *out)
{
	struct span part;

	return span_cut(rest, '$', &part) && span_to_u64(part, out) == 0 &&
	       *out <= max;
}

static bool
next_bytes(struct span *rest, struct strbuf *out)
{
	struct span part;

	return span_cut(rest, '$', &part) && crypto_unbase64url(part, out) == 0;
}

static bool
read_stored(struct span rest, struct crypto_scrypt *c, struct strbuf *salt,
	    struct strbuf *hash)
{
	struct span part;
	uint64_t r, p;

	if (!span_cut(&rest, '$', &part) || !span_is(part, "scrypt") ||
	    !next_number(&rest, UINT32_MAX, &c->n) ||
	    !next_number(&rest, UINT32_MAX, &r) ||
	    !next_number(&rest, UINT32_MAX, &p))
		return false;
	c->r = (uint32_t)r;
	c->p = (uint32_t)p;
	return affordable(c) && next_bytes(&rest, salt) &&
	       next_bytes(&rest, hash) && rest.at == NULL && salt->len >= 8 &&
	       hash->len == HASH_BYTES;
}

int
crypto_scrypt_verify(struct span password, const char *stored, struct err *e)
{
	STRBUF_AUTO salt = { 0 };
	STRBUF_AUTO hash = { 0 };
	struct crypto_scrypt c = { 0 };
	uint8_t made[HASH_BYTES];
	bool same;

	if (!read_stored(span_of(stored), &c, &salt, &hash))
		return err_set(e, ERR_INVALID,
			       "the stored password is not of the form "
			       "scrypt$N$r$p$salt$hash");
	derive(&c, password, strbuf_span(&salt), made);
	same = crypto_equal(span_make((char *)made, sizeof(made)),
			    strbuf_span(&hash));
	OPENSSL_cleanse(made, sizeof(made));
	return same ? 1 : 0;
}
