/*
 * Usage (G19): the rows behind the reports, as the rooms write them. Every
 * statement may come late and more than once, from a spool for instance, and
 * in any order behind the run's own row: what is written again changes
 * nothing, and both sites' rows side by side count nothing twice.
 */
#ifndef SITE_USAGE_H
#define SITE_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "io/pgbatch.h"

/* The row of table session that is this run of the meeting (its session_no):
 * the same on both sites. */
void usage_session_id(const char *meeting_id, int64_t session_no,
		      char out[static CRYPTO_UUID_SIZE]);

/* A person in a run, from one join to its leave. Texts are cut to what their
 * column holds; times are UNIX µs. */
struct usage_stay {
	const char *session_id;
	const char *participant;     /* the same on every rejoin */
	const char *account_id;      /* NULL: a guest */
	const char *name, *email;    /* NULL: the account's */
	const char *address, *agent; /* where from and with what; or NULL */
	bool host;
	char site; /* 'P', 'B': where the room is */
	int64_t joined_us;
	int64_t seen_us; /* still there then */
	int64_t left_us; /* 0: still there */
};

/*
 * Adds the statement that writes the stay: at the join, about once a minute
 * while it lasts (when its site dies it counts up to the last one), and at
 * the leave. Of a run that is not there nothing is written.
 */
void usage_add_stay(struct pgbatch *b, const struct usage_stay *s);

#endif
