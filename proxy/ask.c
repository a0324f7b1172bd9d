/*
 *   ask_start --> try --again_ms--> try ... --the first that ends--> fn
 *
 * Every try has the same time, so none runs out of it before the first.
 */
#include "proxy/ask.h"

#include "base/mem.h"
#include "io/timer.h"

#define TRIES_MAX 8

struct attempt {
	struct ask *ask;
	struct httpc *call;
};

struct ask {
	struct ask_conf conf;
	struct attempt tries[TRIES_MAX];
	unsigned n;
	struct timer *again;
};

static void on_again(void *ctx);
static void on_end(void *ctx, const struct httpc_answer *answer,
		   const struct err *err);

static void
begin(struct ask *a)
{
	struct attempt *t = &a->tries[a->n++];
	STRBUF_AUTO body = { 0 };

	a->conf.say(a->conf.ctx, &body);
	t->ask = a;
	t->call = sitecall_start(&a->conf.to, strbuf_span(&body), on_end, t);
	if (a->conf.again_ms > 0 && a->n < TRIES_MAX)
		a->again = timer_start(a->conf.again_ms, on_again, a);
}

struct ask *
ask_start(const struct ask_conf *conf)
{
	struct ask *a = mem_new(struct ask);

	a->conf = *conf;
	begin(a);
	return a;
}

void
ask_cancel(struct ask **ap)
{
	struct ask *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	timer_cancel(&a->again);
	for (unsigned i = 0; i < a->n; i++)
		httpc_cancel(&a->tries[i].call);
	mem_free(a);
}

static void
on_again(void *ctx)
{
	struct ask *a = ctx;

	a->again = NULL; /* it has fired */
	begin(a);
}

static void
on_end(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct attempt *t = ctx;
	struct ask *a = t->ask;
	httpc_fn *fn = a->conf.fn;
	void *to = a->conf.ctx;

	t->call = NULL; /* it has ended */
	ask_cancel(&a);
	fn(to, answer, err);
}
