/* The command line of gsbctl: a verb, its words and options, in any order. */
#ifndef GSBCTL_ARGS_H
#define GSBCTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum args_verb {
	ARGS_HELP,
	ARGS_VERSION,
	ARGS_MANUAL,
	ARGS_COMPLETION,
	ARGS_STATUS,
	ARGS_WATCH,
	ARGS_READINESS,
	ARGS_EVENTS,
	ARGS_EXPLAIN,
	ARGS_FSM,
	ARGS_AUDIT_TAIL,
	ARGS_AUDIT_VERIFY,
	ARGS_SWITCHOVER,
	ARGS_FAILOVER,
	ARGS_FAILBACK,
	ARGS_MAINTENANCE_START,
	ARGS_MAINTENANCE_FINISH,
	ARGS_MAINTENANCE_STATUS,
	ARGS_DRILL,
	ARGS_KEYS_STATUS,
	ARGS_KEYS_ROTATE,
	ARGS_REDIRECT_ADD,
	ARGS_REDIRECT_DEL,
	ARGS_REDIRECT_LIST,
	ARGS_PAUSE,
	ARGS_OBSERVE,
	ARGS_RESUME,
	ARGS_CANCEL,
	ARGS_ADOPT, /* "authority adopt" */
	ARGS_PROXY_RELOAD,
	ARGS_NOTICES_STATUS,
	ARGS_NOTICES_TEST,
	ARGS_DASHBOARD,
	ARGS_PROXY_UPGRADE,
	ARGS_COMPANY_LIST,
	ARGS_COMPANY_ADD,
	ARGS_COMPANY_SHOW,
	ARGS_COMPANY_SET,
	ARGS_COMPANY_SUSPEND,
	ARGS_COMPANY_RESUME,
	ARGS_COMPANY_DELETE,
	ARGS_COPY_STATUS,
	ARGS_COPY_RUN,
	ARGS_COPY_ROLLBACK,
	ARGS_COPY_OVERRIDE,
	ARGS_COPY_PROTECT,
	ARGS_VERIFY, /* this and all below speak to a replicator */
	ARGS_PARKED,
	ARGS_PARKED_SHOW,
	ARGS_PARKED_RETRY,
	ARGS_PARKED_DROP,
	ARGS_CONFLICTS,
	ARGS_CONFLICTS_SHOW,
	ARGS_CONFLICTS_UNDO
};

enum args_format { ARGS_TABLE, ARGS_JSON, ARGS_TSV };

struct args {
	enum args_verb verb;
	enum args_format format;
	const char *connect; /* all texts are borrowed from argv */
	const char *to, *reason, *until, *report, *replicator, *company;
	const char *name; /* company add NAME, explain EVENT, verify TABLE */
	const char *site_id, *partner_id, *admin, *password_file, *service;
	const char *brand, *numbers, *settings;
	bool yes, dry_run, follow, mermaid, no_wait, watch, verify, all;
	bool allow_data_loss, allow_partial, allow_behind, force;
	int64_t wait_ms, expires_ms;
	uint64_t since;
};

/* connect_env: $GSB_CTL or NULL. -1: what is wrong, and what is right. */
int args_parse(int argc, char **argv, const char *connect_env, struct args *out,
	       struct err *e) __attribute__((warn_unused_result));

/* It speaks to a replicator; it gives an order: needs a reason, and a yes. */
bool args_of_replicator(enum args_verb verb);
bool args_orders(enum args_verb verb);

/* "switchover", ... as the operators' API calls it; NULL: no order. */
const char *args_order_name(enum args_verb verb);

/* The i-th verb's words (the second may be NULL), the i-th option. */
bool args_verb_words(size_t i, const char **first, const char **second);
const char *args_option_name(size_t i);
extern const char *const args_help;

#endif
