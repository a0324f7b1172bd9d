/*
 * The fail-over as one table: what is decided in each state on each event,
 * and why. PAUSED and OBSERVE lie across: a pause bars events from being
 * raised at all; who only observes raises "would-..." instead.
 */
#ifndef PROXY_STATES_H
#define PROXY_STATES_H

#include "base/fsm.h"
#include "proxy/states_action.h"

enum states_state {
	STATE_START, /* reads the record, asks the sites */
	STATE_LOST,  /* no record to trust: an operator's word */
	STATE_NORMAL,
	STATE_SUSPECT,
	STATE_FENCING,
	STATE_ON_BACKUP,
	STATE_CATCHING_UP,
	STATE_READY_TO_RETURN,
	STATE_HOLD,
	STATE_DRAIN,
	STATE_SYNC,
	STATE_SWITCH,
	STATE_RELEASE,
	STATE_MAINTENANCE, /* on the backup by an operator's order */
	STATE_CLOSED       /* no site may serve: 503 */
};

enum states_event {
	EVENT_RECORD,
	EVENT_FIRST,
	EVENT_NO_RECORD,
	EVENT_OUTRANKED,
	EVENT_ADOPT,
	EVENT_SUSPECT,
	EVENT_FAIL,
	EVENT_NO_TARGET,
	EVENT_NOT_ALLOWED,
	EVENT_FENCED,
	EVENT_TARGET_DEAD,
	EVENT_SERVES_PRIMARY, /* the recorded site serves well: this one */
	EVENT_SERVES_BACKUP,
	EVENT_SERVES_HELD, /* the backup, by an operator's order */
	EVENT_PEER_WHOLE,
	EVENT_PEER_LOST,
	EVENT_CAUGHT_UP,
	EVENT_BEHIND,
	EVENT_RETURN,
	EVENT_WOULD_FAIL, /* observing: said, not done */
	EVENT_WOULD_RETURN,
	EVENT_ORDER_SWITCH,
	EVENT_ORDER_RETURN,
	EVENT_ORDER_STAY,
	EVENT_ORDER_FAILOVER,
	EVENT_ORDER_REDIRECT,
	EVENT_REDIRECT_ENDS,
	EVENT_REDIRECT_VOID, /* it leads to a site that is dead */
	EVENT_HELD,
	EVENT_DRAINED,
	EVENT_APPLIED,
	EVENT_SWITCHED,
	EVENT_ABORT_PRIMARY, /* the bracket ends where it began: there */
	EVENT_ABORT_BACKUP,
	EVENT_ABORT_HELD,
	EVENT_PEER_DEAD,
	EVENT_PEER_ALIVE,
	EVENT_DEGRADED,
	EVENT_PROTECTED,
	EVENT_ORDER_PAUSE,
	EVENT_ORDER_OBSERVE,
	EVENT_ORDER_RESUME,
	EVENT_PAUSE_ENDS,
	EVENT_OVERDUE /* announced maintenance has not ended */
};

extern const struct fsm states_fsm;

/* Its rows that lead elsewhere, as Mermaid; docs/failover.md shows it. */
void states_diagram(FILE *to);

#endif
