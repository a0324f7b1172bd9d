#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

#define FOLLOW_MS 30000
#define TAIL 20
/* The proxy answers so many at once. */
#define PAGE 256

static void
print_event(const struct verbs *v, const json_t *e)
{
	char *line;

	switch (v->args->format) {
	case ARGS_TABLE:
		show_event(&v->out, e);
		break;
	case ARGS_JSON: /* one a line, so that a pipe can follow */
		line = json_dumps(e, JSON_COMPACT);
		fprintf(v->out.to, "%s\n", line);
		free(line);
		break;
	case ARGS_TSV:
		fprintf(v->out.to, "%" PRId64 "\t%s\t%s\t%" PRId64 "\t%s\n",
			words_int(e, "id"), words_str(e, "at", ""),
			words_str(e, "kind", ""), words_int(e, "epoch"),
			words_str(e, "text", ""));
		break;
	}
}

static int
print_events(const struct verbs *v, int64_t since)
{
	int wait_ms = 0;

	for (;;) {
		CALL_AUTO answer = { 0 };
		char target[96];
		const json_t *list;
		int failed;

		snprintf(target, sizeof(target),
			 "/v1/events?since=%" PRId64 "&wait_ms=%d", since,
			 wait_ms);
		failed = verbs_call(v, "GET", target, NULL, &answer);
		if (failed != 0)
			return failed;
		list = json_object_get(answer.body, "events");
		for (size_t i = 0; i < json_array_size(list); i++) {
			print_event(v, json_array_get(list, i));
			since = words_int(json_array_get(list, i), "id");
		}
		fflush(v->out.to);
		if (json_array_size(list) > 0)
			continue;
		if (!v->args->follow)
			return EXITS_DONE;
		wait_ms = FOLLOW_MS;
	}
}

int
verbs_events(const struct verbs *v)
{
	return print_events(v, (int64_t)v->args->since);
}

/* The number of the newest event into *out; else the exit status. */
static int
newest(const struct verbs *v, int64_t *out)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed == 0)
		*out = words_int(answer.body, "last_event");
	return failed;
}

int
verbs_audit_tail(const struct verbs *v)
{
	int64_t last = 0;
	int failed = newest(v, &last);

	if (failed != 0)
		return failed;
	return print_events(v, last > TAIL ? last - TAIL : 0);
}

int
verbs_audit_verify(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/audit", NULL, &answer);
	bool good;

	if (failed != 0)
		return failed;
	good = words_bool(answer.body, "good");
	if (!verbs_plain(v, answer.body))
		fprintf(v->out.to, "%s%s\n", good ? "" : "NOT as written: ",
			words_str(answer.body, "message", "?"));
	return good ? EXITS_DONE : EXITS_NOT_READY;
}

/* The event of that id; 0: the newest transition, else the newest. */
static const json_t *
pick_event(const json_t *list, int64_t id)
{
	const json_t *best = NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		bool moved = strcmp(words_str(e, "kind", ""), "transition") ==
			     0;

		if (id != 0 && words_int(e, "id") == id)
			return e;
		if (id == 0 && (moved || best == NULL))
			best = e;
	}
	return best;
}

int
verbs_explain(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int64_t id = 0, last = 0;
	char target[96];
	const json_t *e;
	int failed;

	if (v->args->name != NULL &&
	    (span_to_i64(span_of(v->args->name), &id) < 0 || id < 1)) {
		fprintf(v->words.to,
			"gsbctl: \"%s\" is not an event; gsbctl events lists "
			"their numbers\n",
			v->args->name);
		return EXITS_USAGE;
	}
	failed = newest(v, &last);
	if (failed != 0)
		return failed;
	snprintf(target, sizeof(target), "/v1/events?since=%" PRId64,
		 id > 0        ? id - 1
		 : last > PAGE ? last - PAGE
			       : INT64_C(0));
	failed = verbs_call(v, "GET", target, NULL, &answer);
	if (failed != 0)
		return failed;
	e = pick_event(json_object_get(answer.body, "events"), id);
	if (e == NULL) {
		fprintf(v->words.to,
			"gsbctl: the proxy has no such event in memory; its "
			"audit.log has them all\n");
		return EXITS_USAGE;
	}
	if (!verbs_plain(v, e))
		show_explain(&v->out, e);
	return EXITS_DONE;
}
