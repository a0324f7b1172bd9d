/*
 * What becomes of a request that got no answer: routing.md, "What happens to
 * requests". Pure.
 */
#ifndef PROXY_RESEND_H
#define PROXY_RESEND_H

#include <stdbool.h>

enum resend_event {
	RESEND_REFUSED,       /* it was never sent */
	RESEND_NOT_PROCESSED, /* the site says that it touched nothing */
	RESEND_UNCERTAIN,     /* the connection died before any answer byte */
	RESEND_MOVED          /* a newer epoch went by while it was waiting */
};

struct resend_case {
	enum resend_event event;
	bool kept;       /* all that was sent of it is still here */
	bool idempotent; /* by its method */
	bool healthy;    /* the site that a resend would go to */
	bool same;       /* that is the same site under the same epoch */
	unsigned tries;  /* how often it may have been executed */
};

enum resend_action {
	RESEND_NOW,
	RESEND_WHEN_IT_WORKS, /* held until that site is known to work */
	RESEND_WHEN_DECIDED,  /* held until a newer snapshot decides */
	RESEND_GIVE_UP
};

/* So many executions are tried at most: a request that kills its site does
 * not go round for ever. */
#define RESEND_TRIES_MAX 5

enum resend_action resend_judge(const struct resend_case *c);

#endif
