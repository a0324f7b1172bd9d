/* What operators ask of the process itself. Each answers the request. */
#ifndef PROXY_ADMIN_SELF_H
#define PROXY_ADMIN_SELF_H

#include "io/ctl.h"
#include "proxy/control.h"

void admin_self_status(const struct control *c, struct ctl_req *req);
void admin_self_reload(struct ctl_req *req);
void admin_self_upgrade(struct ctl_req *req);

#endif
