#include "proxy/control_barriers.h"

#include "base/clock.h"
#include "base/log.h"

#define BARRIER_RETRY_MS 500

static void on_there(void *ctx, const struct err *err);
static void on_back(void *ctx, const struct err *err);

void
control_barriers_want(struct control *c)
{
	enum route_site from = c->plan.active;
	struct barrier_conf there = {
		.from = c->web[from].text,
		.to = c->web[failover_other(from)].text,
		.keys = c->keys,
		.timeout_ms = (uint32_t)c->conf->timeout_ms
	};
	struct barrier_conf back = there;

	back.from = there.to;
	back.to = there.from;
	if (c->plan.barriers != c->barriers) {
		barrier_cancel(&c->there);
		barrier_cancel(&c->back);
		c->there_seen = c->back_seen = false;
		c->barriers = c->plan.barriers;
		c->barrier_retry_ms = 0;
	}
	if (c->view.now_ms < c->barrier_retry_ms)
		return;
	if (c->plan.barrier_there && !c->there_seen && c->there == NULL)
		c->there = barrier_start(&there, on_there, c);
	if (c->plan.barrier_back && !c->back_seen && c->back == NULL)
		c->back = barrier_start(&back, on_back, c);
}

static void
barrier_ended(struct control *c, bool *seen, const struct err *err)
{
	*seen = err == NULL;
	if (err != NULL) {
		log_warn("control", "error=\"%s\"", err_text(err));
		c->barrier_retry_ms = clock_mono_ms() + BARRIER_RETRY_MS;
	}
	control_look(c);
}

static void
on_there(void *ctx, const struct err *err)
{
	struct control *c = ctx;

	c->there = NULL; /* it has ended */
	barrier_ended(c, &c->there_seen, err);
}

static void
on_back(void *ctx, const struct err *err)
{
	struct control *c = ctx;

	c->back = NULL; /* it has ended */
	barrier_ended(c, &c->back_seen, err);
}
