/*
 * The operators' API on the admin socket (docs/contracts.md 7), and
 * /metrics over HTTP.
 */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

#include "proxy/control.h"
#include "proxy/notices.h"

struct admin;

/* Both are borrowed and outlive it. NULL with e set. */
struct admin *admin_open(struct control *control, struct notices *notices,
			 struct err *e) __attribute__((warn_unused_result));
void admin_close(struct admin **ap);

/* What of its own is configured anew; -1: all is as before. */
int admin_reload(struct admin *a, const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));

#endif
