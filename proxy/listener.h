/*
 * Listening sockets. Each worker has its own for each address
 * (SO_REUSEPORT), so the kernel spreads the connections.
 */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include <stdbool.h>

#include "base/err.h"

struct listener;
struct worker;

#define LISTENER_MAX 16 /* addresses */

struct listener_socket {
	int fd;
	bool tls;
	bool old;         /* it was there before */
	char address[80]; /* as the list names it */
};

/*
 * Binds `copies` sockets for each address of the lists (commas between) and
 * listens on none yet: sockets[copy * n + i]. Returns n, or -1. Port 0 takes
 * a free one, the same for all copies. tls may be NULL or empty. Sockets in
 * `old` with the same address are used again.
 */
struct listener_conf {
	const char *plain, *tls;
	const struct listener_socket *old;
	unsigned nold;
};
int listener_bind(const struct listener_conf *conf, unsigned copies,
		  struct listener_socket *sockets, struct err *e)
    __attribute__((warn_unused_result));

/* Closes those that listener_bind made. */
void listener_unbind(const struct listener_socket *sockets, unsigned n);

/* Takes the bound socket and accepts clients on the worker's loop. */
struct listener *listener_open(struct worker *w,
			       const struct listener_socket *socket);
void listener_close(struct listener **l);
/* If it is the listener of that socket: follows it from now on. */
bool listener_is(struct listener *l, const struct listener_socket *socket);

#endif
