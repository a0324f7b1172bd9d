/*
 * A data plane whose control is in another process now: that one is asked
 * again and again who serves, and requests and WebSockets go by it.
 */
#ifndef PROXY_FOLLOW_H
#define PROXY_FOLLOW_H

#include "base/json.h"
#include "proxy/plane.h"

struct follow;

/* plane: borrowed; admin: path of the other's socket, copied. */
struct follow *follow_start(struct plane *plane, const char *admin);
void follow_end(struct follow **f);

/* Of that one's /v1/status; false: it does not serve now. Pure. */
bool follow_read(const json_t *status, struct plane_news *out);

#endif
