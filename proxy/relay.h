/*
 * The way of a request: placed by the newest snapshot, sent to a site, its
 * answer handed to the front; or sent again, held, or answered here, by the
 * table "What happens to requests".
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "http/head.h"
#include "proxy/plane.h"
#include "proxy/request.h"

struct front;
struct worker;

/*
 * A whole head has come on the front; nothing in it is kept but copies.
 * front->request is set. The caller gives the body, then says that it ended.
 */
struct request *relay_begin(struct worker *w, struct front *f,
			    const struct http_head *head, size_t head_len);

/*
 * The body as it came, framing included; in a tunnel the client's bytes. Any
 * of these may end the request: front->ops->ended tells.
 */
void relay_body(struct request *r, const char *at, size_t len);
void relay_body_end(struct request *r);

/* An answer of our own instead; ends it. why: a constant for people. */
void relay_refuse(struct request *r, int status, const char *why);

/* The client went away: ends it without a word; `ended` is not called. */
void relay_drop(struct request *r);
/* The client has taken what was queued for it. */
void relay_drained(struct request *r);

/* Of hold: place it again; its time is over. */
void relay_place(struct request *r);
void relay_expire(struct request *r);

/* A new snapshot: requests at a site that is not theirs any more move. */
void relay_review(struct worker *w);

/* Of answer and tunnel: the attempt failed; send again, hold, or refuse. */
void relay_failed(struct request *r, enum resend_event event);
/* The last byte was handed to the front. reusable: so is the upstream. */
void relay_finish(struct request *r, bool reusable);
/* Ends it: logged, freed, the front told. The upstream is let go of. */
void relay_end(struct request *r, char who);
/* The answer had begun and cannot end. who: the first letter of the log. */
void relay_cut(struct request *r, char who);
void relay_signal(const struct request *r, enum plane_signal kind);

/* Where it would go by the newest snapshot. */
struct route_pick relay_pick(const struct request *r);

#endif
