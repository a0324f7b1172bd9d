/*
 * PQcancel waits for the server, so it runs in a thread of its own (not in
 * the pool: a stopped server would block that). fn comes when the server has
 * taken the request or has not; until then an answer may still be hit by it.
 */
#ifndef IO_PGCANCEL_H
#define IO_PGCANCEL_H

#include <libpq-fe.h>

#include "io/loop.h"

struct pgcancel;

struct pgcancel *pgcancel_start(PGconn *pg, loop_fn *fn, void *ctx);
void pgcancel_forget(struct pgcancel **c);
#endif
