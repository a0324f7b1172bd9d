/*
 * The audit file: what events.h tells, one JSON line each, append-only. Each
 * line carries the hash of the one before it ("prev") and, last, its own
 * ("hash", over all before that member), so a line that was changed, taken
 * out or put in breaks the chain. A full file becomes audit.log.1, .1
 * becomes .2, and so on; the chain goes on through them.
 */
#ifndef PROXY_AUDIT_H
#define PROXY_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

/* Files beside the one that is written. */
#define AUDIT_FILES 9
#define AUDIT_HASH_SIZE 65 /* hex and NUL */

struct audit;

/* A line that is there already, oldest first; of the newest file. */
typedef void audit_line_fn(void *ctx, const json_t *event);

/*
 * DIR/audit.log. A line that a crash cut short goes: it was never whole.
 * max_bytes: of one file, > 0. fn hears of the end of what is there.
 */
struct audit *audit_open(const char *dir, int64_t max_bytes, audit_line_fn *fn,
			 void *ctx, struct err *e)
    __attribute__((warn_unused_result));
void audit_close(struct audit **ap);

/* Adds "prev" to the event and writes it. -1: it is not in the file. */
int audit_append(struct audit *a, json_t *event, struct err *e)
    __attribute__((warn_unused_result));

/* The hash of the newest line; "" before the first. */
const char *audit_head(const struct audit *a);

struct audit_found {
	bool good;
	unsigned files;
	uint64_t lines;
	int64_t first, last; /* ids */
	char head[AUDIT_HASH_SIZE];
	char fault[256]; /* FILE:LINE and what is wrong; "" if good */
};

/*
 * Reads every file of the chain. head: what its newest line must be (or one
 * that came later), so that a tail cannot be taken off unseen; "" if it is
 * not known. From any thread.
 */
void audit_verify(const char *dir, const char *head, struct audit_found *out);

#endif
