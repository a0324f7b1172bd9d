/* gsbctl: how operators speak to gsb-proxy. */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "gsbctl/manual.h"
#include "gsbctl/verbs.h"
#include "io/loop.h"

/* What needs no proxy. */
static int
print_words(const struct verbs *v)
{
	if (v->args->verb == ARGS_VERSION)
		fputs("gsbctl " GSB_VERSION "\n", v->out.to);
	else if (v->args->verb == ARGS_MANUAL)
		manual_page(v->out.to);
	else if (v->args->verb == ARGS_COMPLETION)
		manual_completion(v->out.to);
	else
		fputs(args_help, v->out.to);
	return EXITS_DONE;
}

/* All others are orders. */
static int (*const runs[])(const struct verbs *v) = {
	[ARGS_HELP] = print_words,
	[ARGS_VERSION] = print_words,
	[ARGS_MANUAL] = print_words,
	[ARGS_COMPLETION] = print_words,
	[ARGS_STATUS] = verbs_status,
	[ARGS_WATCH] = verbs_watch,
	[ARGS_READINESS] = verbs_readiness,
	[ARGS_EVENTS] = verbs_events,
	[ARGS_EXPLAIN] = verbs_explain,
	[ARGS_AUDIT_TAIL] = verbs_audit_tail,
	[ARGS_AUDIT_VERIFY] = verbs_audit_verify,
	[ARGS_FSM] = verbs_fsm,
	[ARGS_MAINTENANCE_STATUS] = verbs_maintenance_status,
	[ARGS_REDIRECT_LIST] = verbs_redirect_list,
	[ARGS_KEYS_STATUS] = verbs_keys_status,
	[ARGS_KEYS_ROTATE] = verbs_keys_rotate,
	[ARGS_DRILL] = verbs_drill,
	[ARGS_PROXY_RELOAD] = verbs_proxy_reload,
	[ARGS_PROXY_UPGRADE] = verbs_proxy_upgrade,
	[ARGS_DASHBOARD] = verbs_dashboard,
	[ARGS_NOTICES_STATUS] = verbs_notices,
	[ARGS_NOTICES_TEST] = verbs_notices,
	[ARGS_COMPANY_LIST] = verbs_company_list,
	[ARGS_COMPANY_ADD] = verbs_company_add,
	[ARGS_COPY_STATUS] = verbs_copy,
	[ARGS_COPY_RUN] = verbs_copy,
	[ARGS_COPY_ROLLBACK] = verbs_copy,
	[ARGS_COPY_OVERRIDE] = verbs_copy,
	[ARGS_COPY_PROTECT] = verbs_copy,
	[ARGS_COMPANY_SHOW] = verbs_company_change,
	[ARGS_COMPANY_SET] = verbs_company_change,
	[ARGS_COMPANY_SUSPEND] = verbs_company_change,
	[ARGS_COMPANY_RESUME] = verbs_company_change,
	[ARGS_COMPANY_DELETE] = verbs_company_change,
	[ARGS_VERIFY] = verbs_replicator,
	[ARGS_PARKED] = verbs_replicator,
	[ARGS_PARKED_SHOW] = verbs_replicator,
	[ARGS_PARKED_RETRY] = verbs_replicator,
	[ARGS_PARKED_DROP] = verbs_replicator,
	[ARGS_CONFLICTS] = verbs_conflicts,
	[ARGS_CONFLICTS_SHOW] = verbs_conflicts,
	[ARGS_CONFLICTS_UNDO] = verbs_conflicts,
};
#define NRUNS (sizeof(runs) / sizeof(runs[0]))

static int
run(const struct verbs *v)
{
	unsigned verb = v->args->verb;

	if (verb < NRUNS && runs[verb] != NULL)
		return runs[verb](v);
	return verbs_order(v);
}

static bool
colored(FILE *to)
{
	return isatty(fileno(to)) && getenv("NO_COLOR") == NULL;
}

int
main(int argc, char **argv)
{
	struct args args;
	struct err e = { 0 };
	struct verbs v = { .args = &args,
			   .out = { stdout, colored(stdout) },
			   .words = { stderr, colored(stderr) } };
	const struct passwd *me = getpwuid(getuid());
	int status;

	log_init("gsbctl");
	if (args_parse(argc, argv, getenv("GSB_CTL"), &args, &e) < 0) {
		fprintf(stderr, "gsbctl: %s\n", err_text(&e));
		return EXITS_USAGE;
	}
	if (args_of_replicator(args.verb)) {
		args.connect = args.replicator != NULL
				   ? args.replicator
				   : getenv("GSB_REPLICATOR");
		if (args.connect == NULL) {
			fprintf(stderr,
				"gsbctl: which replicator? --replicator "
				"SOCKET (the file \"control\" in its "
				"state_dir), or $GSB_REPLICATOR\n");
			return EXITS_USAGE;
		}
	}
	if (args.connect == NULL && args.verb < ARGS_COPY_STATUS &&
	    args.verb != ARGS_HELP && args.verb != ARGS_MANUAL &&
	    args.verb != ARGS_COMPLETION && args.verb != ARGS_VERSION) {
		fprintf(stderr, "gsbctl: which proxy? --connect SOCKET, or "
				"$GSB_CTL\n");
		return EXITS_USAGE;
	}
	v.terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	snprintf(v.who, sizeof(v.who), "%s",
		 me != NULL ? me->pw_name : "operator");
	loop_open();
	status = run(&v);
	loop_close();
	return status;
}
