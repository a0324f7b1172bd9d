/*
 * The pair's keys, read again while everything runs.
 */
#ifndef PROXY_CONTROL_KEYS_H
#define PROXY_CONTROL_KEYS_H

#include "proxy/control.h"

/*
 * Reads the key file. -1 ERR_REFUSED: a service that answers does not know the
 * key that would sign, so that its lease would end; force goes on. Other
 * codes: the file. Then the keys are as before. by: for the event.
 */
int control_keys(struct control *c, bool force, const char *by, struct err *e)
    __attribute__((warn_unused_result));

#endif
