/*
 * A connection that became something else by 101: bytes both ways, with
 * back-pressure. A WebSocket that must end is told so by a close frame
 * between two of the server's frames.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/route.h"

#define TUNNEL_MOVES 1012 /* "service restart", IANA registry */

struct request;
struct tunnel;
struct worker;

/* The 101 has been handed to the front; first: bytes behind it. */
void tunnel_begin(struct request *r, bool websocket);
void tunnel_free(struct tunnel **t);

void tunnel_from_site(struct request *r, const char *at, size_t len);
void tunnel_from_client(struct request *r, const char *at, size_t len);
/* The site's side is over: the request ends. */
void tunnel_site_ended(struct request *r);
/* Nothing has come from either side for too long. */
void tunnel_silent(struct request *r);

/* Those of a site, evenly spread over the time. */
void tunnel_close_all(struct worker *w, enum route_site site, int code,
		      uint32_t spread_ms);

#endif
