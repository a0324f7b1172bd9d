/*
 * The daily copy. These verbs speak to the backup's replicator, not to the
 * proxy.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "gsbctl/bar.h"
#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

#define TARGET "/v1/copy"
#define POLL_MS 200
/* Without a terminal. */
#define LOG_MS 5000
#define CLEAR "\r\033[K"

/* Of the progress, so far. */
struct shown {
	bool open; /* the cursor stands behind a bar */
	char phase[16];
	int64_t at_ms;
};

/* 0 and an answer of 200, or the exit status after it was said why not. */
static int
call(const struct verbs *v, const char *method, const json_t *body,
     struct call_answer *out)
{
	const char *socket = v->args->replicator != NULL
				 ? v->args->replicator
				 : getenv("GSB_COPY_CTL");
	struct err e = { 0 };
	char text[512];

	if (socket == NULL) {
		fprintf(v->words.to, "gsbctl: which replicator? --replicator "
				     "SOCKET, or $GSB_COPY_CTL\n");
		return EXITS_USAGE;
	}
	if (call_run(socket, method, TARGET, body, out, &e) < 0) {
		fprintf(v->words.to,
			"gsbctl: no answer from the backup's replicator at "
			"%s: %s\n        is it running, with [copy] url?\n",
			socket,
			access(socket, F_OK) < 0 ? strerror(errno)
						 : err_text(&e));
		return EXITS_UNREACHABLE;
	}
	if (out->status == 200)
		return 0;
	fprintf(v->words.to, "gsbctl: %s\n",
		call_message(out, text, sizeof(text)));
	return out->status == 409 ? EXITS_REFUSED : EXITS_USAGE;
}

/* --- showing ----------------------------------------------------------------
 */

static void line(const struct verbs *v, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
line(const struct verbs *v, const char *name, const char *fmt, ...)
{
	va_list ap;

	fprintf(v->out.to, "%-10s", name);
	va_start(ap, fmt);
	vfprintf(v->out.to, fmt, ap);
	va_end(ap);
	fputc('\n', v->out.to);
}

static void
show_last(const struct verbs *v, const json_t *doc)
{
	char at[WORDS_SIZE], took[WORDS_SIZE], wire[WORDS_SIZE],
	    all[WORDS_SIZE];
	int64_t ended = words_int(doc, "last.ended_us");

	if (ended == 0) {
		line(v, "last", "none yet");
		return;
	}
	words_time(ended, at);
	words_ms((ended - words_int(doc, "last.began_us")) / 1000, took);
	if (!words_bool(doc, "last.ok")) {
		line(v, "last", "%s FAILED (%" PRId64 " in a row): %s", at,
		     words_int(doc, "failures"),
		     words_str(doc, "last.error", "?"));
		return;
	}
	line(v, "last", "%s, took %s: %s", at, took,
	     words_bool(doc, "last.held")     ? "not taken, rolled back"
	     : words_bool(doc, "last.mended") ? "the same; missing files came"
	     : words_bool(doc, "last.same")   ? "nothing had changed"
					      : "done");
	if (words_bool(doc, "last.same"))
		return;
	words_bytes(words_int(doc, "last.wire_in") +
			words_int(doc, "last.wire_out"),
		    wire);
	words_bytes(words_int(doc, "last.bytes"), all);
	line(v, "changed",
	     "%" PRId64 " added, %" PRId64 " changed, %" PRId64
	     " removed%s; %s sent of %s",
	     words_int(doc, "last.added"), words_int(doc, "last.changed"),
	     words_int(doc, "last.removed"),
	     words_bool(doc, "last.settings") ? ", settings changed" : "", wire,
	     all);
	if (words_str(doc, "last.replaced", NULL) != NULL)
		line(v, "replaced", "the emergency change made here: %s",
		     words_str(doc, "last.replaced", ""));
}

static void
show_versions(const struct verbs *v, const json_t *doc)
{
	const json_t *list = json_object_get(doc, "versions");
	char at[WORDS_SIZE], bytes[WORDS_SIZE];

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *override = words_str(one, "override", NULL);

		line(v, i == 0 ? "versions" : "",
		     "%s %" PRId64 " of %s, %" PRId64 " files, %s%s%s",
		     words_bool(one, "visible") ? "*" : " ",
		     words_int(one, "version"),
		     words_time(words_int(one, "made_us"), at),
		     words_int(one, "files"),
		     words_bytes(words_int(one, "bytes"), bytes),
		     override != NULL ? ", emergency change: " : "",
		     override != NULL ? override : "");
	}
}

