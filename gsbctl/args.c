#include "gsbctl/args.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/span.h"

#define WAIT_MS 120000

static const struct verb {
	const char *name, *second; /* "company", "add" */
	enum args_verb verb;
	const char *order;
	bool takes_name;
} verbs[] = {
	{ "help", NULL, ARGS_HELP, NULL, false },
	{ "manual", NULL, ARGS_MANUAL, NULL, false },
	{ "completion", NULL, ARGS_COMPLETION, NULL, false },
	{ "status", NULL, ARGS_STATUS, NULL, false },
	{ "watch", NULL, ARGS_WATCH, NULL, false },
	{ "readiness", NULL, ARGS_READINESS, NULL, false },
	{ "events", NULL, ARGS_EVENTS, NULL, false },
	{ "explain", NULL, ARGS_EXPLAIN, NULL, true },
	{ "fsm", NULL, ARGS_FSM, NULL, false },
	{ "switchover", NULL, ARGS_SWITCHOVER, "switchover", false },
	{ "failover", NULL, ARGS_FAILOVER, "failover", false },
	{ "failback", NULL, ARGS_FAILBACK, "failback", false },
	{ "maintenance", "start", ARGS_MAINTENANCE_START, "maintenance-start",
	  false },
	{ "maintenance", "finish", ARGS_MAINTENANCE_FINISH,
	  "maintenance-finish", false },
	{ "maintenance", "status", ARGS_MAINTENANCE_STATUS, NULL, false },
	{ "redirect", "add", ARGS_REDIRECT_ADD, "redirect-add", false },
	{ "redirect", "del", ARGS_REDIRECT_DEL, "redirect-del", false },
	{ "redirect", "list", ARGS_REDIRECT_LIST, NULL, false },
	{ "keys", "status", ARGS_KEYS_STATUS, NULL, false },
	{ "keys", "rotate", ARGS_KEYS_ROTATE, NULL, false },
	{ "drill", NULL, ARGS_DRILL, NULL, false },
	{ "pause", NULL, ARGS_PAUSE, "pause", false },
	{ "observe", NULL, ARGS_OBSERVE, "observe", false },
	{ "resume", NULL, ARGS_RESUME, "resume", false },
	{ "cancel", NULL, ARGS_CANCEL, "cancel", false },
	{ "authority", "adopt", ARGS_ADOPT, "adopt", false },
	{ "audit", "tail", ARGS_AUDIT_TAIL, NULL, false },
	{ "audit", "verify", ARGS_AUDIT_VERIFY, NULL, false },
	{ "proxy", "reload", ARGS_PROXY_RELOAD, NULL, false },
	{ "notices", "status", ARGS_NOTICES_STATUS, NULL, false },
	{ "notices", "test", ARGS_NOTICES_TEST, NULL, false },
	{ "dashboard", NULL, ARGS_DASHBOARD, NULL, false },
	{ "proxy", "upgrade", ARGS_PROXY_UPGRADE, NULL, false },
	{ "company", "list", ARGS_COMPANY_LIST, NULL, false },
	{ "company", "add", ARGS_COMPANY_ADD, NULL, true },
	{ "company", "create", ARGS_COMPANY_ADD, NULL, true },
	{ "company", "show", ARGS_COMPANY_SHOW, NULL, true },
	{ "company", "set", ARGS_COMPANY_SET, NULL, true },
	{ "company", "suspend", ARGS_COMPANY_SUSPEND, NULL, true },
	{ "company", "resume", ARGS_COMPANY_RESUME, NULL, true },
	{ "company", "delete", ARGS_COMPANY_DELETE, NULL, true },
	{ "copy", "status", ARGS_COPY_STATUS, NULL, false },
	{ "copy", "run", ARGS_COPY_RUN, NULL, false },
	{ "copy", "rollback", ARGS_COPY_ROLLBACK, NULL, false },
	{ "copy", "override", ARGS_COPY_OVERRIDE, NULL, false },
	{ "copy", "protect", ARGS_COPY_PROTECT, NULL, false },
	{ "verify", NULL, ARGS_VERIFY, NULL, true },
	{ "parked", "show", ARGS_PARKED_SHOW, NULL, true },
	{ "parked", "retry", ARGS_PARKED_RETRY, NULL, true },
	{ "parked", "drop", ARGS_PARKED_DROP, NULL, true },
	{ "parked", NULL, ARGS_PARKED, NULL, false },
	{ "conflicts", "list", ARGS_CONFLICTS, NULL, false },
	{ "conflicts", "show", ARGS_CONFLICTS_SHOW, NULL, true },
	{ "conflicts", "undo", ARGS_CONFLICTS_UNDO, NULL, true },
	{ "conflicts", NULL, ARGS_CONFLICTS, NULL, false },
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

enum kind { TEXT, FLAG, DURATION, NUMBER, FORMAT, WAIT };

static const struct option {
	const char *name;
	enum kind kind;
	size_t offset;
} options[] = {
	{ "--connect", TEXT, offsetof(struct args, connect) },
	{ "--format", FORMAT, offsetof(struct args, format) },
	{ "--to", TEXT, offsetof(struct args, to) },
	{ "--reason", TEXT, offsetof(struct args, reason) },
	{ "--until", TEXT, offsetof(struct args, until) },
	{ "--company", TEXT, offsetof(struct args, company) },
	{ "--service", TEXT, offsetof(struct args, service) },
	{ "--report", TEXT, offsetof(struct args, report) },
	{ "--site-id", TEXT, offsetof(struct args, site_id) },
	{ "--partner-id", TEXT, offsetof(struct args, partner_id) },
	{ "--brand", TEXT, offsetof(struct args, brand) },
	{ "--numbers", TEXT, offsetof(struct args, numbers) },
	{ "--settings", TEXT, offsetof(struct args, settings) },
	{ "--admin", TEXT, offsetof(struct args, admin) },
	{ "--password-file", TEXT, offsetof(struct args, password_file) },
	{ "--yes", FLAG, offsetof(struct args, yes) },
	{ "-y", FLAG, offsetof(struct args, yes) },
	{ "--dry-run", FLAG, offsetof(struct args, dry_run) },
	{ "--follow", FLAG, offsetof(struct args, follow) },
	{ "-f", FLAG, offsetof(struct args, follow) },
	{ "--all", FLAG, offsetof(struct args, all) },
	{ "--mermaid", FLAG, offsetof(struct args, mermaid) },
	{ "--no-wait", FLAG, offsetof(struct args, no_wait) },
	{ "--allow-data-loss", FLAG, offsetof(struct args, allow_data_loss) },
	{ "--allow-partial", FLAG, offsetof(struct args, allow_partial) },
	{ "--allow-behind", FLAG, offsetof(struct args, allow_behind) },
	{ "--force", FLAG, offsetof(struct args, force) },
	{ "--replicator", TEXT, offsetof(struct args, replicator) },
	{ "--watch", FLAG, offsetof(struct args, watch) },
	{ "--verify", FLAG, offsetof(struct args, verify) },
	{ "--expires-in", DURATION, offsetof(struct args, expires_ms) },
	{ "--since", NUMBER, offsetof(struct args, since) },
	{ "--wait", WAIT, offsetof(struct args, wait_ms) },
};
#define NOPTIONS (sizeof(options) / sizeof(options[0]))

bool
args_verb_words(size_t i, const char **first, const char **second)
{
	if (i >= NVERBS)
		return false;
	*first = verbs[i].name;
	*second = verbs[i].second;
	return true;
}

const char *
args_option_name(size_t i)
{
	return i < NOPTIONS ? options[i].name : NULL;
}

bool
args_of_replicator(enum args_verb verb)
{
	return verb >= ARGS_VERIFY;
}

bool
args_orders(enum args_verb verb)
{
	return args_order_name(verb) != NULL;
}

const char *
args_order_name(enum args_verb verb)
{
	for (size_t i = 0; i < NVERBS; i++)
		if (verbs[i].verb == verb)
			return verbs[i].order;
	return NULL;
}

static int
parse_format(const char *text, enum args_format *out, struct err *e)
{
	static const char *const names[] = { "table", "json", "tsv" };

	for (int i = 0; i < 3; i++)
		if (strcmp(names[i], text) == 0) {
			*out = (enum args_format)i;
			return 0;
		}
	return err_set(e, ERR_INVALID,
		       "--format must be table, json or tsv, not \"%s\"", text);
}

static const struct option *
find_option(const char *name)
{
	for (size_t i = 0; i < NOPTIONS; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static int
set_value(const struct option *o, const char *value, char *into, struct err *e)
{
	switch (o->kind) {
	case TEXT:
		*(const char **)(void *)into = value;
		return 0;
	case FORMAT:
		return parse_format(value, (enum args_format *)(void *)into, e);
	case DURATION:
	case WAIT:
		if (conf_parse_ms(value, (int64_t *)(void *)into, e) < 0)
			return err_prefix(e, "%s", o->name);
		return 0;
	case NUMBER:
		if (span_to_u64(span_of(value), (uint64_t *)(void *)into) < 0)
			return err_set(e, ERR_INVALID,
				       "%s needs a number, not \"%s\"", o->name,
				       value);
		return 0;
	case FLAG:
		break;
	}
	*(bool *)(void *)into = true;
	return 0;
}

/* How many arguments it took; -1. */
static int
take_option(char **argv, struct args *out, struct err *e)
{
	const struct option *o = find_option(argv[0]);
	const char *value = argv[1];
	char *into;

	if (o == NULL)
		return err_set(
		    e, ERR_INVALID,
		    "\"%s\" is not an option; gsbctl help lists them", argv[0]);
	into = (char *)out + o->offset;
	if (o->kind == FLAG)
		return set_value(o, NULL, into, e) < 0 ? -1 : 1;
	/* --wait may stand alone. */
	if (o->kind == WAIT &&
	    (value == NULL || value[0] < '0' || value[0] > '9'))
		return 1;
	if (value == NULL)
		return err_set(e, ERR_INVALID, "%s needs a value", o->name);
	return set_value(o, value, into, e) < 0 ? -1 : 2;
}

static const struct verb *
find_verb(char **words, int nwords, int *used)
{
	for (size_t i = 0; i < NVERBS; i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(v->name, words[0]) != 0)
			continue;
		*used = v->second != NULL ? 2 : 1;
		if (v->second == NULL ||
		    (nwords > 1 && strcmp(v->second, words[1]) == 0))
			return v;
	}
	return NULL;
}

static int
take_words(char **words, int nwords, struct args *out, struct err *e)
{
	const struct verb *v;
	int used = 1;

	if (nwords == 0)
		return err_set(e, ERR_INVALID,
			       "a verb is needed; gsbctl help lists them");
	v = find_verb(words, nwords, &used);
	if (v == NULL)
		return err_set(e, ERR_INVALID,
			       "\"%s%s%s\" is not a verb; gsbctl help lists "
			       "them",
			       words[0], nwords > 1 ? " " : "",
			       nwords > 1 ? words[1] : "");
	out->verb = v->verb;
	if (nwords > used && v->takes_name)
		out->name = words[used++];
	if (nwords > used)
		return err_set(e, ERR_INVALID, "\"%s\" is one word too many",
			       words[used]);
	return 0;
}

static int
check_site(const struct args *a, struct err *e)
{
	if (a->to == NULL)
		return err_set(e, ERR_INVALID,
			       "--to is needed: primary or backup");
	if (strcmp(a->to, "primary") != 0 && strcmp(a->to, "backup") != 0)
		return err_set(e, ERR_INVALID,
			       "--to must be primary or backup, not \"%s\"",
			       a->to);
	return 0;
}

static int
check_company(const struct args *a, struct err *e)
{
	if (a->name == NULL)
		return err_set(e, ERR_INVALID,
			       "company add needs the company's NAME");
	if (a->site_id == NULL || a->partner_id == NULL || a->admin == NULL ||
	    a->password_file == NULL)
		return err_set(e, ERR_INVALID,
			       "company add needs --site-id, --partner-id, "
			       "--admin and --password-file");
	return 0;
}

static int
check_change(const struct args *a, struct err *e)
{
	if (a->verb < ARGS_COMPANY_SHOW || a->verb > ARGS_COMPANY_DELETE)
		return 0;
	if (a->name == NULL)
		return err_set(e, ERR_INVALID, "the company's NAME is needed");
	if (a->verb == ARGS_COMPANY_DELETE && !a->yes)
		return err_set(e, ERR_INVALID,
			       "company delete takes accounts and meetings "
			       "along; say --yes");
	return 0;
}

/* A moment ("2030-01-02T03:04Z") or a time from now on ("90m"). */
static int
parse_until(struct args *a, struct err *e)
{
	int64_t at_us;

	if (clock_parse_iso(span_of(a->until), &at_us) == 0)
		a->expires_ms = (at_us - clock_wall_us()) / 1000;
	else if (conf_parse_ms(a->until, &a->expires_ms, e) < 0)
		return err_set(e, ERR_INVALID,
			       "--until must be a time such as 90m or a moment "
			       "such as 2030-01-02T03:04Z, not \"%s\"",
			       a->until);
	if (a->expires_ms <= 0)
		return err_set(e, ERR_INVALID,
			       "--until %s is not in the future", a->until);
	return 0;
}

static int
check_parked(const struct args *a, struct err *e)
{
	bool many = a->verb != ARGS_PARKED_SHOW;
	int64_t id;

	if (many && a->all && a->name == NULL)
		return 0;
	if (a->name == NULL || (many && a->all))
		return err_set(e, ERR_INVALID,
			       "which parked row? its number, as gsbctl "
			       "parked lists it%s",
			       many ? ", or --all" : "");
	if (span_to_i64(span_of(a->name), &id) < 0 || id < 1)
		return err_set(e, ERR_INVALID,
			       "a parked row is named by its number, not "
			       "\"%s\"",
			       a->name);
	return 0;
}

static int
check_conflict(const struct args *a, struct err *e)
{
	int64_t id;

	if (a->name != NULL && span_to_i64(span_of(a->name), &id) == 0 &&
	    id > 0)
		return 0;
	return err_set(e, ERR_INVALID,
		       "which conflict? its number, as gsbctl conflicts lists "
		       "it");
}

static int
check(struct args *a, struct err *e)
{
	if ((a->verb == ARGS_SWITCHOVER || a->verb == ARGS_FAILOVER ||
	     a->verb == ARGS_REDIRECT_ADD || a->verb == ARGS_ADOPT) &&
	    check_site(a, e) < 0)
		return -1;
	if ((args_orders(a->verb) || a->verb == ARGS_DRILL ||
	     a->verb == ARGS_KEYS_ROTATE) &&
	    (a->reason == NULL || !*a->reason))
		return err_set(e, ERR_INVALID,
			       "--reason is needed: why, for the audit log");
	if (a->verb == ARGS_PAUSE && a->expires_ms <= 0)
		return err_set(e, ERR_INVALID,
			       "--expires-in is needed: 30m, 2h, up to 7d");
	if (a->verb == ARGS_REDIRECT_ADD && a->expires_ms <= 0)
		return err_set(e, ERR_INVALID,
			       "--expires-in is needed: 30m, 2h, up to 31d");
	if (a->until != NULL && parse_until(a, e) < 0)
		return -1;
	if (a->verb == ARGS_COMPANY_ADD)
		return check_company(a, e);
	if (a->verb == ARGS_PARKED_SHOW || a->verb == ARGS_PARKED_RETRY ||
	    a->verb == ARGS_PARKED_DROP)
		return check_parked(a, e);
	if (a->verb == ARGS_CONFLICTS_SHOW || a->verb == ARGS_CONFLICTS_UNDO)
		return check_conflict(a, e);
	return check_change(a, e);
}

int
args_parse(int argc, char **argv, const char *connect_env, struct args *out,
	   struct err *e)
{
	char *words[4];
	int nwords = 0;

	*out = (struct args){ .connect = connect_env, .wait_ms = WAIT_MS };
	for (int i = 1; i < argc;) {
		int took;

		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "--version") == 0) {
			out->verb = argv[i][2] == 'h' ? ARGS_HELP
						      : ARGS_VERSION;
			return 0;
		}
		if (argv[i][0] != '-') {
			if (nwords == 4)
				return err_set(e, ERR_INVALID,
					       "\"%s\" is one word too many",
					       argv[i]);
			words[nwords++] = argv[i++];
			continue;
		}
		took = take_option(&argv[i], out, e);
		if (took < 0)
			return -1;
		i += took;
	}
	if (take_words(words, nwords, out, e) < 0)
		return -1;
	return check(out, e);
}
