#include "base/crypto.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE 64 /* of SHA-256 */

/* Fetching an algorithm costs more than a short text's digest. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *sha256;

static void
fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	assert(sha256 != NULL);
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

/* Digest of the padded key and data. */
static void
half_hmac(EVP_MD_CTX *ctx, const uint8_t pad[static BLOCK_SIZE],
	  struct span data, uint8_t out[static CRYPTO_SHA256_SIZE])
{
	int ok = EVP_DigestInit_ex(ctx, sha256, NULL) == 1 &&
		 EVP_DigestUpdate(ctx, pad, BLOCK_SIZE) == 1 &&
		 EVP_DigestUpdate(ctx, bytes(data), data.len) == 1 &&
		 EVP_DigestFinal_ex(ctx, out, NULL) == 1;

	assert(ok);
}

/* RFC 2104 on the digest that is at hand: for a short text libcrypto's own
 * spends twice as much on finding its parts as on hashing. */
void
crypto_hmac_sha256(struct span key, struct span data,
		   uint8_t out[static CRYPTO_SHA256_SIZE])
{
	uint8_t inner[BLOCK_SIZE] = { 0 }, outer[BLOCK_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert(ctx != NULL);
	CRYPTO_THREAD_run_once(&once, fetch);
	if (key.len > BLOCK_SIZE)
		crypto_sha256(key, inner);
	else
		memcpy(inner, bytes(key), key.len);
	for (size_t i = 0; i < BLOCK_SIZE; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	half_hmac(ctx, inner, data, out);
	half_hmac(ctx, outer, span_make((char *)out, CRYPTO_SHA256_SIZE), out);
	EVP_MD_CTX_free(ctx);
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(outer, sizeof(outer));
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
