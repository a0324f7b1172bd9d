/*
 * What a client may send over HTTP/2, behind its first words: to a plane
 * that runs, has no site (CLOSED: 503 to everybody) and must close at the end.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop.h"
#include "proxy/listener.h"
#include "proxy/plane.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

/* The preface and empty SETTINGS (RFC 9113 3.4). */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
			      "\0\0\0\4\0\0\0\0\0";

static struct plane *plane;
static struct sockaddr_in address;

static void
stop(void)
{
	plane_close(&plane);
	loop_close();
}

static void
start(void)
{
	struct plane_conf conf = { .listen = "127.0.0.1:0",
				   .limits = { .head_bytes = 4096 } };
	struct route_snapshot *s = mem_new(struct route_snapshot);
	socklen_t size = sizeof(address);
	struct err e = { 0 };
	unsigned n;

	signal(SIGPIPE, SIG_IGN);
	loop_open();
	plane = plane_open(&conf, &e);
	assert(plane != NULL);
	s->mode = ROUTE_CLOSED;
	plane_publish(plane, &s);
	atexit(stop);
	getsockname(plane_sockets(plane, &n)[0].fd, (struct sockaddr *)&address,
		    &size);
}

/* Not interrupted by the alarms that libFuzzer sets for its own time-out. */
static int
open_client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;
	sigset_t alarms, before;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, &before);
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
	if (rc != 0)
		perror("connect");
	assert(rc == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	char answer[4096];
	int fd;

	if (plane == NULL)
		start();
	fd = open_client();
	(void)send(fd, preface, sizeof(preface) - 1, MSG_NOSIGNAL);
	(void)send(fd, at, len, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (recv(fd, answer, sizeof(answer), 0) > 0)
		continue;
	close(fd);
	return 0;
}
