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

static int
run(const struct verbs *v)
{
	switch (v->args->verb) {
	case ARGS_HELP:
	case ARGS_VERSION:
	case ARGS_MANUAL:
	case ARGS_COMPLETION:
		return print_words(v);
	case ARGS_STATUS:
		return verbs_status(v);
	case ARGS_WATCH:
		return verbs_watch(v);
	case ARGS_READINESS:
		return verbs_readiness(v);
	case ARGS_EVENTS:
		return verbs_events(v);
	case ARGS_EXPLAIN:
		return verbs_explain(v);
	case ARGS_AUDIT_TAIL:
		return verbs_audit_tail(v);
	case ARGS_AUDIT_VERIFY:
		return verbs_audit_verify(v);
	case ARGS_FSM:
		return verbs_fsm(v);
	case ARGS_SWITCHOVER:
	case ARGS_FAILOVER:
	case ARGS_FAILBACK:
	case ARGS_MAINTENANCE_START:
	case ARGS_MAINTENANCE_FINISH:
	case ARGS_REDIRECT_ADD:
	case ARGS_REDIRECT_DEL:
	case ARGS_PAUSE:
	case ARGS_OBSERVE:
	case ARGS_RESUME:
	case ARGS_CANCEL:
	case ARGS_ADOPT:
		return verbs_order(v);
	case ARGS_MAINTENANCE_STATUS:
		return verbs_maintenance_status(v);
	case ARGS_REDIRECT_LIST:
		return verbs_redirect_list(v);
	case ARGS_KEYS_STATUS:
		return verbs_keys_status(v);
	case ARGS_KEYS_ROTATE:
		return verbs_keys_rotate(v);
	case ARGS_DRILL:
		return verbs_drill(v);
	case ARGS_PROXY_RELOAD:
		return verbs_proxy_reload(v);
	case ARGS_NOTICES_STATUS:
	case ARGS_NOTICES_TEST:
		return verbs_notices(v);
	case ARGS_COMPANY_LIST:
		return verbs_company_list(v);
	case ARGS_COMPANY_ADD:
		return verbs_company_add(v);
	case ARGS_COPY_STATUS ... ARGS_COPY_PROTECT:
		return verbs_copy(v);
	}
	return EXITS_USAGE;
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
