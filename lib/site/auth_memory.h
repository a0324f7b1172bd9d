/*
 * The process's memory of right passwords. Pure but for its key: time is a
 * parameter.
 */
#ifndef SITE_AUTH_MEMORY_H
#define SITE_AUTH_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"

#define AUTH_CACHE_US (INT64_C(300) * 1000000)

struct auth_memory;

struct auth_memory *auth_memory_new(void);
void auth_memory_free(struct auth_memory **m);

/* What a password of an account is remembered by. */
void auth_memory_key(const struct auth_memory *m, const char *account,
		     int64_t credentials_no, const char *password,
		     uint8_t out[static CRYPTO_SHA256_SIZE]);
bool auth_memory_knows(struct auth_memory *m,
		       const uint8_t key[static CRYPTO_SHA256_SIZE],
		       int64_t now_us);
void auth_memory_learn(struct auth_memory *m,
		       const uint8_t key[static CRYPTO_SHA256_SIZE],
		       int64_t now_us);

#endif
