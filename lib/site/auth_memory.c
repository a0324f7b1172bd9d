/*
 * Passwords are remembered as HMACs under a key that dies with the process,
 * so a core of the database or of a log gives nothing to try them on.
 * The table is bounded; the oldest entry goes.
 */
#include "site/auth_memory.h"

#include <stdio.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define ENTRIES_MAX 10000

struct entry {
	uint8_t key[CRYPTO_SHA256_SIZE];
	int64_t at_us;     /* learnt */
	UT_hash_handle hh; /* in order of insertion */
};

struct auth_memory {
	uint8_t secret[32];
	struct entry *known;
};

struct auth_memory *
auth_memory_new(void)
{
	struct auth_memory *m = mem_new(struct auth_memory);

	crypto_random(m->secret, sizeof(m->secret));
	return m;
}

static void
drop(struct entry **table, struct entry *e)
{
	HASH_DEL(*table, e);
	mem_free(e);
}

void
auth_memory_free(struct auth_memory **mp)
{
	struct auth_memory *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	while (m->known != NULL)
		drop(&m->known, m->known);
	explicit_bzero(m->secret, sizeof(m->secret));
	mem_free(m);
}

static struct entry *
find(struct entry *table, const uint8_t *key)
{
	struct entry *e;

	HASH_FIND(hh, table, key, CRYPTO_SHA256_SIZE, e);
	return e;
}

/* The entry of that key, new or moved to the young end. */
static struct entry *
touch(struct entry **table, const uint8_t *key, int64_t now_us)
{
	struct entry *e = find(*table, key);

	if (e != NULL)
		HASH_DEL(*table, e);
	else
		e = mem_new(struct entry);
	memcpy(e->key, key, sizeof(e->key));
	e->at_us = now_us;
	HASH_ADD(hh, *table, key, CRYPTO_SHA256_SIZE, e);
	if (HASH_COUNT(*table) > ENTRIES_MAX)
		drop(table, *table);
	return e;
}

static void
hmac(const struct auth_memory *m, const char *const *parts, uint8_t *out)
{
	STRBUF_AUTO text = { 0 };

	for (; *parts != NULL; parts++) {
		strbuf_addi(&text, (int64_t)strlen(*parts));
		strbuf_addc(&text, ':');
		strbuf_adds(&text, *parts);
	}
	crypto_hmac_sha256(
	    span_make((const char *)m->secret, sizeof(m->secret)),
	    strbuf_span(&text), out);
	explicit_bzero(text.at, text.len);
}

void
auth_memory_key(const struct auth_memory *m, const char *account,
		int64_t credentials_no, const char *password,
		uint8_t out[static CRYPTO_SHA256_SIZE])
{
	char number[24];
	const char *const parts[] = { "password", account, number, password,
				      NULL };

	snprintf(number, sizeof(number), "%lld", (long long)credentials_no);
	hmac(m, parts, out);
}

bool
auth_memory_knows(struct auth_memory *m,
		  const uint8_t key[static CRYPTO_SHA256_SIZE], int64_t now_us)
{
	struct entry *e = find(m->known, key);

	if (e == NULL)
		return false;
	if (now_us - e->at_us < AUTH_CACHE_US)
		return true;
	drop(&m->known, e);
	return false;
}

void
auth_memory_learn(struct auth_memory *m,
		  const uint8_t key[static CRYPTO_SHA256_SIZE], int64_t now_us)
{
	touch(&m->known, key, now_us);
}
