/*
 * What a request makes is made from the request: ids by UUIDv5, secrets by
 * HMAC with the pair's key, both over (company, account, operation, key,
 * entity). So a request that is executed on both sites makes one row, and the
 * merge folds it (docs/contracts.md 5).
 */
#ifndef SITE_MADE_H
#define SITE_MADE_H

#include <stddef.h>

#include "base/crypto.h"
#include "base/keyring.h"

struct api;
struct meeting;

#define MADE_HOST_KEY_SIZE 7
#define MADE_GUEST_SIZE 25

struct made_from {
	const char *company; /* ids; NULL or "": none */
	const char *account;
	const char *operation; /* "meeting.create" */
	const char *key;       /* Idempotency-Key or the proxy's request id */
	const char *entity;    /* "meeting", "attendee/2" */
};
void made_uuid(const struct made_from *from, char out[static CRYPTO_UUID_SIZE]);

/* size - 1 characters without look-alikes, of lower-case letters, capitals
 * and digits, at least one digit and one letter of each. size 7 to 32. */
void made_password(const struct made_from *from, const struct keyring *keys,
		   char *out, size_t size);

/* The same with company, account and key of the request. */
void made_id(const struct api *a, const char *operation, const char *entity,
	     char out[static CRYPTO_UUID_SIZE]);
void made_secret(const struct api *a, const char *operation, const char *entity,
		 char *out, size_t size);

/* size - 1 digits, the first not 0; size 2 to 32. */
void made_number(const struct made_from *from, const struct keyring *keys,
		 char *out, size_t size);
void made_digits(const struct api *a, const char *operation, const char *entity,
		 char *out, size_t size);

/* What makes a participant the host of this meeting: six digits. Its row's,
 * which stays when the keys change; an old row has none and draws it. */
void made_host_key(const struct meeting *m, const struct keyring *keys,
		   char out[static MADE_HOST_KEY_SIZE]);

#endif
