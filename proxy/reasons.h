/*
 * The reasons that bar a fail-over or a return, in words. Pure.
 */
#ifndef PROXY_REASONS_H
#define PROXY_REASONS_H

#include "proxy/failover.h"

struct reasons_note {
	char text[FAILOVER_NOTE];
};
void reasons_say(struct reasons_note *note, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Of the two below always the last: without it, it would have been done. */
extern const char reasons_observes[];

/* Why the other site may not take over by itself; NULL: it may. */
const char *reasons_bar(const struct failover *f, const struct view *v);

/* What an automatic or ordered return waits for; NULL: nothing. */
const char *reasons_why_not(const struct failover *f, const struct view *v,
			    struct reasons_note *note);

/* How far the other site is behind the active one: note->text. */
const char *reasons_lag(const struct view_site *active,
			const struct view_site *other,
			struct reasons_note *note);

/* How long the primary must have been whole before a return. */
int64_t reasons_stable_ms(const struct failover *f, int64_t wall_us);

bool reasons_paused(const struct failover *f, const struct view *v);

/* Acknowledged writes of the active site may be missing at the other. */
bool reasons_may_lose(const struct failover *f, const struct view *v);

/* Appends what of them, as far as it is known: how many, since when. */
void reasons_risk(const struct failover *f, const struct view *v,
		  struct reasons_note *note);

/* Commits at the active site are not on both sites; -1: not told. */
int reasons_at_risk(const struct failover *f, const struct view *v);

#endif
