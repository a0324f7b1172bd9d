/*
 * The few primitives that the product uses, over OpenSSL 3. A failure of the
 * library itself is an assert. Safe from any thread.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

#define CRYPTO_SHA256_SIZE 32
#define CRYPTO_UUID_SIZE 37 /* text with NUL */

void crypto_random(void *out, size_t size);
uint32_t crypto_random_u32(void);

void crypto_sha256(struct span data, uint8_t out[static CRYPTO_SHA256_SIZE]);
void crypto_hmac_sha256(struct span key, struct span data,
			uint8_t out[static CRYPTO_SHA256_SIZE]);

/* SHA-256 of what comes in pieces; hex, lower case. After end it is ready
 * for the next one. */
#define CRYPTO_HEX256_SIZE (2 * CRYPTO_SHA256_SIZE + 1)
struct crypto_hash;
struct crypto_hash *crypto_hash_new(void);
void crypto_hash_free(struct crypto_hash **h);
void crypto_hash_add(struct crypto_hash *h, struct span data);
void crypto_hash_end(struct crypto_hash *h,
		     char out[static CRYPTO_HEX256_SIZE]);

/* Time depends on the lengths alone. */
bool crypto_equal(struct span a, struct span b);

/* RFC 9562 4 (random) and 5 (SHA-1 of name space and name), as text. */
const char *crypto_uuid4(char out[static CRYPTO_UUID_SIZE]);
const char *crypto_uuid5(const uint8_t space[static 16], struct span name,
			 char out[static CRYPTO_UUID_SIZE]);

/* 8-4-4-4-12 hex digits of either case. */
int crypto_uuid_parse(struct span text, uint8_t out[static 16]);

/* Appended to out. Decoders are strict: RFC 4648 base64url without padding
 * and with zero spare bits; hex of either case. -1: invalid, out as before. */
void crypto_hex(struct span data, struct strbuf *out);
int crypto_unhex(struct span text, struct strbuf *out);
void crypto_base64url(struct span data, struct strbuf *out);
int crypto_unbase64url(struct span text, struct strbuf *out);

/* RFC 4648 base64 with padding, strict as above. */
void crypto_base64(struct span data, struct strbuf *out);
int crypto_unbase64(struct span text, struct strbuf *out);

/*
 * Passwords (RFC 7914): "scrypt$N$r$p$salt$hash", salt of 16 and hash of 32
 * bytes in base64url. Tens of milliseconds and 128*N*r bytes: only in the
 * thread pool. NULL conf: N 16384, r 8, p 1.
 */
struct crypto_scrypt {
	uint64_t n; /* a power of two, at most 2^20 */
	uint32_t r;
	uint32_t p;
};
#define CRYPTO_SCRYPT_SIZE 128
void crypto_scrypt_hash(const struct crypto_scrypt *conf, struct span password,
			char out[static CRYPTO_SCRYPT_SIZE]);

/* 1 right, 0 wrong, -1 the stored text is not a hash of this form. */
int crypto_scrypt_verify(struct span password, const char *stored,
			 struct err *e) __attribute__((warn_unused_result));

#endif
