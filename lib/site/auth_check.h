/*
 * Verification of passwords in the thread pool. The same question asked by
 * several at once is answered once.
 */
#ifndef SITE_AUTH_CHECK_H
#define SITE_AUTH_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"

struct auth_check;  /* one who asks */
struct auth_checks; /* all that run */
struct auth_memory;

struct auth_check_of {
	uint8_t key[CRYPTO_SHA256_SIZE]; /* auth_memory_key of it */
	const char *password;            /* copied */
	const char *stored;              /* copied; NULL: never right */
};

/* Right ones are told to the memory (borrowed). */
struct auth_checks *auth_checks_new(struct auth_memory *m);
void auth_checks_free(struct auth_checks **c);

typedef void auth_check_fn(void *ctx, bool right);
struct auth_check *auth_check_start(struct auth_checks *c,
				    const struct auth_check_of *of,
				    auth_check_fn *fn, void *ctx);
void auth_check_cancel(struct auth_check **c);

#endif
