/*
 * The parts of a copy that block, and what they work with: for the thread
 * pool, one at a time. Counted on the loop: the run and the job that runs
 * hold it.
 */
#ifndef REPLICATOR_COPY_STAGE_H
#define REPLICATOR_COPY_STAGE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/manifest.h"
#include "base/strbuf.h"
#include "replicator/copy_plan.h"

struct copy_stage {
	unsigned refs;
	struct vault *vault;
	unsigned keep;
	bool verify;
	struct err err;

	int64_t slot; /* the visible one */
	struct manifest *old;

	/* What the primary has said. */
	bool same;
	bool diff; /* text is how it differs from old */
	char digest[MANIFEST_HASH_SIZE];
	struct strbuf text;

	struct manifest *to; /* old when it is the same */
	struct copy_plan *plan;

	struct copy_need *need; /* of the plan */
	struct strbuf signature;
};

struct copy_stage *copy_stage_new(struct vault *v, unsigned keep, bool verify);
void copy_stage_unref(struct copy_stage *s);

/* Each takes a struct copy_stage ** and tells by err. */
void copy_stage_open(void *job);    /* slot, old */
void copy_stage_compare(void *job); /* to, plan; is there room for it? */
void copy_stage_sign(void *job);    /* signature of need's basis */
void copy_stage_show(void *job);    /* slot */

/* What began of need's file is not its beginning. */
void copy_stage_forget(struct copy_stage *s);

#endif
