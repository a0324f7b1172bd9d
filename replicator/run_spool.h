/* The part of run that keeps what is durable here and not merged. */
#ifndef REPLICATOR_RUN_SPOOL_H
#define REPLICATOR_RUN_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct run;

int run_spool_new(struct run *r, struct err *e)
    __attribute__((warn_unused_result));
void run_spool_free(struct run *r);
/* The database stands at progress; intake is new. */
void run_spool_ready(struct run *r, uint64_t progress);
/* Intake and stream go. */
void run_spool_stop(struct run *r);
/* The connection ended; intake knows. */
void run_spool_cut(struct run *r);
void run_spool_mode(struct run *r);
/* 1: it is intake's too; 0: it is not; -1: it makes no sense, as was logged. */
int run_spool_message(struct run *r, struct span bytes);
/* Reads on, where intake is behind and apply has room. */
void run_spool_feed(struct run *r);
/* Begins or ends to hold the stream. */
void run_spool_hold(struct run *r);
/* Whoever has all up to lsn has with the spool all up to this. */
uint64_t run_spool_reach(const struct run *r, uint64_t lsn);
/* Some of that is to be acknowledged before it is merged. */
bool run_spool_promises(const struct run *r);
/* For people: "on", "off", "full", "failed". */
const char *run_spool_state(const struct run *r);
/* Commits there may wait for what comes. */
bool run_spool_is_urgent(const struct run *r);
/* All is merged and durable, or not. */
void run_spool_settled(struct run *r, uint64_t durable, bool all);

#endif
