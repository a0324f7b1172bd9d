#include "gsbctl/call.h"

#include <stdio.h>

#include "io/ctl.h"
#include "io/loop.h"

/* Longer than any long poll. */
#define CALL_MS 70000

struct waiting {
	struct call_answer *out;
	struct err *e;
	int done;
};

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

int
call_run(const char *socket, const char *method, const char *target,
	 const json_t *body, struct call_answer *out, struct err *e)
{
	struct waiting w = { .out = out, .e = e };

	call_fini(out);
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
