/*
 * What a service knows of its right to serve, and the rules that change it.
 * Pure; in gate.c.
 */
#ifndef SITE_GATE_RULES_H
#define SITE_GATE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define GATE_BOOT_SIZE 33
#define GATE_AHEAD_US INT64_C(10000000) /* the farthest `until` taken */

struct gate_grant {
	const char *service, *site, *boot;
	int64_t epoch, until_us, wall_us;
	bool serve, peer_dead, degraded;
	const char *active;      /* NULL: not said */
	const json_t *redirects; /* of this epoch; NULL: none */
	const json_t *collab;    /* sites whose collab is granted; NULL: none */
};

/* A company that another site than the active one answers. */
#define GATE_REDIRECTS 16
struct gate_redirect {
	char company[64];
	char to[8];
};

/* What the service knows; the rules below are all that change it. */
struct gate_lease {
	const char *service, *site;
	char boot[GATE_BOOT_SIZE];
	int64_t epoch;    /* the highest seen */
	int64_t until_us; /* of the last grant taken */
	bool serve, peer_dead, degraded;
	char active[8]; /* the site for all but the redirects; "" unknown */
	struct gate_redirect redirects[GATE_REDIRECTS];
	unsigned nredirects;
	char rooms[8];     /* where those of all were moved to; "" nowhere */
	char collab[2][8]; /* sites where a room may be entered */
	unsigned ncollab;
	bool elsewhere; /* it was told not to serve, not only not told to */
};

enum gate_verdict {
	GATE_TAKEN,
	GATE_ASKED,     /* it only asks */
	GATE_FOREIGN,   /* for another service, site or boot of it */
	GATE_STALE,     /* not later than what it has: repeated, overtaken */
	GATE_AHEAD,     /* ends too far in the future */
	GATE_OLD_EPOCH, /* below the highest seen */
};
const char *gate_verdict_name(enum gate_verdict v);

/* Takes the grant or leaves it; a higher epoch ends the old lease anyway. */
enum gate_verdict gate_judge(struct gate_lease *l, const struct gate_grant *g,
			     int64_t now_us);
bool gate_lease_holds(const struct gate_lease *l, int64_t epoch,
		      int64_t now_us);

#endif
