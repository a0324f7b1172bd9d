/*
 *   barrier_start --> emit --on_emitted--> seen? --on_seen--> fn
 *                                           ^       | not yet
 *                                           +-timer-+
 */
#include "proxy/barrier.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/timer.h"
#include "proxy/sitecall.h"

#define ASK_FIRST_MS 5
#define ASK_MAX_MS 200
#define TOKEN_BYTES 12

struct barrier {
	char *from;
	char *to;
	const struct keyring *keys;
	uint32_t timeout_ms;
	uint32_t wait_ms;
	char token[2 * TOKEN_BYTES + 1];
	barrier_fn *fn;
	void *ctx;
	struct httpc *call;
	struct timer *timer;
};

static void on_emitted(void *ctx, const struct httpc_answer *answer,
		       const struct err *err);
static void on_due(void *ctx);
static void on_seen(void *ctx, const struct httpc_answer *answer,
		    const struct err *err);

static void
call(struct barrier *b, const char *address, const char *op, httpc_fn *fn)
{
	JSON_AUTO doc = json_object();
	STRBUF_AUTO body = { 0 };

	json_put_str(doc, "op", op);
	json_put_str(doc, "token", b->token);
	json_put_int(doc, "at_us", clock_wall_us());
	json_write(doc, JSON_AS_MADE, &body);
	b->call = sitecall_start(
	    &(struct sitecall){ .address = address,
				.path = "/gsb/barrier",
				.keys = b->keys,
				.timeout_ms = b->timeout_ms },
	    strbuf_span(&body), fn, b);
}

struct barrier *
barrier_start(const struct barrier_conf *conf, barrier_fn *fn, void *ctx)
{
	struct barrier *b = mem_new(struct barrier);
	STRBUF_AUTO token = { 0 };
	uint8_t random[TOKEN_BYTES];

	crypto_random(random, sizeof(random));
	crypto_hex(span_make((const char *)random, sizeof(random)), &token);
	(void)span_copy(strbuf_span(&token), b->token, sizeof(b->token));
	b->from = mem_strdup(conf->from);
	b->to = mem_strdup(conf->to);
	b->keys = conf->keys;
	b->timeout_ms = conf->timeout_ms;
	b->wait_ms = ASK_FIRST_MS;
	b->fn = fn;
	b->ctx = ctx;
	call(b, b->from, "emit", on_emitted);
	return b;
}

void
barrier_cancel(struct barrier **bp)
{
	struct barrier *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	httpc_cancel(&b->call);
	timer_cancel(&b->timer);
	mem_free(b->from);
	mem_free(b->to);
	mem_free(b);
}

static void
end(struct barrier *b, const struct err *err)
{
	barrier_fn *fn = b->fn;
	void *ctx = b->ctx;

	barrier_cancel(&b);
	fn(ctx, err);
}

static void
on_emitted(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct barrier *b = ctx;
	struct err e = { 0 };

	b->call = NULL; /* it has ended */
	if (sitecall_check(answer, err, &e) < 0) {
		err_prefix(&e, "barrier at %s", b->from);
		end(b, &e);
		return;
	}
	call(b, b->to, "seen", on_seen);
}

static void
on_due(void *ctx)
{
	struct barrier *b = ctx;

	b->timer = NULL; /* it has fired */
	call(b, b->to, "seen", on_seen);
}

static void
on_seen(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct barrier *b = ctx;
	struct err e = { 0 };
	bool seen = false;

	b->call = NULL; /* it has ended */
	if (sitecall_check(answer, err, &e) < 0) {
		err_prefix(&e, "barrier at %s", b->to);
		end(b, &e);
		return;
	}
	JSON_AUTO doc = json_read(answer->body, &e);
	if (doc == NULL || json_need_bool(doc, "seen", &seen, &e) < 0) {
		err_prefix(&e, "barrier at %s", b->to);
		end(b, &e);
		return;
	}
	if (seen) {
		end(b, NULL);
		return;
	}
	b->timer = timer_start(b->wait_ms, on_due, b);
	if (b->wait_ms < ASK_MAX_MS)
		b->wait_ms *= 2;
}
