/*
 * The pair's secret keys, one file that all programs share: lines
 * "KEYID HEXKEY", # comments. The first key signs, all verify, so keys
 * rotate without a pause: add the new one everywhere, then put it first.
 */
#ifndef BASE_KEYRING_H
#define BASE_KEYRING_H

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

struct keyring;

/*
 * Given, NULL on failure. The file must be regular and closed to group and
 * others (mode 0600 or 0400); KEYID is 1 to 32 of A-Z a-z 0-9 _ -; HEXKEY 32
 * to 64 bytes. Errors say FILE:LINE and never show a key.
 */
struct keyring *keyring_load(const char *path, struct err *e)
    __attribute__((warn_unused_result));

/* The same from text; name stands for the path in errors. For tests. */
struct keyring *keyring_parse(const char *name, struct span text, struct err *e)
    __attribute__((warn_unused_result));

/* Wipes the keys; NULL is fine; sets *krp NULL. */
void keyring_free(struct keyring **krp);

/* Appends "KEYID.base64url(hmac-sha256(data))". */
void keyring_sign(const struct keyring *kr, struct span data,
		  struct strbuf *out);

/* 0: sig is ours. -1 ERR_REFUSED: malformed, unknown key, or wrong. */
int keyring_verify(const struct keyring *kr, struct span data, struct span sig,
		   struct err *e) __attribute__((warn_unused_result));

/* What kr holds becomes what *from holds; *from is freed. Whoever borrows kr
 * has the new keys from its next call on. */
void keyring_replace(struct keyring *kr, struct keyring **from);

/* Appends the ids, the signing one first, by commas. */
void keyring_ids(const struct keyring *kr, struct strbuf *out);

/* The id of the signing key; borrowed. */
const char *keyring_id(const struct keyring *kr);

#endif
