/*
 * The dashboard on HOST:PORT: its page, who is logged in, and those of the
 * operators' calls (docs/contracts.md 7) that it needs, handed on to admin.
 */
#ifndef PROXY_DASHBOARD_H
#define PROXY_DASHBOARD_H

#include "io/ctl.h"
#include "proxy/control.h"

struct dashboard;

struct dashboard_conf {
	struct control *control; /* borrowed and outlives it */
	/* A call of somebody who may make it; "who" is in its body. Both as
	 * in ctl.h. */
	ctl_fn *on_request;
	void (*on_gone)(void *ctx, struct ctl_req *req);
	void *ctx;
};

/* As [dashboard] of control's configuration says. NULL with e set. */
struct dashboard *dashboard_open(const struct dashboard_conf *conf,
				 struct err *e)
    __attribute__((warn_unused_result));
void dashboard_close(struct dashboard **dp);

/* What the table of keys cannot say. */
int dashboard_check(const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* Token and certificates anew; -1: all is as before. */
int dashboard_reload(struct dashboard *d, const struct conf *conf,
		     struct err *e) __attribute__((warn_unused_result));

/*
 * POST /v1/dashboard: answers with an address that lets in once, within two
 * minutes: who may use the socket may use the dashboard. d NULL: there is none.
 */
void dashboard_ask(struct dashboard *d, struct ctl_req *req,
		   const json_t *body);

#endif
