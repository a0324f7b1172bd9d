#include "proxy/tickets.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"

#define KEYS 3
#define ROTATION_MS 3600000

struct key {
	unsigned char name[16];
	unsigned char cipher[32], mac[32];
	int64_t begun_ms;
};

struct tickets {
	uv_mutex_t lock;
	unsigned nkeys;
	struct key keys[KEYS]; /* newest first */
};

struct tickets *
tickets_new(void)
{
	struct tickets *t = mem_new(struct tickets);
	int rc = uv_mutex_init(&t->lock);

	assert(rc == 0);
	return t;
}

void
tickets_free(struct tickets **tp)
{
	struct tickets *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	uv_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t->keys, sizeof(t->keys));
	mem_free(t);
}

/* Under the lock. A key lives for three rotations in all. */
static void
rotate(struct tickets *t)
{
	int64_t now_ms = clock_mono_ms();
	struct key *newest = &t->keys[0];

	while (t->nkeys > 0 &&
	       now_ms - t->keys[t->nkeys - 1].begun_ms >= KEYS * ROTATION_MS)
		t->nkeys--;
	if (t->nkeys > 0 && now_ms - newest->begun_ms < ROTATION_MS)
		return;
	memmove(t->keys + 1, t->keys, (KEYS - 1) * sizeof(t->keys[0]));
	crypto_random(newest, sizeof(*newest));
	newest->begun_ms = now_ms;
	if (t->nkeys < KEYS)
		t->nkeys++;
}

/* name NULL: the one that makes tickets. Its age: 0 is the newest; or -1. */
static int
find(struct tickets *t, const unsigned char *name, struct key *out)
{
	int found = -1;

	uv_mutex_lock(&t->lock);
	rotate(t);
	for (int i = 0; i < (int)t->nkeys && found < 0; i++)
		if (name == NULL ||
		    memcmp(name, t->keys[i].name, sizeof(out->name)) == 0)
			found = i;
	if (found >= 0)
		*out = t->keys[found];
	uv_mutex_unlock(&t->lock);
	return found;
}

static int
set_mac(EVP_MAC_CTX *mac, struct key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_string(
				    OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
				OSSL_PARAM_construct_utf8_string(
				    OSSL_MAC_PARAM_DIGEST, digest, 0),
				OSSL_PARAM_construct_end() };

	return EVP_MAC_CTX_set_params(mac, params);
}

static int ex_index = -1;

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 done, 2 make a new one too. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
	  EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int making)
{
	/* Whichever of the contexts it is now: all have the same keys. */
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	struct tickets *t = SSL_CTX_get_ex_data(ctx, ex_index);
	struct key k;
	int age = find(t, making ? NULL : name, &k);
	int ok;

	if (age < 0)
		return 0; /* a full handshake */
	if (making) {
		memcpy(name, k.name, sizeof(k.name));
		crypto_random(iv, 16);
	}
	ok = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.cipher, iv,
			       making) == 1 &&
	     set_mac(mac, &k) == 1;
	OPENSSL_cleanse(&k, sizeof(k));
	if (!ok)
		return -1;
	return !making && age > 0 ? 2 : 1;
}

static uv_once_t once = UV_ONCE_INIT;

static void
make_index(void)
{
	ex_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	assert(ex_index >= 0);
}

void
tickets_serve(struct tickets *t, SSL_CTX *ctx)
{
	uv_once(&once, make_index);
	SSL_CTX_set_ex_data(ctx, ex_index, t);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, 2 * ROTATION_MS / 1000);
}
