/*
 * The barriers that the plan wants, there and back.
 */
#ifndef PROXY_CONTROL_BARRIERS_H
#define PROXY_CONTROL_BARRIERS_H

#include "proxy/control.h"

/* Begins what is wanted and not there; one that ends has control look. */
void control_barriers_want(struct control *c);

#endif
