/*
 * The authority record: nothing follows from a decision before it is written,
 * and nothing is granted by one that was not looked at lately.
 */
#ifndef PROXY_CONTROL_RECORD_H
#define PROXY_CONTROL_RECORD_H

#include "proxy/control.h"

/* False: it cannot be written; the decisions are as they were before. */
bool control_record(struct control *c, const struct failover *before);

/* ctx: the control. For health.h. */
bool control_record_may_grant(void *ctx);

#endif
