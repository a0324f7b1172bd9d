/*
 * Which errors of a group pass by themselves. Pure.
 */
#ifndef REPLICATOR_REMEDY_H
#define REPLICATOR_REMEDY_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Classes 08 25 40 53 55 57 58, the guard, and 23505 on an effective key; a
 * lost connection or a deadline too. They are tried again for ever, and
 * never called poison.
 */
bool remedy_is_transient(const struct err *e);

/* 23505 on an effective key: keys are put right before the next try. */
bool remedy_wants_tidying(const struct err *e);

#endif
