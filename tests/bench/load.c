/*
 * A load that comes whether it is answered or not: so many requests a second,
 * one in ten a write with a title of its own, over kept connections.
 *
 *   load PORT RATE SECONDS CONNECTIONS TOKEN PREFIX OUT
 *
 * For so long, or until SIGTERM; then it waits for what is not answered. Each
 * line of OUT: when it was due, when its answer was whole (both
 * CLOCK_MONOTONIC, us), status (0: the connection died), P or B as
 * X-GSB-Status says, r or w, the title that was answered or "-".
 * The wait counts from when it was due, so a stall delays nobody unseen.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define QUEUE_MAX 65536
#define BUFFER 65536
#define WRITE_EACH 10
#define GRACE_US 35000000

struct connection {
	int fd; /* -1: none */
	bool busy, writes;
	int64_t due_us;
	size_t len;
	char in[BUFFER];
};

static struct connection connections[CONNECTIONS_MAX];
static int64_t queue[QUEUE_MAX];
static uint64_t head, tail, number;
static const char *token, *prefix;
static int port;
static FILE *out;
static volatile sig_atomic_t told_to_end;

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void
end(struct connection *c, int status, char site, const char *title)
{
	fprintf(out, "%lld %lld %d %c %c %s\n", (long long)c->due_us,
		(long long)now_us(), status, site, c->writes ? 'w' : 'r',
		title);
	c->busy = false;
}

static void
cut(struct connection *c)
{
	if (c->busy)
		end(c, 0, '-', "-");
	close(c->fd);
	c->fd = -1;
}

static void
dial(struct connection *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("connect");
		exit(1);
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void
send_one(struct connection *c, int64_t due_us)
{
	char body[256] = "", text[1024];
	int n;

	c->busy = true;
	c->due_us = due_us;
	c->len = 0;
	c->writes = ++number % WRITE_EACH == 0;
	if (c->writes)
		snprintf(body, sizeof(body),
			 "{\"title\":\"%s-%llu\",\"password\":\"Pa55word\","
			 "\"start\":\"2030-12-24T10:00:00Z\","
			 "\"end\":\"2030-12-24T11:00:00Z\","
			 "\"timezone\":\"UTC\"}",
			 prefix, (unsigned long long)number);
	n = snprintf(text, sizeof(text),
		     "%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		     "Authorization: Bearer %s\r\n"
		     "Content-Type: application/json\r\n"
		     "Content-Length: %zu\r\n\r\n%s",
		     c->writes ? "POST /v1/meetings" : "GET /v1/people/me",
		     port, token, strlen(body), body);
	if (write(c->fd, text, (size_t)n) != n)
		cut(c);
}

/* The value of a field, at most size - 1 bytes of it; "" if there is none. */
static void
field(const char *text, const char *name, char *value, size_t size)
{
	const char *at = strcasestr(text, name);
	size_t len;

	value[0] = '\0';
	if (at == NULL)
		return;
	at += strlen(name);
	at += strspn(at, ": ");
	len = strcspn(at, "\r\",");
	snprintf(value, size, "%.*s", (int)(len < size ? len : size - 1), at);
}

static void
take(struct connection *c)
{
	ssize_t n = read(c->fd, c->in + c->len, BUFFER - 1 - c->len);
	char length[32], site[16], title[80] = "-", mark[80];
	char *body;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		cut(c);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	body = strstr(c->in, "\r\n\r\n");
	if (body == NULL)
		return;
	body += 4;
	field(c->in, "\r\nContent-Length", length, sizeof(length));
	if ((size_t)(c->in + c->len - body) < strtoul(length, NULL, 10))
		return;
	field(c->in, "\r\nX-GSB-Status", site, sizeof(site));
	snprintf(mark, sizeof(mark), "%s-", prefix);
	if (c->writes && strstr(body, mark) != NULL)
		snprintf(title, sizeof(title), "%.*s",
			 (int)strcspn(strstr(body, mark), "\""),
			 strstr(body, mark));
	end(c, (int)strtol(c->in + 9, NULL, 10),
	    site[0] != '\0' ? site[0] : '-', title);
	if (strcasestr(c->in, "\r\nConnection: close") != NULL)
		cut(c);
}

static bool
turn(int n)
{
	struct pollfd fds[CONNECTIONS_MAX];
	bool busy = false;

	for (int i = 0; i < n; i++) {
		struct connection *c = &connections[i];

		if (c->fd < 0)
			dial(c);
		if (!c->busy && head != tail)
			send_one(c, queue[head++ % QUEUE_MAX]);
		fds[i].fd = c->fd;
		fds[i].events = POLLIN;
		busy = busy || c->busy;
	}
	if (poll(fds, (nfds_t)n, 1) > 0)
		for (int i = 0; i < n; i++)
			if (fds[i].revents != 0 && fds[i].fd >= 0)
				take(&connections[i]);
	return busy;
}

static void
on_term(int number)
{
	(void)number;
	told_to_end = 1;
}

int
main(int argc, char **argv)
{
	int64_t begin = now_us(), stop, next = begin, gap;
	int n;

	if (argc != 8) {
		fputs("load PORT RATE SECONDS CONNECTIONS TOKEN PREFIX OUT\n",
		      stderr);
		return 1;
	}
	port = (int)strtol(argv[1], NULL, 10);
	gap = 1000000 / strtol(argv[2], NULL, 10);
	stop = begin + strtol(argv[3], NULL, 10) * 1000000;
	n = (int)strtol(argv[4], NULL, 10);
	token = argv[5];
	prefix = argv[6];
	out = fopen(argv[7], "we");
	if (out == NULL || n < 1 || n > CONNECTIONS_MAX)
		return 1;
	setvbuf(out, NULL, _IOLBF, 0);
	signal(SIGTERM, on_term);
	for (int i = 0; i < n; i++)
		connections[i].fd = -1;
	while (now_us() < stop || (turn(n) && now_us() < stop + GRACE_US)) {
		if (told_to_end && stop > now_us())
			stop = now_us();
		for (; next < stop && next <= now_us(); next += gap)
			queue[tail++ % QUEUE_MAX] = next;
		turn(n);
	}
	fclose(out);
	return 0;
}
