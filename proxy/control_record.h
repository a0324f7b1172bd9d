/*
 * The authority record: nothing follows from a decision before it is written,
 * and nothing is granted by one that was not looked at lately.
 */
#ifndef PROXY_CONTROL_RECORD_H
#define PROXY_CONTROL_RECORD_H

#include "proxy/control.h"

/*
 * Writes the record of a decision that was taken on c->view; until it is on
 * the disk c->f stays as it is, and nothing else is decided. Then, or when it
 * cannot be written, control_look.
 */
void control_record_start(struct control *c, const struct failover *after,
			  const struct failover_change *change);
/* On c->view: an alarm when that takes long; it ends with the writing. */
void control_record_look(struct control *c);
void control_record_cancel(struct control *c);
/* What holds as soon as it is: orders are judged by that. Borrowed. */
const struct failover *control_record_next(const struct control *c);

/* ctx: the control. For health.h. */
bool control_record_may_grant(void *ctx);

#endif
