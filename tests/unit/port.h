/*
 * A TCP port of 127.0.0.1 that stays this program's. Asking the kernel for a
 * free one and closing it leaves it to whoever asks next, and that happens.
 */
#ifndef UNIT_PORT_H
#define UNIT_PORT_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>

/*
 * Bound for as long as the program runs, but not listening: who connects is
 * refused, the kernel gives it to nobody, and whoever sets SO_REUSEADDR, with
 * SO_REUSEPORT or not, can listen on it, time and again.
 */
static inline unsigned
port_hold(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	assert(bind(fd, (struct sockaddr *)&a, len) == 0);
	assert(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	return ntohs(a.sin_port);
}

#endif
