#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "gsbctl/progress.h"
#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

#define POLL_US 300000

static void
show_table(const struct verbs *v, const json_t *t)
{
	char took[WORDS_SIZE], ago[WORDS_SIZE];
	int64_t age = words_int(t, "verified_age_ms");

	fprintf(v->out.to, "%-32s %12" PRId64 " %10" PRId64 " %10s  ",
		words_str(t, "table", "?"), words_int(t, "rows"),
		words_int(t, "different"),
		words_ms(words_int(t, "took_ms"), took));
	if (json_get_str(t, "failure", &(const char *){ NULL }, NULL) == 1)
		fprintf(v->out.to, "%s\n", words_str(t, "failure", ""));
	else if (age < 0)
		fputs("never\n", v->out.to);
	else
		fprintf(v->out.to, "%s (%s ago)\n",
			words_str(t, "verified", "?"), words_ms(age, ago));
}

static void
show_tables(const struct verbs *v, const json_t *digest)
{
	const json_t *tables = json_object_get(digest, "tables");

	fprintf(v->out.to, "%-32s %12s %10s %10s  %s\n", "TABLE", "ROWS",
		"DIFFERENT", "TOOK", "VERIFIED EQUAL AT");
	for (size_t i = 0; i < json_array_size(tables); i++)
		show_table(v, json_array_get(tables, i));
}

static void
show_progress(struct progress *p, const json_t *digest)
{
	const char *failure = words_str(digest, "failure", "");

	progress_say(p, "%s %s %" PRId64 " of %" PRId64 " rows%s%s",
		     words_str(digest, "state", "?"),
		     words_str(digest, "table", "-"), words_int(digest, "rows"),
		     words_int(digest, "rows_estimated"),
		     failure[0] != '\0' ? ", " : "", failure);
}

/* It was seen equal after the beginning (of the replicator's clock). */
static bool
is_equal(const struct verbs *v, const json_t *t, int64_t since_ms)
{
	int64_t age = words_int(t, "verified_age_ms");

	if (v->args->name != NULL &&
	    strcmp(words_str(t, "table", ""), v->args->name) != 0)
		return true;
	return age >= 0 && age <= clock_mono_ms() - since_ms + 1000;
}

static int
judge(const struct verbs *v, const json_t *digest, int64_t since_ms)
{
	const json_t *tables = json_object_get(digest, "tables");

	for (size_t i = 0; i < json_array_size(tables); i++)
		if (!is_equal(v, json_array_get(tables, i), since_ms))
			return EXITS_NOT_READY;
	return EXITS_DONE;
}

/* 0: the pass is over, *out has its end; else an exit status. */
static int
wait_for_pass(const struct verbs *v, int64_t passes, struct progress *p,
	      struct call_answer *out)
{
	int64_t deadline = clock_mono_ms() + v->args->wait_ms;

	for (;;) {
		const json_t *digest;
		int failed;

		call_fini(out);
		failed = verbs_call(v, "GET", "/v1/status", NULL, out);
		if (failed != 0)
			return failed;
		digest = json_object_get(out->body, "digest");
		if (!words_bool(digest, "demanded") &&
		    words_int(digest, "passes") > passes)
			return 0;
		show_progress(p, digest);
		/* as long as it goes on, it is waited for */
		if (words_str(digest, "failure", "")[0] == '\0')
			deadline = clock_mono_ms() + v->args->wait_ms;
		if (clock_mono_ms() > deadline) {
			progress_clear(p);
			fprintf(v->words.to, "gsbctl: it is tried again: %s\n",
				words_str(digest, "failure", "?"));
			return EXITS_TIMED_OUT;
		}
		usleep(POLL_US);
	}
}

static int
verify(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	JSON_AUTO body = json_object();
	int64_t since = clock_mono_ms(), passes;
	struct progress progress;
	const json_t *digest;
	int failed;

	json_put_str(body, "table", v->args->name);
	failed = verbs_call(v, "POST", "/v1/verify", body, &answer);
	if (failed != 0)
		return failed;
	passes = words_int(json_object_get(answer.body, "digest"), "passes");
	if (v->args->no_wait)
		return EXITS_DONE;
	progress_init(&progress, v->words.to, v->args->watch);
	failed = wait_for_pass(v, passes, &progress, &answer);
	progress_clear(&progress);
	if (failed != 0)
		return failed;
	digest = json_object_get(answer.body, "digest");
	if (!verbs_plain(v, digest))
		show_tables(v, digest);
	return judge(v, digest, since);
}

int
verbs_replicator(const struct verbs *v)
{
	return v->args->verb == ARGS_VERIFY ? verify(v) : verbs_parked(v);
}
