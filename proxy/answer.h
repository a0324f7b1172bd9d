/*
 * What a site says to a request: the head judged strictly, refusals and
 * unknown outcomes turned into another attempt, everything else handed to
 * the front as it comes.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "proxy/upstream.h"

extern const struct upstream_ops answer_ops;

/* It is connected: writes the request. */
void answer_send(struct request *r);

#endif
