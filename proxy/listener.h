/*
 * Listening sockets. Each worker has its own for each address
 * (SO_REUSEPORT), so the kernel spreads the connections.
 */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include "base/err.h"

struct listener;
struct worker;

#define LISTENER_MAX 16 /* addresses */

/*
 * Binds `copies` sockets for each address of the list (commas between) and
 * listens on none yet: fds[copy * n + i]. Returns n, or -1. Port 0 takes a
 * free one, the same for all copies.
 */
int listener_bind(const char *list, unsigned copies, int *fds, struct err *e)
    __attribute__((warn_unused_result));

/* Takes the bound socket and accepts clients on the worker's loop. */
struct listener *listener_open(struct worker *w, int fd);
void listener_close(struct listener **l);

#endif