static void
show_copy(const struct verbs *v, const json_t *doc)
{
	char text[WORDS_SIZE];
	bool never = words_int(doc, "verified_us") == 0;

	line(v, "age", "%s%s",
	     never ? "never copied" : words_ms(words_int(doc, "age_ms"), text),
	     words_bool(doc, "alarm") ? "  ALARM: older than 24 hours" : "");
	show_last(v, doc);
	line(v, "next", "%s",
	     json_is_object(json_object_get(doc, "running"))
		 ? "running now"
		 : words_time(words_int(doc, "next_us"), text));
	if (words_str(doc, "held", NULL) != NULL)
		line(v, "held",
		     "rolled back: the daily copy leaves version %.12s... "
		     "alone until the primary has another; copy run takes it",
		     words_str(doc, "held", ""));
	if (json_is_object(json_object_get(doc, "override")))
		line(v, "override", "changes are allowed here until %s: %s",
		     words_time(words_int(doc, "override.until_us"), text),
		     words_str(doc, "override.reason", ""));
	show_versions(v, doc);
}

/* So wide that the cursor stays in the line. */
static size_t
columns(FILE *to)
{
	struct winsize size;

	if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col - 1u;
	return 79;
}

/* On a terminal one line, written over; else one when something else begins,
 * and every few seconds. */
static void
show_progress(const struct verbs *v, const json_t *doc, struct shown *s)
{
	const json_t *running = json_object_get(doc, "running");
	const char *phase = words_str(running, "phase", "");
	int64_t now_ms = clock_mono_ms();
	char text[BAR_SIZE];

	if (isatty(fileno(v->words.to))) {
		fprintf(v->words.to, CLEAR "%s",
			bar_text(running, columns(v->words.to), text));
		s->open = true;
	} else if (strcmp(phase, s->phase) != 0 ||
		   now_ms >= s->at_ms + LOG_MS) {
		fprintf(v->words.to, "%s\n", bar_text(running, 0, text));
		snprintf(s->phase, sizeof(s->phase), "%s", phase);
		s->at_ms = now_ms;
	}
	fflush(v->words.to);
}

/* --- the verbs
 * ----------------------------------------------------------------
 */

static const char *
verb_name(enum args_verb verb)
{
	switch ((int)verb) {
	case ARGS_COPY_RUN:
		return "run";
	case ARGS_COPY_ROLLBACK:
		return "rollback";
	case ARGS_COPY_OVERRIDE:
		return "override";
	case ARGS_COPY_PROTECT:
		return "protect";
	}
	return NULL;
}

static int
order(const struct verbs *v, struct call_answer *answer)
{
	JSON_AUTO body = json_object();

	json_put_str(body, "verb", verb_name(v->args->verb));
	json_put_str(body, "reason", v->args->reason);
	json_put_str(body, "who", v->who);
	json_put_bool(body, "verify", v->args->verify);
	if (v->args->expires_ms > 0)
		json_put_int(body, "expires_in_ms", v->args->expires_ms);
	return call(v, "POST", body, answer);
}

/* Until the copy that runs has ended; its outcome is the exit status. */
static int
follow(const struct verbs *v, struct call_answer *answer)
{
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct shown shown = { 0 };
	int failed = 0;

	while (failed == 0 &&
	       json_is_object(json_object_get(answer->body, "running"))) {
		if (v->args->watch)
			show_progress(v, answer->body, &shown);
		nanosleep(&pause, NULL);
		failed = call(v, "GET", NULL, answer);
	}
	if (shown.open)
		fputs(CLEAR, v->words.to);
	if (failed == 0 && !words_bool(answer->body, "last.ok"))
		failed = EXITS_REFUSED;
	return failed;
}

int
verbs_copy(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	bool run = v->args->verb == ARGS_COPY_RUN;
	int failed = v->args->verb == ARGS_COPY_STATUS
			 ? call(v, "GET", NULL, &answer)
			 : order(v, &answer);

	if (failed != 0)
		return failed;
	if (run && !v->args->no_wait)
		failed = follow(v, &answer);
	if (answer.body != NULL && !verbs_plain(v, answer.body))
		show_copy(v, answer.body);
	if (failed == 0 && v->args->verb == ARGS_COPY_STATUS &&
	    words_bool(answer.body, "alarm"))
		return EXITS_NOT_READY;
	return failed;
}
