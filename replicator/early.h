/*
 * A large transaction applied while it comes, if it only inserts: its rows go
 * into an open transaction here, behind the file that is being written, and
 * what it still lacks when the peer has committed follows then. The file holds
 * all of it, so this may be given up at any time and for any reason, and costs
 * nobody more than a moment: whoever waits for these rows, or keeps them
 * waiting, ends it.
 */
#ifndef REPLICATOR_EARLY_H
#define REPLICATOR_EARLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "replicator/catalog.h"
#include "replicator/streamed.h"

struct early;

enum early_end {
	EARLY_DONE,   /* committed and flushed here */
	EARLY_UNFIT,  /* it does more than insert rows */
	EARLY_KNOWN,  /* a row is known here, or a value of it */
	EARLY_LOCKED, /* somebody has locked what it needs */
	EARLY_BLOCKS, /* somebody waits for it */
	EARLY_IDLE,   /* nothing came for a while */
	EARLY_LONG,   /* it is open for long */
	EARLY_FAILED, /* the session, or anything else */
	EARLY_PASSED, /* another large one has committed before it */
	EARLY_PART,   /* a part of it was rolled back (by the owner) */
	EARLY_ENDS
};
const char *early_name(enum early_end end);

struct early_conf {
	const char *conninfo; /* borrowed, as all texts */
	const char *application;
	const char *origin;            /* gsb_<peer>_large; made if missing */
	const struct catalog *catalog; /* borrowed */
	struct streamfile *file;       /* borrowed; nobody has read it */
	/* Nothing of it is here any more, unless EARLY_DONE. */
	void (*on_end)(void *ctx, enum early_end end);
	void *ctx;
};

struct early *early_start(const struct early_conf *conf);
/* Before its end: rolled back. */
void early_free(struct early **ep);

/* Something was added to the file. */
void early_more(struct early *e);
/* Rows of that part may have been taken. */
bool early_has_part(const struct early *e, uint32_t part);
/* All is in the file, and has committed there. */
void early_commit(struct early *e, const struct streamed_whole *whole);

uint64_t early_rows(const struct early *e);
bool early_is_of(const struct early *e, const struct streamfile *file);

#endif
