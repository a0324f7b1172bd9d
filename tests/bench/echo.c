/*
 * WebSocket messages there and back, for measuring what stands in between:
 *
 *   echo serve PORT                              answers 101, gives all back
 *   echo ask PORT CONNECTIONS SECONDS TARGET     prints round trips, p50, p99
 *   echo hold PORT CONNECTIONS TARGET            one request each, then idle
 *                                                until its input ends
 *
 * One message of 64 bytes under way on each connection.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD 64
#define ASKED (PAYLOAD + 6) /* masked */
#define GIVEN (PAYLOAD + 2)
#define CONNS_MAX 20000
#define SAMPLES_MAX 4000000

struct conn {
	int fd;
	bool open; /* the 101 is over */
	size_t got;
	double sent_at;
};
static struct conn conns[CONNS_MAX];
static float samples[SAMPLES_MAX];
static size_t nsamples;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in
address(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void
watch(int epoll, struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .ptr = c } };
	int on = 1;

	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) == 0);
}

static void
put(int fd, const char *at, size_t n)
{
	assert(send(fd, at, n, MSG_NOSIGNAL) == (ssize_t)n);
}

/* False: it ended. */
static bool
give_back(struct conn *c)
{
	static const char hello[] = "HTTP/1.1 101 Switching Protocols\r\n"
				    "Connection: Upgrade\r\n"
				    "Upgrade: websocket\r\n"
				    "Sec-WebSocket-Accept: x\r\n\r\n";
	char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);

	if (n <= 0)
		return false;
	if (!c->open) {
		put(c->fd, hello, sizeof(hello) - 1);
		c->open = true;
		return true;
	}
	for (c->got += (size_t)n; c->got >= ASKED; c->got -= ASKED) {
		char frame[GIVEN] = { (char)0x81, PAYLOAD };

		put(c->fd, frame, sizeof(frame));
	}
	return true;
}

static int
serve(const char *port)
{
	struct sockaddr_in a = address(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
	struct conn door = { .fd = fd };
	struct epoll_event e;
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	assert(listen(fd, 4096) == 0);
	watch(epoll, &door);
	while (epoll_wait(epoll, &e, 1, -1) >= 0) {
		struct conn *c = e.data.ptr;

		if (c == &door) {
			c = calloc(1, sizeof(*c));
			assert(c != NULL);
			c->fd = accept(fd, NULL, NULL);
			watch(epoll, c);
		} else if (!give_back(c)) {
			close(c->fd);
			free(c);
		}
	}
	return 0;
}

static void
open_all(const char *port, size_t n)
{
	struct sockaddr_in a = address(port);

	for (size_t i = 0; i < n; i++) {
		conns[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		assert(connect(conns[i].fd, (struct sockaddr *)&a, sizeof(a)) ==
		       0);
	}
}

/* One answer's head, and its body as long as it comes with it. */
static void
exchange(struct conn *c, const char *target, const char *fields)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
			 "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target,
			 fields);

	put(c->fd, text, (size_t)n);
	n = (int)recv(c->fd, text, sizeof(text) - 1, 0);
	assert(n > 0);
	text[n] = '\0';
	assert(strstr(text, "\r\n\r\n") != NULL);
}

/* A text message of the client, masked by zeros. */
static void
send_frame(struct conn *c)
{
	char frame[ASKED] = { (char)0x81, (char)(0x80 | PAYLOAD) };

	c->got = 0;
	c->sent_at = now();
	put(c->fd, frame, sizeof(frame));
}

static int
by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int
ask(char **argv)
{
	size_t n = strtoul(argv[1], NULL, 10), trips = 0;
	double end = now() + strtod(argv[2], NULL);
	int epoll = epoll_create1(0);
	struct epoll_event e;

	open_all(argv[0], n);
	for (size_t i = 0; i < n; i++) {
		exchange(&conns[i], argv[3],
			 "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n");
		watch(epoll, &conns[i]);
		send_frame(&conns[i]);
	}
	while (now() < end && epoll_wait(epoll, &e, 1, 1000) > 0) {
		struct conn *c = e.data.ptr;
		char buf[4096];
		ssize_t k = recv(c->fd, buf, sizeof(buf), 0);

		assert(k > 0);
		c->got += (size_t)k;
		if (c->got < GIVEN)
			continue;
		if (nsamples < SAMPLES_MAX)
			samples[nsamples++] = (float)(now() - c->sent_at);
		trips++;
		send_frame(c);
	}
	assert(nsamples > 0);
	qsort(samples, nsamples, sizeof(samples[0]), by_size);
	printf("%zu %.1f %.1f\n", trips, (double)samples[nsamples / 2] * 1e6,
	       (double)samples[nsamples * 99 / 100] * 1e6);
	return 0;
}

static int
hold(char **argv)
{
	size_t n = strtoul(argv[1], NULL, 10);
	char byte;

	open_all(argv[0], n);
	for (size_t i = 0; i < n; i++)
		exchange(&conns[i], argv[2], "");
	puts("open");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		return ask(argv + 2);
	if (argc == 5 && strcmp(argv[1], "hold") == 0)
		return hold(argv + 2);
	fprintf(stderr, "echo serve|ask|hold PORT ...\n");
	return 1;
}
