/*
 * The operators' API of a replicator, on a unix socket (docs/contracts.md 8):
 * status, verify, parked rows. Who may use it is the mode of its file.
 */
#ifndef REPLICATOR_CONTROL_H
#define REPLICATOR_CONTROL_H

#include "base/err.h"
#include "replicator/heal.h"
#include "replicator/status.h"

struct control;

struct control_conf {
	const char *state_dir; /* of the socket, "control" */
	const char *local;     /* conninfo; borrowed, as all */
	const struct tables *tables;
	struct heal *heal;
	struct sync *sync; /* whose connection lists and drops */
	void (*fill)(void *ctx, struct status *out);
	void *ctx;
};

/* NULL when the socket cannot be had. */
struct control *control_open(const struct control_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void control_close(struct control **cp);

#endif
