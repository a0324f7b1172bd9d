/*
 * What control knows, as JSON for operators and as text for Prometheus.
 */
#ifndef PROXY_STATUS_H
#define PROXY_STATUS_H

#include "base/strbuf.h"
#include "proxy/control.h"

/* Given. */
json_t *status_json(const struct control *c);

/* Given: what a decision was based on, short. */
json_t *status_inputs(const struct view *v);

/* Prometheus text 0.0.4, appended: gsb_control_... */
void status_metrics(const struct control *c, struct strbuf *out);

#endif
