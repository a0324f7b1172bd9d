/*
 * Which event of the table has come about, if any; and the reasons that
 * people ask for. Pure, changes nothing.
 */
#ifndef PROXY_DECIDE_H
#define PROXY_DECIDE_H

#include <stddef.h>

#include "proxy/failover.h"

struct decide_note {
	char text[192];
};

/* An enum states_event, or -1; note says what stands behind it. */
int decide_event(const struct failover *f, const struct view *v,
		 struct decide_note *note);

/* Why the other site may not take over by itself; NULL: it may. */
const char *decide_bar(const struct failover *f, const struct view *v);

/* What an automatic or ordered return waits for; NULL: nothing. */
const char *decide_why_not(const struct failover *f, const struct view *v,
			   struct decide_note *note);

/* How long the primary must have been whole before a return. */
int64_t decide_stable_ms(const struct failover *f, int64_t wall_us);

bool decide_paused(const struct failover *f, const struct view *v);

/* Commits at the active site are not on both sites; -1: not told. */
int decide_at_risk(const struct failover *f, const struct view *v);

/* Where the record's site, served well, leads: one of three events each. */
enum states_event decide_serves(const struct authority_record *rec);
enum states_event decide_abort(const struct authority_record *rec);

#endif
