/*
 * A new program takes over while this one finishes: it is started with the
 * listening sockets, reads its configuration, and is then given control. No
 * connection is refused or closed; WebSockets stay in this process, which
 * follows the new one's decisions and ends with the last of them.
 * There is one per process, as there is one service.
 */
#ifndef PROXY_UPGRADE_H
#define PROXY_UPGRADE_H

#include "proxy/admin.h"
#include "proxy/control.h"

/* Of main: what a new program is started with. Borrowed. */
void upgrade_init(char **argv);

/*
 * Control and admin, from a former process if there is one. Blocks until
 * that one has let go. Both are this module's.
 */
int upgrade_open(const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void upgrade_close(void);
int upgrade_reload(const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void upgrade_drain(void (*on_drained)(void *ctx));

/* Starts the new program. -1: refused, or it cannot be started. */
int upgrade_begin(struct err *e) __attribute__((warn_unused_result));

/* It has not ended yet, well or not. */
bool upgrade_runs(void);

#endif
