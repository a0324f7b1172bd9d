/*
 * Maintenance, and the drill: there and back on purpose, with a report of
 * what it cost.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

struct drill {
	const struct verbs *v;
	json_t *before, *between, *after; /* status */
	int there, back;                  /* exit statuses */
};

int
verbs_maintenance_status(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed != 0)
		return failed;
	if (!verbs_plain(v, answer.body))
		show_maintenance(&v->out, answer.body);
	return EXITS_DONE;
}

int
verbs_redirect_list(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed != 0)
		return failed;
	if (!verbs_plain(v, json_object_get(answer.body, "redirects")))
		show_redirects(&v->out, answer.body);
	return EXITS_DONE;
}

static int
look(const struct verbs *v, json_t **out)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed == 0)
		*out = json_incref(answer.body);
	return failed;
}

/* As if it had been typed; its own outcome goes to the words. */
static int
order(const struct drill *d, enum args_verb verb)
{
	struct args args = *d->v->args;
	struct verbs v = *d->v;

	args.verb = verb;
	args.format = ARGS_TABLE;
	v.args = &args;
	v.out = v.words;
	return verbs_order(&v);
}

static void
report_gates(FILE *to, const json_t *status)
{
	json_t *gates = NULL;

	(void)json_get_array(status, "readiness.gates", &gates, NULL);
	fputs("| gate | verdict | is | limit |\n|---|---|---|---|\n", to);
	for (size_t i = 0; i < json_array_size(gates); i++) {
		const json_t *g = json_array_get(gates, i);

		fprintf(to, "| %s | %s | %s | %s |\n", words_str(g, "gate", ""),
			words_str(g, "verdict", ""), words_str(g, "value", ""),
			words_str(g, "limit", ""));
	}
}

static void
report_traffic(const struct drill *d, FILE *to)
{
	static const char *const sites[] = { "primary", "backup" };
	const json_t *last = d->after != NULL ? d->after : d->before;

	fputs("\n| site | answers | of them failed |\n|---|---|---|\n", to);
	for (int i = 0; i < 2; i++) {
		char answers[WORDS_SIZE], failed[WORDS_SIZE];

		snprintf(answers, sizeof(answers), "sites.%s.traffic.answers",
			 sites[i]);
		snprintf(failed, sizeof(failed), "sites.%s.traffic.failed",
			 sites[i]);
		fprintf(to, "| %s | %" PRId64 " | %" PRId64 " |\n", sites[i],
			words_int(last, answers) -
			    words_int(d->before, answers),
			words_int(last, failed) - words_int(d->before, failed));
	}
}

/* What moved, and how long requests waited in each bracket. */
static void
report_events(const struct drill *d, FILE *to)
{
	CALL_AUTO answer = { 0 };
	char target[64];
	int64_t held_us = 0;
	json_t *list;

	snprintf(target, sizeof(target), "/v1/events?since=%" PRId64,
		 words_int(d->before, "last_event"));
	if (verbs_call(d->v, "GET", target, NULL, &answer) != 0)
		return;
	list = json_object_get(answer.body, "events");
	fputs("\n| when | what |\n|---|---|\n", to);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		const char *state = words_str(e, "to", "");

		fprintf(to, "| %s | %s: %s |\n", words_str(e, "at", ""),
			words_str(e, "kind", ""), words_str(e, "text", ""));
		if (strcmp(state, "HOLD") == 0)
			held_us = words_int(e, "at_us");
		if (strcmp(state, "RELEASE") != 0 || held_us == 0)
			continue;
		fprintf(to, "| | **requests were held for %" PRId64 " ms** |\n",
			(words_int(e, "at_us") - held_us) / 1000);
		held_us = 0;
	}
}

static void
report(const struct drill *d, FILE *to)
{
	bool good = d->there == EXITS_DONE && d->back == EXITS_DONE;
	char at[WORDS_SIZE];

	fprintf(to, "# Drill of %s: %s\n\n",
		words_time(words_int(d->before, "wall_us"), at),
		good ? "passed" : "FAILED");
	fprintf(to, "By %s: %s. Epoch %" PRId64 " to %" PRId64 ".\n\n",
		d->v->who, d->v->args->reason, words_int(d->before, "epoch"),
		words_int(d->after != NULL ? d->after : d->before, "epoch"));
	fprintf(to, "- to the backup: %s\n- back to the primary: %s\n\n",
		d->there == EXITS_DONE ? "done" : "failed",
		d->back == EXITS_DONE    ? "done"
		: d->there == EXITS_DONE ? "failed"
					 : "not tried");
	fputs("## Before\n\n", to);
	report_gates(to, d->before);
	if (d->between != NULL) {
		fputs("\n## On the backup\n\n", to);
		report_gates(to, d->between);
	}
	fputs("\n## What happened\n", to);
	report_events(d, to);
	fputs("\n## Requests\n", to);
	report_traffic(d, to);
}

static int
write_report(const struct drill *d)
{
	const char *path = d->v->args->report;
	FILE *f = path != NULL ? fopen(path, "we") : d->v->out.to;

	if (f == NULL) {
		fprintf(d->v->words.to, "gsbctl: %s: %s\n", path,
			strerror(errno));
		return EXITS_USAGE;
	}
	report(d, f);
	if (path != NULL)
		fclose(f);
	return d->there != EXITS_DONE ? d->there : d->back;
}

int
verbs_drill(const struct verbs *v)
{
	struct drill d = { .v = v, .back = EXITS_CALLED_OFF };
	int failed = look(v, &d.before);

	if (failed != 0)
		return failed;
	fputs("drill, 1 of 2: everybody to the backup\n", v->words.to);
	d.there = order(&d, ARGS_MAINTENANCE_START);
	if (v->args->dry_run) {
		json_decref(d.before);
		return d.there;
	}
	if (d.there == EXITS_DONE && look(v, &d.between) == 0) {
		fputs("drill, 2 of 2: back to the primary\n", v->words.to);
		d.back = order(&d, ARGS_MAINTENANCE_FINISH);
	}
	(void)look(v, &d.after);
	failed = write_report(&d);
	json_decref(d.before);
	json_decref(d.between);
	json_decref(d.after);
	return failed;
}
