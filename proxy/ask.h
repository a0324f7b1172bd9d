/*
 * One question to a service of a site, asked again on another connection
 * while no answer has come: the first answer counts. A lost packet costs more
 * than a probe may take (TCP sends a lost SYN again after 1 s), so one
 * connection alone would call a site dead that is behind a bad line.
 */
#ifndef PROXY_ASK_H
#define PROXY_ASK_H

#include "base/strbuf.h"
#include "proxy/sitecall.h"

struct ask;

struct ask_conf {
	struct sitecall to; /* timeout_ms: of the first try, which ends all */
	uint32_t again_ms;  /* without an answer for so long; 0: only once */
	/* What is said this time, appended; must not cancel. */
	void (*say)(void *ctx, struct strbuf *body);
	httpc_fn *fn; /* as of httpc_start */
	void *ctx;
};

/* What `to` points to must stay until it ends. */
struct ask *ask_start(const struct ask_conf *conf);
void ask_cancel(struct ask **a);

#endif
