/*
 * An operator's word to the decisions, as the rules let it pass.
 */
#ifndef PROXY_FAILOVER_WORD_H
#define PROXY_FAILOVER_WORD_H

#include "proxy/redirects.h"

enum failover_order {
	FAILOVER_NO_ORDER,
	FAILOVER_SWITCH,
	FAILOVER_RETURN,
	FAILOVER_STAY,
	FAILOVER_FORCE,
	FAILOVER_ADOPT,
	FAILOVER_PAUSE,
	FAILOVER_OBSERVE,
	FAILOVER_RESUME,
	FAILOVER_CANCEL,
	FAILOVER_REDIRECT
};

/* One order, checked by rules.h; the next step takes it. */
struct failover_word {
	enum failover_order order;
	enum route_site to;
	int64_t until_us; /* of a pause or maintenance, UNIX; 0: open */
	bool maintenance; /* it marks the primary */
	/* FAILOVER_REDIRECT: this one, or it goes. */
	struct redirects_one redirect;
	bool undo;
	bool force; /* writes that do not end are resent elsewhere */
	char who[64];
	char why[160];
};

#endif
