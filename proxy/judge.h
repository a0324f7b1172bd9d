/*
 * How a site is: from its components to one word. Pure.
 *
 *   whole    everything works
 *   partial  something does not; an alarm, nothing moves by itself (G7)
 *   split    web or database dead, collab alive with people in its rooms:
 *            all but those rooms fails over (G10)
 *   dead     web or database dead, nobody in a room: fail-over (G6)
 */
#ifndef PROXY_JUDGE_H
#define PROXY_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

enum judge_level { JUDGE_LEVEL_UNKNOWN, JUDGE_LEVEL_OK, JUDGE_LEVEL_DOWN };

enum judge_verdict {
	JUDGE_UNKNOWN, /* not seen for long enough yet */
	JUDGE_WHOLE,
	JUDGE_PARTIAL,
	JUDGE_SPLIT,
	JUDGE_DEAD
};

struct judge_site {
	enum judge_level web;
	enum judge_level db;
	enum judge_level files;
	enum judge_level collab;
	int64_t rooms; /* with people, as collab said last */
};

enum judge_verdict judge_site(const struct judge_site *s);

/* It can take everybody's requests: whole or partial. */
bool judge_serves(enum judge_verdict v);
/* It surely cannot: split or dead. */
bool judge_failed(enum judge_verdict v);

/*
 * One component through rise and fall: the level changes after that many
 * equal results in a row.
 */
struct judge_run {
	bool ok;
	unsigned length;
	enum judge_level level;
};
struct judge_counts {
	unsigned rise, fall; /* > 0 */
};
void judge_count(struct judge_run *run, struct judge_counts c, bool ok);

/* It failed lately and has not been good `rise` times since. */
bool judge_wavers(const struct judge_run *run, struct judge_counts c);

const char *judge_name(enum judge_verdict v);
const char *judge_level_name(enum judge_level l);

#endif
