/*
 * What control decided, as events.
 */
#ifndef PROXY_TELL_H
#define PROXY_TELL_H

#include "proxy/control.h"

void tell_alarm(struct control *c, const char *text);

/* A row of the table was taken; ends the order that it ends. */
void tell_change(struct control *c, const struct failover_change *change);

/* The sites whose judgement is another than the one told last. */
void tell_verdicts(struct control *c);

/* Real requests fail, or no longer do, whatever the probes say. */
void tell_shares(struct control *c, const struct plane_counts *counts);

/* id: the order's number, 0 if it was not taken. */
void tell_order(struct control *c, const struct rules_order *o,
		const struct rules_judged *judged, uint64_t id);

#endif
