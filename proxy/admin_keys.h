/*
 * POST /v1/keys: {"reason", "who", "force"}; the key file is read again.
 */
#ifndef PROXY_ADMIN_KEYS_H
#define PROXY_ADMIN_KEYS_H

#include "io/ctl.h"
#include "proxy/control.h"

/* Answers: 200 {"signs", "keys", "message"}, 409 {"rule", ...}, 400. */
void admin_keys(struct control *c, struct ctl_req *req, const json_t *body);

#endif
