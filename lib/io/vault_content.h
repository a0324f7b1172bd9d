/* The content of a vault: files under the SHA-256 of what they hold. */
#ifndef IO_VAULT_CONTENT_H
#define IO_VAULT_CONTENT_H

#include "base/crypto.h"
#include "io/vault.h"

/* A file being written; begin, add..., then end or drop. */
struct vault_new {
	const struct vault *vault;
	struct crypto_hash *hash; /* NULL: no hash is under way */
	int fd;                   /* -1: none is open */
	int64_t size;
	char name[96]; /* in the folder */
};
/* want NULL: a file of its own; else partial/want, goes on behind what is
 * there (n->size bytes, read again for the hash). */
int vault_new_begin(struct vault_new *n, const struct vault *v,
		    const char *want, struct err *e)
    __attribute__((warn_unused_result));
int vault_new_add(struct vault_new *n, struct span data, struct err *e)
    __attribute__((warn_unused_result));
/* Its hash; with want another one is ERR_INVALID and the file is gone. n can
 * begin again. */
int vault_new_end(struct vault_new *n, const char *want,
		  char hash[static MANIFEST_HASH_SIZE], struct err *e)
    __attribute__((warn_unused_result));
/* All of one at once, with fewer calls; n lends its hash, no file is open in
 * it. Another hash than want is ERR_INVALID and nothing is written. */
int vault_put(struct vault_new *n, const struct vault *v, const char *want,
	      struct span data, struct err *e)
    __attribute__((warn_unused_result));
/* A file in tmp/ (a spooled body) becomes content; its size and hash. */
int vault_adopt(const struct vault *v, const char *path,
		struct manifest_entry *out, struct err *e)
    __attribute__((warn_unused_result));
/* keep: a partial one stays, for the next time. */
void vault_new_drop(struct vault_new *n, bool keep);
void vault_new_fini(struct vault_new *n); /* frees the hash too */
/* Bytes of partial/HASH. */
int64_t vault_partial(const struct vault *v, const char *hash);

/* For reading, or -1; ERR_NOT_FOUND, ERR_INVALID: another size. */
int vault_content(const struct vault *v, const struct manifest_entry *f,
		  struct err *e) __attribute__((warn_unused_result));
/* It is there with its size; deep: and its content is right. */
bool vault_has(const struct vault *v, const struct manifest_entry *f,
	       bool deep);
/* All of a small one, appended. */
int vault_load(const struct vault *v, const struct manifest_entry *f,
	       struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
