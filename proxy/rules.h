/*
 * What an operator's order must satisfy before it is taken. Pure. A refusal
 * names its rule, says why in words, and which flag overrides it, if any.
 */
#ifndef PROXY_RULES_H
#define PROXY_RULES_H

#include "proxy/failover.h"

enum rules_verb {
	RULES_SWITCHOVER,
	RULES_FAILOVER,
	RULES_FAILBACK,
	RULES_MAINTAIN, /* a switch-over that marks the primary */
	RULES_FINISH,   /* its end: verified, and back */
	RULES_REDIRECT_ADD,
	RULES_REDIRECT_DEL,
	RULES_PAUSE,
	RULES_OBSERVE,
	RULES_RESUME,
	RULES_ADOPT,
	RULES_CANCEL,
	RULES_VERBS
};

struct rules_order {
	enum rules_verb verb;
	bool to_given;
	enum route_site to;
	int64_t expires_ms; /* pause, maintenance */
	bool allow_data_loss, allow_partial, allow_behind;
	bool force; /* gates that bar, and writes that do not end */
	enum route_service service; /* redirects */
	char company[64];
	bool company_known;
	char who[64];
	char why[160];
};

enum rules_verdict { RULES_GO, RULES_NOTHING_TO_DO, RULES_REFUSED };

struct rules_judged {
	enum rules_verdict verdict;
	const char *rule;          /* of a refusal */
	const char *override;      /* "--allow-partial", or NULL: none */
	char message[480];         /* in words, for each verdict */
	struct failover_word word; /* RULES_GO: what the machine is told */
};

void rules_judge(const struct rules_order *o, const struct failover *f,
		 const struct view *v, struct rules_judged *out);

/* How an order that was taken stands after this change. */
enum rules_progress { RULES_RUNNING, RULES_DONE, RULES_FAILED };
enum rules_progress rules_progress(const struct rules_order *o,
				   const struct failover_change *change);

/* "switchover", ...; -1: no such verb. */
const char *rules_verb_name(enum rules_verb v);
int rules_verb_parse(const char *name);

#endif
