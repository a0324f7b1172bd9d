/*
 * The authority record: which site is active, under which epoch. A file in
 * state_dir, and the one truth: a decision counts once it is on the disk.
 * Written beside, fsynced, renamed over, and the folder fsynced; however
 * long the disk takes, the loop goes on.
 */
#ifndef PROXY_AUTHORITY_H
#define PROXY_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/span.h"
#include "proxy/redirects.h"
#include "proxy/route.h"

#define AUTHORITY_FAILOVERS 8

struct authority_record {
	uint64_t epoch; /* >= 1 */
	enum route_site active;
	bool held; /* an operator put it there: no automatic return */
	bool degraded;
	int64_t degraded_us; /* since then; UNIX µs; 0: not, or not told */
	bool observe;        /* automation decides and logs, and does nothing */
	int64_t maintained_us; /* the primary is, since; UNIX µs; 0: not */
	int64_t maintained_until_us; /* as announced; 0: not */
	int64_t ttl_ms; /* no grant of ours lasts longer; 0: not told */
	int64_t paused_until_us;                /* UNIX µs; 0: not paused */
	int64_t failovers[AUTHORITY_FAILOVERS]; /* newest first, UNIX µs */
	struct redirects redirects;
	char who[64];
	char why[192];
	int64_t when_us;
};

struct authority;

/*
 * Takes the folder's lock, so that two proxies never share one record.
 * dir is copied. NULL with e set.
 */
struct authority *authority_open(const char *dir, struct err *e)
    __attribute__((warn_unused_result));
void authority_close(struct authority **ap);

/* 1 read, 0 there is none, -1 damaged or unreadable: FILE and why. */
int authority_load(struct authority *a, struct authority_record *out,
		   struct err *e) __attribute__((warn_unused_result));

/* 0: it is durable. Blocks; not while another one is being stored. */
int authority_store(struct authority *a, const struct authority_record *r,
		    struct err *e) __attribute__((warn_unused_result));

/*
 * The same without blocking, one at a time: fn comes once from the loop, err
 * NULL: it is durable. authority_close waits for the disk, and none comes.
 */
typedef void authority_stored_fn(void *ctx, const struct err *err);
void authority_store_start(struct authority *a,
			   const struct authority_record *r,
			   authority_stored_fn *fn, void *ctx);

/*
 * The record on the disk is still the one that we read or wrote last; or one
 * is being stored, and nobody else may.
 */
int authority_confirm(struct authority *a, struct err *e)
    __attribute__((warn_unused_result));

/* Its text, and back; the text carries a checksum over its members. */
json_t *authority_json(const struct authority_record *r);
int authority_parse(struct span text, struct authority_record *out,
		    struct err *e) __attribute__((warn_unused_result));

#endif
