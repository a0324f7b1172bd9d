/*
 * Tells people and programs of every change of state and every alarm: to web
 * hooks as JSON, to addresses as mail; kept in STATE_DIR/notices until it has
 * arrived. Everything runs on the loop that opened it.
 */
#ifndef PROXY_NOTICES_H
#define PROXY_NOTICES_H

#include "base/strbuf.h"
#include "proxy/conf.h"
#include "proxy/events.h"

struct notices;

/* What comes after it is told. conf and ev are borrowed. */
struct notices *notices_open(const struct conf *conf, struct events *ev,
			     struct err *e) __attribute__((warn_unused_result));
void notices_close(struct notices **np);

/* New receivers from now on; what waits goes to the old ones. -1: nothing
 * has changed. */
int notices_reload(struct notices *n, const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* Are the receivers, the server and the secret files fit for use? */
int notices_check(const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* A notice that says it is a trial, to everybody; how many receivers. */
int notices_try(struct notices *n, struct err *e)
    __attribute__((warn_unused_result));

/* Given: receivers (without what may be secret in them) and counts. */
json_t *notices_json(const struct notices *n);
void notices_metrics(const struct notices *n, struct strbuf *out);

#endif
