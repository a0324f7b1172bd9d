#include "base/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Fetching an algorithm costs more than a short text's digest. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *sha256;
static EVP_MAC_CTX *hmac; /* with SHA-256, without a key */
/* A copy of it that nobody works with: copying takes as long as digesting. */
static _Atomic(EVP_MAC_CTX *) spare;

static void
fetch(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM with[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	int ok;

	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	assert(sha256 != NULL && mac != NULL);
	hmac = EVP_MAC_CTX_new(mac);
	assert(hmac != NULL);
	ok = EVP_MAC_CTX_set_params(hmac, with);
	assert(ok == 1);
	EVP_MAC_free(mac);
}

static const unsigned char *
bytes(struct span s)
{
	return (const unsigned char *)(s.at != NULL ? s.at : "");
}

void
crypto_random(void *out, size_t size)
{
	int rc = RAND_bytes(out, (int)size);

	assert(rc == 1);
}

uint32_t
crypto_random_u32(void)
{
	uint32_t n;

	crypto_random(&n, sizeof(n));
	return n;
}

void
crypto_sha256(struct span data, uint8_t out[static CRYPTO_SHA256_SIZE])
{
	int rc;

	CRYPTO_THREAD_run_once(&once, fetch);
	rc = EVP_Digest(bytes(data), data.len, out, NULL, sha256, NULL);
	assert(rc == 1);
}

void
crypto_hmac_sha256(struct span key, struct span data,
		   uint8_t out[static CRYPTO_SHA256_SIZE])
{
	EVP_MAC_CTX *ctx = atomic_exchange(&spare, NULL);
	int ok;

	CRYPTO_THREAD_run_once(&once, fetch);
	if (ctx == NULL)
		ctx = EVP_MAC_CTX_dup(hmac);
	assert(ctx != NULL);
	ok = EVP_MAC_init(ctx, bytes(key), key.len, NULL) == 1 &&
	     EVP_MAC_update(ctx, bytes(data), data.len) == 1 &&
	     EVP_MAC_final(ctx, out, NULL, CRYPTO_SHA256_SIZE) == 1;
	assert(ok);
	EVP_MAC_CTX_free(atomic_exchange(&spare, ctx));
}

bool
crypto_equal(struct span a, struct span b)
{
	return a.len == b.len && CRYPTO_memcmp(bytes(a), bytes(b), a.len) == 0;
}

static const char *
uuid_text(uint8_t id[static 16], int version, char out[static CRYPTO_UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	id[6] = (uint8_t)((id[6] & 0x0f) | version << 4);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[n++] = '-';
		out[n++] = hex[id[i] >> 4];
		out[n++] = hex[id[i] & 15];
	}
	out[n] = '\0';
	return out;
}

const char *
crypto_uuid4(char out[static CRYPTO_UUID_SIZE])
{
	uint8_t id[16];

	crypto_random(id, sizeof(id));
	return uuid_text(id, 4, out);
}

const char *
crypto_uuid5(const uint8_t space[static 16], struct span name,
	     char out[static CRYPTO_UUID_SIZE])
{
	uint8_t digest[SHA_DIGEST_LENGTH];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	assert(ctx != NULL);
	ok = EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
	     EVP_DigestUpdate(ctx, space, 16) == 1 &&
	     EVP_DigestUpdate(ctx, bytes(name), name.len) == 1 &&
	     EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	assert(ok);
	EVP_MD_CTX_free(ctx);
	return uuid_text(digest, 5, out);
}

int
crypto_uuid_parse(struct span text, uint8_t out[static 16])
{
	STRBUF_AUTO raw = { 0 };
	static const unsigned char cuts[] = { 8, 13, 18, 23, 36 };
	size_t from = 0;

	if (text.len != 36)
		return -1;
	for (size_t i = 0; i < sizeof(cuts); i++) {
		size_t len = cuts[i] - from;

		if (i < 4 && text.at[cuts[i]] != '-')
			return -1;
		if (crypto_unhex(span_make(text.at + from, len), &raw) < 0)
			return -1;
		from = cuts[i] + 1U;
	}
	memcpy(out, raw.at, 16);
	return 0;
}
