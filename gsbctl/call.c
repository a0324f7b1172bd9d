#include "gsbctl/call.h"

#include <stdio.h>
#include <string.h>

#include "gsbctl/progress.h"
#include "gsbctl/words.h"
#include "io/ctl.h"
#include "io/loop.h"
#include "io/timer.h"

/* Longer than any long poll. */
#define CALL_MS 70000
#define TICK_MS 1000

struct waiting {
	struct call_answer *out;
	struct err *e;
	int done;
	struct progress progress;
	struct timer *tick;
};

static void on_tick(void *ctx);

void
call_fini(struct call_answer *a)
{
	json_decref(a->body);
	a->body = NULL;
}

static void
on_done(void *ctx, int status, const json_t *body, const struct err *err)
{
	struct waiting *w = ctx;

	timer_cancel(&w->tick);
	progress_clear(&w->progress);
	w->done = 0;
	w->out->status = status;
	if (err != NULL) {
		w->done = -1;
		*w->e = *err;
	} else if (body != NULL) {
		w->out->body = json_deep_copy(body);
	}
	loop_stop();
}

static void
on_tick(void *ctx)
{
	struct waiting *w = ctx;
	char time[WORDS_SIZE];

	w->tick = timer_start(TICK_MS, on_tick, w);
	progress_say(&w->progress, "waiting for an answer for %s",
		     words_ms(progress_ms(&w->progress), time));
}

int
call_run(const char *socket, const char *method, const char *target,
	 const json_t *body, struct call_answer *out, struct err *e)
{
	struct waiting w = { .out = out, .e = e };

	call_fini(out);
	progress_init(&w.progress, stderr, false);
	/* One that is meant to wait says what it waits for by itself. */
	if (strstr(target, "wait_ms=") == NULL)
		w.tick = timer_start(TICK_MS, on_tick, &w);
	(void)ctl_call(&(struct ctl_target){ .path = socket,
					     .method = method,
					     .target = target,
					     .timeout_ms = CALL_MS },
		       body, on_done, &w);
	loop_run();
	return w.done;
}

const char *
call_message(const struct call_answer *a, char *buf, size_t size)
{
	const char *message = NULL;

	if (a->body != NULL &&
	    json_get_str(a->body, "message", &message, NULL) == 1)
		snprintf(buf, size, "%s", message);
	else
		snprintf(buf, size, "the proxy answered %d", a->status);
	return buf;
}
