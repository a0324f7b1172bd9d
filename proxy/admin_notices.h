/* The calls about notices on the admin socket. */
#ifndef PROXY_ADMIN_NOTICES_H
#define PROXY_ADMIN_NOTICES_H

#include "io/ctl.h"
#include "proxy/notices.h"

/* Answers GET, and POST with a trial to all receivers. */
void admin_notices_ask(struct notices *n, struct ctl_req *req, bool post);

#endif
