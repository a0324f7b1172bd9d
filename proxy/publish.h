/*
 * From control's plan to the data plane's snapshot.
 */
#ifndef PROXY_PUBLISH_H
#define PROXY_PUBLISH_H

#include "proxy/control.h"

/* Hands the plane a new snapshot if it would say something new. */
void publish_if_new(struct control *c);

#endif
