/*
 * GET /v1/audit: whether the audit log is whole, read in the thread pool.
 * One reading at a time; whoever asks meanwhile gets its result.
 */
#ifndef PROXY_ADMIN_AUDIT_H
#define PROXY_ADMIN_AUDIT_H

#include "io/ctl.h"
#include "proxy/events.h"

struct admin_audit;

/* events: borrowed. */
struct admin_audit *admin_audit_new(const struct events *events);
void admin_audit_free(struct admin_audit **ap);

/* Answers later: {"good", "files", "lines", "first", "last", "head",
 * "message"}. */
void admin_audit_ask(struct admin_audit *a, struct ctl_req *req);
/* Its client has gone: it is not answered. */
void admin_audit_gone(struct admin_audit *a, const struct ctl_req *req);

#endif
