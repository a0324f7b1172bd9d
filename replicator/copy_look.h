/*
 * Which versions there are; and going back to the one before. For the thread
 * pool.
 */
#ifndef REPLICATOR_COPY_LOOK_H
#define REPLICATOR_COPY_LOOK_H

#include <stdbool.h>

#include "base/json.h"
#include "io/vault.h"

struct copy_look {
	struct vault *vault; /* taken */
	bool rollback;
	json_t *versions; /* newest first */
	struct err err;   /* of the rollback */
	char from[MANIFEST_HASH_SIZE], to[MANIFEST_HASH_SIZE]; /* digests */
};

/* Of a job that is a struct copy_look. */
void copy_look_run(void *job);
void copy_look_fini(void *job);

#endif
