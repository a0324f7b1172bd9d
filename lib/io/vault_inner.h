/* The inside of a vault. */
#ifndef IO_VAULT_INNER_H
#define IO_VAULT_INNER_H

#include <stdatomic.h>

#include "io/vault.h"
#include "io/vault_content.h"

struct vault {
	char *dir;
	int fd; /* of it */
	atomic_uint holders;
};

#define VAULT_NAME_SIZE 96

/* ERR_LIMIT for a full disk, else ERR_IO; says the path and errno. */
int vault_fault(const struct vault *v, const char *what, const char *name,
		struct err *e);
/* "objects/ab/abcdef..." */
const char *vault_object_name(const char *hash,
			      char out[static VAULT_NAME_SIZE]);

#endif
