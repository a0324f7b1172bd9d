#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "io/ctl.h"
#include "io/httpc.h"

struct ctl_call {
	struct httpc *http;
	ctl_done_fn *fn;
	void *ctx;
};

static void on_answer(void *ctx, const struct httpc_answer *answer,
		      const struct err *err);

struct ctl_call *
ctl_call(const struct ctl_target *to, const json_t *body, ctl_done_fn *fn,
	 void *ctx)
{
	static const struct httpc_field fields[] = {
		{ "Content-Type", "application/json" },
		{ NULL, NULL },
	};
	struct ctl_call *c = mem_new(struct ctl_call);
	char *url = mem_printf("http://ctl%s", to->target);
	STRBUF_AUTO text = { 0 };
	struct httpc_request req = {
		.method = to->method,
		.url = url,
		.timeout_ms = to->timeout_ms,
		.unix_path = to->path,
		.max_answer = 64 * 1024 * 1024,
	};

	if (body != NULL) {
		json_write(body, JSON_AS_MADE, &text);
		req.body = strbuf_span(&text);
		req.fields = fields;
	}
	c->fn = fn;
	c->ctx = ctx;
	c->http = httpc_start(&req, on_answer, c);
	mem_free(url);
	return c;
}

void
ctl_cancel(struct ctl_call **cp)
{
	struct ctl_call *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	httpc_cancel(&c->http);
	mem_free(c);
}

static void
on_answer(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct ctl_call *c = ctx;
	ctl_done_fn *fn = c->fn;
	void *owner = c->ctx;
	JSON_AUTO body = NULL;

	mem_free(c);
	if (answer != NULL && answer->body.len > 0)
		body = json_read(answer->body, NULL);
	fn(owner, answer != NULL ? answer->status : 0, body, err);
}
