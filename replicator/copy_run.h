/*
 * One copy: ask, compare, fetch what is missing, check it, show it at one
 * instant. Whatever fails, the old version stays; what has come stays too,
 * and the next one goes on from there.
 */
#ifndef REPLICATOR_COPY_RUN_H
#define REPLICATOR_COPY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/keyring.h"
#include "replicator/copy_plan.h"

struct copy_run;
struct vault;

struct copy_run_conf {
	struct vault *vault; /* borrowed, as all */
	const struct keyring *keys;
	const char *url;     /* of the primary's web */
	const char *ca_file; /* or NULL */
	int64_t max_rate;    /* bytes a second; 0: no limit */
	unsigned keep;       /* versions */
	const char *held;    /* a digest that is not to be taken, or NULL */
	bool verify;         /* read and hash everything that is here */
};

enum copy_phase { COPY_ASK, COPY_COMPARE, COPY_FETCH, COPY_SHOW };
extern const char *const copy_phase_names[];

struct copy_progress {
	enum copy_phase phase;
	int64_t files, files_all;
	int64_t bytes, bytes_all; /* of content */
	int64_t wire_bytes;       /* in, and out */
};

struct copy_result {
	bool same;   /* the old version was the primary's */
	bool mended; /* but not all of it was here any more */
	bool held;   /* it was not taken */
	int64_t version, slot;
	char digest[MANIFEST_HASH_SIZE];
	int64_t asked_us; /* wall clock: what is here was the primary's then */
	struct copy_diff diff;
	int64_t files, bytes;      /* of the version */
	int64_t fetched;           /* bytes of content */
	int64_t wire_in, wire_out; /* bodies */
	char replaced[256]; /* reason of an emergency change that is gone */
};

/* result: of a copy that has failed only wire_in and wire_out. */
typedef void copy_run_fn(void *ctx, const struct copy_result *result,
			 const struct err *err);

struct copy_run *copy_run_start(const struct copy_run_conf *conf,
				copy_run_fn *fn, void *ctx);
void copy_run_cancel(struct copy_run **r);
const struct copy_progress *copy_run_progress(const struct copy_run *r);

#endif
