#include <unistd.h>

#include "base/clock.h"
#include "gsbctl/progress.h"
#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

#define UPGRADE_MS 30000
#define LOOK_MS 100

int
verbs_proxy_reload(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	char text[512];
	int failed = verbs_call(v, "POST", "/v1/reload", NULL, &answer);

	if (failed != 0)
		return failed;
	if (!verbs_plain(v, answer.body))
		fprintf(v->out.to, "%s\n",
			call_message(&answer, text, sizeof(text)));
	return EXITS_DONE;
}

int
verbs_dashboard(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	JSON_AUTO body = json_object();
	int failed;

	json_put_str(body, "who", v->who);
	failed = verbs_call(v, "POST", "/v1/dashboard", body, &answer);
	if (failed != 0 || verbs_plain(v, answer.body))
		return failed;
	fprintf(v->out.to, "%s\n", words_str(answer.body, "url", ""));
	fputs("        for one log-in, within two minutes\n", v->words.to);
	return EXITS_DONE;
}

static json_int_t
pid_of(const json_t *doc)
{
	return json_integer_value(json_object_get(doc, "pid"));
}

/* The process that answers at the socket; 0: nobody, or it goes on. */
static json_int_t
look(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	struct err e = { 0 };

	if (call_run(v->args->connect, "GET", "/v1/status", NULL, &answer, &e) <
		0 ||
	    json_is_true(json_object_get(answer.body, "upgrading")))
		return 0;
	return pid_of(answer.body);
}

int
verbs_proxy_upgrade(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "POST", "/v1/upgrade", NULL, &answer);
	int64_t end = clock_mono_ms() + UPGRADE_MS;
	struct progress progress;
	json_int_t pid = 0, old;

	if (failed != 0)
		return failed;
	old = pid_of(answer.body);
	progress_init(&progress, v->words.to, false);
	while ((pid = look(v)) == 0 && clock_mono_ms() < end) {
		progress_say(&progress, "waiting for the new process");
		usleep(LOOK_MS * 1000);
	}
	progress_clear(&progress);
	if (pid != 0 && pid != old) {
		fprintf(v->out.to, "process %lld took over from %lld\n",
			(long long)pid, (long long)old);
		return EXITS_DONE;
	}
	fprintf(v->words.to,
		"gsbctl: no new process serves; process %lld goes on, and its "
		"log says why\n",
		(long long)old);
	return pid == 0 ? EXITS_TIMED_OUT : EXITS_NOT_READY;
}
