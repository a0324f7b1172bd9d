/*
 * An order: what would happen, the pair before, a yes, the order, its
 * transitions as they come, the pair after.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "gsbctl/progress.h"
#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

#define POLL_MS 1000

static json_t *
order_body(const struct verbs *v, bool dry_run)
{
	const struct args *a = v->args;
	json_t *body = json_object();

	json_put_str(body, "verb", args_order_name(a->verb));
	if (a->to != NULL)
		json_put_str(body, "to", a->to);
	json_put_str(body, "reason", a->reason);
	json_put_str(body, "who", v->who);
	json_put_bool(body, "dry_run", dry_run);
	json_put_bool(body, "allow_data_loss", a->allow_data_loss);
	json_put_bool(body, "allow_partial", a->allow_partial);
	json_put_bool(body, "allow_behind", a->allow_behind);
	json_put_bool(body, "force", a->force);
	if (a->company != NULL)
		json_put_str(body, "company", a->company);
	if (a->service != NULL)
		json_put_str(body, "service", a->service);
	if (a->expires_ms > 0)
		json_put_int(body, "expires_in_ms", a->expires_ms);
	return body;
}

/* 0 and its answer, or the exit status; a refusal is explained. */
static int
post(const struct verbs *v, bool dry_run, struct call_answer *answer)
{
	JSON_AUTO body = order_body(v, dry_run);
	const char *override;
	int failed = verbs_call(v, "POST", "/v1/orders", body, answer);

	if (failed != EXITS_REFUSED || answer->body == NULL)
		return failed;
	override = words_str(answer->body, "override", NULL);
	fprintf(v->words.to, "        refused by rule %s; %s%s\n",
		words_str(answer->body, "rule", "?"),
		override != NULL ? "it yields to " : "no flag overrides it",
		override != NULL ? override : "");
	if (v->args->format != ARGS_TABLE)
		verbs_plain(v, answer->body);
	return failed;
}

static int
show_now(const struct verbs *v, int64_t *last)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed != 0)
		return failed;
	show_pair(&v->words, answer.body);
	if (last != NULL)
		*last = words_int(answer.body, "last_event");
	return 0;
}

static bool
confirmed(const struct verbs *v)
{
	char line[16];

	fprintf(v->words.to, "Type yes to go on: ");
	fflush(v->words.to);
	return fgets(line, sizeof(line), stdin) != NULL &&
	       strcmp(line, "yes\n") == 0;
}

/* Prints what happened since *last. */
static int
stream(const struct verbs *v, struct progress *p, int64_t *last, int wait_ms)
{
	CALL_AUTO answer = { 0 };
	char target[96];
	const json_t *list;
	int failed;

	snprintf(target, sizeof(target),
		 "/v1/events?since=%" PRId64 "&wait_ms=%d", *last, wait_ms);
	failed = verbs_call(v, "GET", target, NULL, &answer);
	if (failed != 0)
		return failed;
	list = json_object_get(answer.body, "events");
	if (json_array_size(list) > 0)
		progress_clear(p);
	for (size_t i = 0; i < json_array_size(list); i++) {
		show_event(&v->words, json_array_get(list, i));
		*last = words_int(json_array_get(list, i), "id");
	}
	return 0;
}

static int
outcome(const struct verbs *v, const json_t *order)
{
	const char *state = words_str(order, "state", "?");

	if (!verbs_plain(v, order))
		show_order(&v->out, order);
	if (strcmp(state, "done") == 0)
		return EXITS_DONE;
	return strcmp(state, "running") == 0 ? EXITS_TIMED_OUT
					     : EXITS_CALLED_OFF;
}

/* What it waits for now. */
static int
say_state(const struct verbs *v, struct progress *p)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);
	char text[SHOW_WAIT_SIZE];

	if (failed == 0)
		progress_say(p, "%s", show_wait(answer.body, text));
	return failed;
}

static int
follow(const struct verbs *v, const json_t *order, int64_t last)
{
	int64_t id = words_int(order, "id");
	int64_t end = clock_mono_ms() + v->args->wait_ms;
	struct progress progress;
	char target[96];

	progress_init(&progress, v->words.to, false);
	snprintf(target, sizeof(target), "/v1/orders/%" PRId64, id);
	for (;;) {
		CALL_AUTO answer = { 0 };
		int64_t left = end - clock_mono_ms();
		int failed = stream(v, &progress, &last,
				    left <= 0        ? 0
				    : left < POLL_MS ? (int)left
						     : POLL_MS);

		if (failed == 0)
			failed = verbs_call(v, "GET", target, NULL, &answer);
		if (failed != 0)
			return failed;
		if (strcmp(words_str(answer.body, "state", ""), "running") !=
		    0) {
			failed = stream(v, &progress, &last, 0);
			progress_clear(&progress);
			if (failed == 0)
				failed = show_now(v, NULL);
			return failed != 0 ? failed : outcome(v, answer.body);
		}
		failed = say_state(v, &progress);
		if (failed != 0)
			return failed;
		if (left <= 0) {
			progress_clear(&progress);
			fprintf(v->words.to,
				"gsbctl: not done yet; order %" PRId64
				" goes on (gsbctl status)\n",
				id);
			return outcome(v, answer.body);
		}
	}
}

/* What would happen, and whether it is wanted: 0, or the exit status. */
static int
ask(const struct verbs *v, int64_t *last)
{
	CALL_AUTO dry = { 0 };
	int failed;

	if (!v->args->yes && !v->args->dry_run && !v->terminal) {
		fprintf(v->words.to,
			"gsbctl: this is no terminal, so nobody can be asked: "
			"add --yes\n");
		return EXITS_USAGE;
	}
	failed = show_now(v, last);
	if (failed != 0 ||
	    (v->args->yes && !v->args->dry_run && !v->args->allow_data_loss))
		return failed;
	failed = post(v, true, &dry);
	if (failed != 0)
		return failed;
	/* What would be left behind is said even to who has agreed already. */
	fprintf(v->words.to, "%s\n", words_str(dry.body, "message", ""));
	if (v->args->dry_run && v->args->format != ARGS_TABLE)
		verbs_plain(v, dry.body);
	if (v->args->dry_run || v->args->yes || confirmed(v))
		return 0;
	fprintf(v->words.to, "gsbctl: nothing was done\n");
	return EXITS_CALLED_OFF;
}

int
verbs_order(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int64_t last = 0;
	int failed = ask(v, &last);

	if (failed != 0 || v->args->dry_run)
		return failed;
	failed = post(v, false, &answer);
	if (failed != 0)
		return failed;
	if (words_int(answer.body, "id") == 0) {
		if (!verbs_plain(v, answer.body))
			fprintf(v->out.to, "nothing to do: %s\n",
				words_str(answer.body, "message", ""));
		return EXITS_DONE;
	}
	if (v->args->no_wait) {
		if (!verbs_plain(v, answer.body))
			show_order(&v->out, answer.body);
		return EXITS_DONE;
	}
	return follow(v, answer.body, last);
}
