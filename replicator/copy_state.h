/*
 * What is known of the daily copy, kept in the vault's status.json over
 * restarts, and its forms: JSON for people and the site, Prometheus text.
 * Pure.
 */
#ifndef REPLICATOR_COPY_STATE_H
#define REPLICATOR_COPY_STATE_H

#include "base/json.h"
#include "base/strbuf.h"
#include "replicator/copy_run.h"

#define COPY_ALARM_US (INT64_C(24) * 3600 * 1000000)

struct copy_state {
	int64_t verified_us; /* what is visible was the primary's then; 0 */
	int64_t done_us;     /* the last one that did not fail began */
	char held[MANIFEST_HASH_SIZE]; /* rolled back from; "" */
	json_t *seen; /* digest -> when it was the primary's, last */

	/* The last one: */
	int64_t began_us, ended_us; /* 0: there was none */
	struct err error;           /* code ERR_NONE: it went well */
	struct copy_result last;
	unsigned failures; /* in a row */

	/* Since the start. */
	uint64_t runs, failed;
	int64_t wire_in, fetched;
};

/* From status.json; a text that is none gives an empty state. */
void copy_state_read(struct copy_state *s, struct span text);
void copy_state_write(const struct copy_state *s, struct strbuf *out);
void copy_state_fini(struct copy_state *s);

/* A copy that began at began_us has ended. */
void copy_state_note(struct copy_state *s, int64_t began_us, int64_t now_us,
		     const struct copy_result *result, const struct err *err);
/* An older version is shown; from: the digest that was. */
void copy_state_rolled_back(struct copy_state *s, const char *from,
			    const char *to);

bool copy_state_alarm(const struct copy_state *s, int64_t now_us);

/* Added to doc. */
void copy_state_json(const struct copy_state *s, int64_t now_us, json_t *doc);
void copy_state_metrics(const struct copy_state *s, int64_t now_us,
			struct strbuf *out);

#endif
