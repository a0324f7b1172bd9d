/*
 * Sees to it that both sites hold the same rows: compares them by digest, in
 * the background at a low rate for ever, at once when asked; and where the
 * stream cannot bring what is missing (gsb.heal), makes them equal before
 * that. Whatever breaks off begins again.
 */
#ifndef REPLICATOR_HEAL_H
#define REPLICATOR_HEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "replicator/tables.h"

struct heal;

enum heal_state {
	HEAL_IDLE,
	HEAL_CONNECTING,
	HEAL_ASKING,    /* what there is to do */
	HEAL_HEALING,   /* a pass that makes equal */
	HEAL_VERIFYING, /* a pass that proves it, and heals what it finds */
	HEAL_WRITING    /* the outcome of a table or a pass */
};
const char *heal_state_name(enum heal_state s);

struct heal_conf {
	const char *local, *peer; /* conninfos; copied, as all texts */
	const char *site, *peer_site;
	const struct tables *tables; /* borrowed to the end; read anew by each
					pass */
	int64_t interval_ms;         /* between background passes; 0: none */
	/* So much waits to be merged that the background should not work. */
	bool (*is_behind)(void *ctx);
	/* A pass has begun or ended, a table is done. */
	void (*on_change)(void *ctx);
	void *ctx;
};

struct heal *heal_new(const struct heal_conf *conf);
void heal_free(struct heal **hp);

/* The stream runs (or not): only then is there somebody to compare with. */
void heal_go(struct heal *h, bool go);

/* Another interval, from now on. */
void heal_set_interval(struct heal *h, int64_t interval_ms);

/* gsb.heal says so now: a pass over everything begins, at once if it can. */
void heal_want(struct heal *h, const char *why);

/* A pass over one table or (NULL) all, at full speed. -1: no such table. */
int heal_verify(struct heal *h, const char *rel, struct err *e)
    __attribute__((warn_unused_result));

struct heal_table {
	const char *rel;
	int64_t verified_us; /* wall clock when it was last equal; 0: never */
	int64_t rows;        /* compared then, or so far */
	uint64_t different, pulled, pushed, parked, unsettled; /* last pass */
	int64_t ms;          /* the last pass took */
	const char *failure; /* why it could not be compared; or NULL */
};

struct heal_status {
	enum heal_state state;
	bool healing;      /* rows may be missing */
	bool demanded;     /* somebody asked for the pass that runs */
	const char *why;   /* healing: what happened */
	const char *table; /* is being compared; or NULL */
	int64_t rows, estimated;
	unsigned tries; /* of it: the first heals, the next one proves */
	const struct heal_table *tables; /* borrowed until the next call */
	size_t n;
	int64_t oldest_us; /* of all verified_us; 0: one never was */
	uint64_t passes, different, pulled, pushed, parked, incidents;
	const char *failure; /* of the last pass; or NULL */
};
void heal_status(const struct heal *h, struct heal_status *out);

#endif
