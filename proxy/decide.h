/*
 * Which event of the table has come about, if any. Pure, changes nothing.
 */
#ifndef PROXY_DECIDE_H
#define PROXY_DECIDE_H

#include "proxy/reasons.h"

/* An enum states_event, or -1; note says what stands behind it. */
int decide_event(const struct failover *f, const struct view *v,
		 struct reasons_note *note);

/* Where the record's site, served well, leads: one of three events each. */
enum states_event decide_serves(const struct authority_record *rec);
enum states_event decide_abort(const struct authority_record *rec);

#endif
