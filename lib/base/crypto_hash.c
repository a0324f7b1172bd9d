/* SHA-256 of what comes in pieces. One context for many digests: fetching
 * the algorithm costs more than hashing a small file. */
#include <assert.h>
#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/mem.h"

struct crypto_hash {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

static void
begin(struct crypto_hash *h)
{
	int rc = EVP_DigestInit_ex(h->ctx, h->md, NULL);

	assert(rc == 1);
}

struct crypto_hash *
crypto_hash_new(void)
{
	struct crypto_hash *h = mem_new(struct crypto_hash);

	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	assert(h->md != NULL && h->ctx != NULL);
	begin(h);
	return h;
}

void
crypto_hash_free(struct crypto_hash **hp)
{
	struct crypto_hash *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	mem_free(h);
}

void
crypto_hash_add(struct crypto_hash *h, struct span data)
{
	int rc = EVP_DigestUpdate(h->ctx, data.at, data.len);

	assert(rc == 1);
}

void
crypto_hash_end(struct crypto_hash *h, char out[static CRYPTO_HEX256_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t raw[CRYPTO_SHA256_SIZE];
	int rc = EVP_DigestFinal_ex(h->ctx, raw, NULL);

	assert(rc == 1);
	for (size_t i = 0; i < sizeof(raw); i++) {
		out[2 * i] = hex[raw[i] >> 4];
		out[2 * i + 1] = hex[raw[i] & 15];
	}
	out[2 * sizeof(raw)] = '\0';
	begin(h);
}
