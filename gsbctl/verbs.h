/*
 * The verbs of gsbctl. Each returns an exit status; data goes to stdout,
 * words to stderr.
 */
#ifndef GSBCTL_VERBS_H
#define GSBCTL_VERBS_H

#include "gsbctl/args.h"
#include "gsbctl/call.h"
#include "gsbctl/exits.h"
#include "gsbctl/show.h"

struct verbs {
	const struct args *args;
	struct show out;   /* data */
	struct show words; /* for the operator */
	bool terminal;     /* somebody can be asked */
	char who[64];
};

int verbs_status(const struct verbs *v);
int verbs_watch(const struct verbs *v);
int verbs_readiness(const struct verbs *v);
int verbs_fsm(const struct verbs *v);
int verbs_events(const struct verbs *v);
int verbs_audit_tail(const struct verbs *v);
int verbs_audit_verify(const struct verbs *v);
int verbs_explain(const struct verbs *v);
int verbs_order(const struct verbs *v);
int verbs_maintenance_status(const struct verbs *v);
int verbs_redirect_list(const struct verbs *v);
int verbs_keys_status(const struct verbs *v);
int verbs_keys_rotate(const struct verbs *v);
int verbs_drill(const struct verbs *v);
int verbs_proxy_reload(const struct verbs *v);
int verbs_notices(const struct verbs *v);
int verbs_dashboard(const struct verbs *v);
int verbs_proxy_upgrade(const struct verbs *v);
int verbs_company_list(const struct verbs *v);
int verbs_company_add(const struct verbs *v);
int verbs_company_change(const struct verbs *v);
int verbs_copy(const struct verbs *v);
int verbs_replicator(const struct verbs *v); /* its verbs, of them: */
int verbs_parked(const struct verbs *v);
int verbs_conflicts(const struct verbs *v);

/*
 * One call: 0 and an answer of 200, or the exit status after it was said
 * what is wrong.
 */
int verbs_call(const struct verbs *v, const char *method, const char *target,
	       const json_t *body, struct call_answer *out);

/* By --format: doc as JSON or TSV, true; false: the table is wanted. */
bool verbs_plain(const struct verbs *v, const json_t *doc);

#endif
