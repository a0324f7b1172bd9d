/*
 * Requests at an even rate over kept connections, whether they are answered
 * or not.
 *
 *   paced PORT RATE CONNECTIONS SECONDS FILE OUT
 *
 * FILE: requests, each "LABEL BYTES SIGN\n" and BYTES bytes, sent in their
 * order for SECONDS or until they end. Each line of OUT: LABEL, when it was
 * due in us (CLOCK_MONOTONIC), how long it took from then, 1 if the status was
 * 2xx and SIGN ("-": anything) stood in the answer. What was not is shown, the
 * first ten.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define BUFFER (1 << 20)
#define GRACE_US 30000000
#define SHOWN 10

struct request {
	char label[80], sign[32];
	const char *at;
	size_t len;
	int64_t due_us;
};

static struct connection {
	int fd; /* -1: none */
	struct request *sent;
	size_t len;
	char in[BUFFER];
} connections[CONNECTIONS_MAX];

static struct request *requests;
static size_t n_requests, next_due, next_sent, failed;
static int port;
static FILE *out;

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
read_requests(const char *path)
{
	FILE *f = fopen(path, "re");
	struct request r = { .label = "" };

	if (f == NULL)
		fail(path);
	while (fscanf(f, "%79s %zu %31s", r.label, &r.len, r.sign) == 3) {
		char *bytes = malloc(r.len + 1);

		if (fgetc(f) != '\n' || fread(bytes, 1, r.len, f) != r.len)
			fail(path);
		r.at = bytes;
		requests = realloc(requests,
				   (n_requests + 1) * sizeof(*requests));
		requests[n_requests++] = r;
	}
	fclose(f);
}

static void
end(struct connection *c, bool good)
{
	struct request *r = c->sent;

	fprintf(out, "%s %lld %lld %d\n", r->label, (long long)r->due_us,
		(long long)(now_us() - r->due_us), good);
	if (!good && failed++ < SHOWN)
		fprintf(stderr, "%s: %.*s\n---\n%.1500s\n", r->label,
			(int)(r->len < 1500 ? r->len : 1500), r->at, c->in);
	c->sent = NULL;
}

static void
cut(struct connection *c)
{
	if (c->sent != NULL)
		end(c, false);
	close(c->fd);
	c->fd = -1;
}

static void
dial(struct connection *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void
send_next(struct connection *c)
{
	struct request *r = &requests[next_sent++];

	if (c->fd < 0)
		dial(c);
	c->sent = r;
	c->len = 0;
	c->in[0] = '\0';
	if (write(c->fd, r->at, r->len) != (ssize_t)r->len)
		cut(c);
}

/* The body, NULL: not all of it has come. */
static const char *
whole(const struct connection *c)
{
	const char *length = strcasestr(c->in, "\r\nContent-Length:");
	const char *body = strstr(c->in, "\r\n\r\n");
	size_t len = 0;

	if (body == NULL)
		return NULL;
	body += 4;
	if (length != NULL && length < body)
		len = strtoul(length + 17, NULL, 10);
	return (size_t)(c->in + c->len - body) < len ? NULL : body;
}

static void
take(struct connection *c)
{
	ssize_t n = read(c->fd, c->in + c->len, BUFFER - 1 - c->len);
	const char *body;
	bool good;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || c->sent == NULL) {
		cut(c);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	body = whole(c);
	if (body == NULL)
		return;
	good = strncmp(c->in, "HTTP/1.1 2", 10) == 0 &&
	       (c->sent->sign[0] == '-' || strstr(body, c->sent->sign) != NULL);
	end(c, good);
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

		if (c->sent == NULL && next_sent < next_due)
			send_next(c);
		fds[i].fd = c->fd;
		fds[i].events = POLLIN;
		busy = busy || c->sent != NULL;
	}
	if (poll(fds, (nfds_t)n, 1) > 0)
		for (int i = 0; i < n; i++)
			if (fds[i].revents != 0)
				take(&connections[i]);
	return busy || next_sent < next_due;
}

int
main(int argc, char **argv)
{
	int64_t begin, stop, gap_ns;
	int n;

	if (argc != 7) {
		fputs("paced PORT RATE CONNECTIONS SECONDS FILE OUT\n", stderr);
		return 2;
	}
	port = (int)strtol(argv[1], NULL, 10);
	gap_ns = 1000000000 / strtol(argv[2], NULL, 10);
	n = (int)strtol(argv[3], NULL, 10);
	read_requests(argv[5]);
	out = fopen(argv[6], "we");
	if (out == NULL || n < 1 || n > CONNECTIONS_MAX)
		return 2;
	for (int i = 0; i < n; i++)
		connections[i].fd = -1;
	begin = now_us();
	stop = begin + strtol(argv[4], NULL, 10) * 1000000;
	for (;;) {
		int64_t now = now_us();

		for (; next_due < n_requests && now < stop; next_due++) {
			int64_t due = begin + (int64_t)next_due * gap_ns / 1000;

			if (due > now)
				break;
			requests[next_due].due_us = due;
		}
		if (!turn(n) && (now >= stop || next_due == n_requests))
			break;
		if (now > stop + GRACE_US)
			fail("answers are missing");
	}
	fclose(out);
	return failed > 0;
}
