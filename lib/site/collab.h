/*
 * The rooms of running meetings: a service beside web, in the same process or
 * in its own. It goes on when web or the database is down.
 */
#ifndef SITE_COLLAB_H
#define SITE_COLLAB_H

#include "base/err.h"
#include "site/site.h"

struct collab;

/* gate: collab's own grant; borrowed. */
struct collab *collab_open(struct site *s, struct gate *gate, struct err *e)
    __attribute__((warn_unused_result));
void collab_close(struct collab **c);

/* Rooms with people in them; c may be NULL. */
unsigned collab_rooms(const struct collab *c);

/* Closes every connection with 1012, then on_drained, once. */
void collab_drain(struct collab *c, void (*on_drained)(void *ctx), void *ctx);

#endif
