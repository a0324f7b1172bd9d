/* One certificate with its key, from its files. */
#ifndef PROXY_CERTS_FILE_H
#define PROXY_CERTS_FILE_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "base/err.h"

struct certs_file {
	SSL_CTX *ctx; /* with certificate, chain and key; no rules yet */
	char *path;
	int64_t end_s; /* UNIX time */
	unsigned char *staple;
	size_t staple_len;
};

/* NULL with e saying which file and what is wrong with it. */
struct certs_file *certs_file_new(const char *path, struct err *e)
    __attribute__((warn_unused_result));
void certs_file_free(struct certs_file **f);

/*
 * Given: the file that holds this certificate's key, itself or NAME.key
 * beside it; NULL with e: there is none, or everybody may read it.
 */
char *certs_file_key(const char *path, struct err *e)
    __attribute__((warn_unused_result));
/* Before a file is read: what certs_file_fault would still tell. */
void certs_file_clear(void);

/* -1, e says "PATH: WHAT: OpenSSL's or the system's reason". */
int certs_file_fault(struct err *e, const char *path, const char *what);

#endif
