/*
 * What was decided and ordered, with what was known at the time: the newest
 * in memory for operators, all of them in the audit file (audit.h).
 */
#ifndef PROXY_EVENTS_H
#define PROXY_EVENTS_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct events;

/* The tail of DIR's audit file gives the next id and `former`. max_bytes: of
 * one file of it. */
struct events *events_open(const char *dir, int64_t max_bytes, struct err *e)
    __attribute__((warn_unused_result));
void events_close(struct events **ep);

/* The highest epoch that the audit file knew when it was opened. */
uint64_t events_former_epoch(const struct events *ev);

/* fn is called after each new event, until it is ignored; a few may be. */
void events_observe(struct events *ev, void (*fn)(void *ctx), void *ctx);
void events_ignore(struct events *ev, const void *ctx);

/*
 * kind: "transition", "record", "order", "alarm", "service". text: one line
 * for people. detail: an object whose members are put into the event
 * (taken), or NULL. Also logged.
 */
void events_add(struct events *ev, const char *kind, uint64_t epoch,
		const char *text, json_t *detail);

/* Given: those with id > since that memory still has, oldest first, at most
 * max of them. */
json_t *events_since(const struct events *ev, uint64_t since, size_t max);
uint64_t events_last(const struct events *ev);

/* For audit_verify: the hash of the newest one, and where the files are. */
const char *events_head(const struct events *ev);
const char *events_dir(const struct events *ev);

#endif
