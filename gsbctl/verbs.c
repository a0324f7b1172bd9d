#include "gsbctl/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "gsbctl/words.h"

#define WATCH_MS 1000

int
verbs_call(const struct verbs *v, const char *method, const char *target,
	   const json_t *body, struct call_answer *out)
{
	struct err e = { 0 };
	char text[512];

	bool of_replicator = args_of_replicator(v->args->verb);

	if (call_run(v->args->connect, method, target, body, out, &e) < 0) {
		fprintf(v->words.to,
			"gsbctl: no answer from the %s at %s: %s\n"
			"        is gsb-%s running? %s name its socket\n",
			of_replicator ? "replicator" : "proxy",
			v->args->connect,
			access(v->args->connect, F_OK) < 0 ? strerror(errno)
			: e.code == ERR_REFUSED            ? "nobody listens"
							   : err_text(&e),
			of_replicator ? "replicator" : "proxy",
			of_replicator ? "--replicator and $GSB_REPLICATOR"
				      : "--connect and $GSB_CTL");
		return EXITS_UNREACHABLE;
	}
	if (out->status == 200)
		return 0;
	fprintf(v->words.to, "gsbctl: %s\n",
		call_message(out, text, sizeof(text)));
	return out->status == 409 || out->status == 503 ? EXITS_REFUSED
							: EXITS_USAGE;
}

bool
verbs_plain(const struct verbs *v, const json_t *doc)
{
	if (v->args->format == ARGS_JSON)
		show_json(v->out.to, doc);
	else if (v->args->format == ARGS_TSV)
		show_tsv(v->out.to, doc);
	return v->args->format != ARGS_TABLE;
}

int
verbs_status(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed != 0)
		return failed;
	if (!verbs_plain(v, answer.body))
		show_status(&v->out, answer.body);
	return EXITS_DONE;
}

/* Each line over the one that was there, so that nothing flickers. */
static void
paint_over(const struct verbs *v, const char *text)
{
	bool terminal = isatty(fileno(v->out.to));

	if (terminal)
		fputs("\033[H", v->out.to);
	for (const char *c = text; *c != '\0'; c++) {
		if (terminal && *c == '\n')
			fputs("\033[K", v->out.to);
		fputc(*c, v->out.to);
	}
	if (terminal)
		fputs("\033[J", v->out.to);
	fflush(v->out.to);
}

static void
watch_once(const struct verbs *v, const json_t *status, const json_t *events)
{
	size_t n = json_array_size(events), len = 0;
	char *text = NULL;
	struct show s = { open_memstream(&text, &len), v->out.color };

	show_status(&s, status);
	fputc('\n', s.to);
	for (size_t i = n > 8 ? n - 8 : 0; i < n; i++)
		show_event(&s, json_array_get(events, i));
	fclose(s.to);
	paint_over(v, text);
	free(text);
}

/* Until it is interrupted; each event and each second brings a new picture. */
int
verbs_watch(const struct verbs *v)
{
	for (;;) {
		CALL_AUTO status = { 0 };
		CALL_AUTO events = { 0 };
		CALL_AUTO news = { 0 };
		char target[96];
		int64_t last;
		int failed = verbs_call(v, "GET", "/v1/status", NULL, &status);

		if (failed != 0)
			return failed;
		last = words_int(status.body, "last_event");
		snprintf(target, sizeof(target), "/v1/events?since=%" PRId64,
			 last > 8 ? last - 8 : 0);
		failed = verbs_call(v, "GET", target, NULL, &events);
		if (failed != 0)
			return failed;
		if (!verbs_plain(v, status.body))
			watch_once(v, status.body,
				   json_object_get(events.body, "events"));
		fflush(v->out.to);
		snprintf(target, sizeof(target),
			 "/v1/events?since=%" PRId64 "&wait_ms=%d", last,
			 WATCH_MS);
		failed = verbs_call(v, "GET", target, NULL, &news);
		if (failed != 0)
			return failed;
	}
}

int
verbs_readiness(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);
	bool ready;

	if (failed != 0)
		return failed;
	ready = words_bool(answer.body, "failover.ready") &&
		words_bool(answer.body, "readiness.ready");
	if (v->args->format == ARGS_TABLE) {
		show_readiness(&v->out, answer.body);
	} else {
		JSON_AUTO doc = json_object();

		json_object_set(doc, "failover",
				json_object_get(answer.body, "failover"));
		json_object_set(doc, "failback",
				json_object_get(answer.body, "failback"));
		json_object_set(doc, "readiness",
				json_object_get(answer.body, "readiness"));
		verbs_plain(v, doc);
	}
	return ready ? EXITS_DONE : EXITS_NOT_READY;
}

int
verbs_fsm(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(
	    v, "GET", v->args->mermaid ? "/v1/fsm?form=mermaid" : "/v1/fsm",
	    NULL, &answer);

	if (failed != 0)
		return failed;
	fputs(words_str(answer.body, "text", ""), v->out.to);
	return EXITS_DONE;
}
