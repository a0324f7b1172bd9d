/*
 * People in rooms: connects all of them, then some say lines at an even rate;
 * counts when each line has reached each of those who shall get it.
 *
 *   rooms_load PORT EPOCH LINES RATE < PATHS
 *
 * PATHS: a line for each person, "ROOM PATH"; ROOM counts from 0. Prints
 * "ready" when all are in and waits for a line on a second channel (fd 3),
 * then one line of JSON. The wait of a line counts from when it was due.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define PEOPLE_MAX 10000
#define PREFIX 512
#define IN_BYTES 65536
#define OPENING 100 /* at once */
#define GRACE_US 10000000

enum { OPENS, UPGRADED, IN };

struct person {
	int fd, room, state;
	char *path;
	unsigned char head[14]; /* of the frame that comes */
	size_t head_len;
	uint64_t left; /* of its payload */
	bool in_payload;
	char first[PREFIX + 1];
	size_t first_len;
	char answer[2048]; /* the upgrade's */
	size_t answer_len;
};

static struct person people[PEOPLE_MAX];
static int npeople, nin, epoll, port;
static const char *epoch;
static int64_t *waits;
static size_t nwaits, expected;

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
write_all(const struct person *p, const void *bytes, size_t len)
{
	if (write(p->fd, bytes, len) != (ssize_t)len)
		fail("write");
}

static void
open_person(struct person *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN };
	char head[2048];
	int one = 1;
	int n;

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (p->fd < 0 || connect(p->fd, (void *)&a, sizeof(a)) < 0)
		fail("connect");
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	n = snprintf(head, sizeof(head),
		     "GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
		     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
		     "GSB-Epoch: %s\r\nGSB-Site: primary\r\n\r\n",
		     p->path, epoch);
	write_all(p, head, (size_t)n);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	ev.data.ptr = p;
	epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &ev);
}

static void
take_text(struct person *p)
{
	const char *at;

	p->first[p->first_len] = '\0';
	if (p->state == UPGRADED && strstr(p->first, "\"welcome\"") != NULL) {
		p->state = IN;
		nin++;
	}
	at = strstr(p->first, "\"text\":\"due=");
	if (at != NULL && strstr(p->first, "\"type\":\"chat\"") != NULL &&
	    nwaits < expected)
		waits[nwaits++] = now_us() - strtoll(at + 12, NULL, 10);
}

static size_t
head_size(const struct person *p)
{
	if (p->head_len < 2)
		return 2;
	return 2 + ((p->head[1] & 127) == 126   ? 2
		    : (p->head[1] & 127) == 127 ? 8
						: 0);
}

static void
take_head(struct person *p)
{
	size_t n = head_size(p);

	p->left = p->head[1] & 127;
	if (n > 2)
		for (size_t i = 2, v = p->left = 0; i < n; i++)
			p->left = v = v << 8 | p->head[i];
	if ((p->head[0] & 15) == 8) {
		fprintf(stderr, "closed by the room\n");
		exit(1);
	}
	p->in_payload = true;
	p->first_len = 0;
}

static void
take_frames(struct person *p, const char *at, size_t len)
{
	while (len > 0 || (p->in_payload && p->left == 0)) {
		size_t n;

		if (!p->in_payload) {
			p->head[p->head_len++] = (unsigned char)*at++;
			len--;
			if (p->head_len == head_size(p))
				take_head(p);
			continue;
		}
		n = len < p->left ? len : p->left;
		for (size_t i = 0; i < n && p->first_len < PREFIX; i++)
			p->first[p->first_len++] = at[i];
		at += n;
		len -= n;
		p->left -= n;
		if (p->left > 0)
			return;
		if ((p->head[0] & 15) == 1)
			take_text(p);
		p->in_payload = false;
		p->head_len = 0;
	}
}

static void
take_answer(struct person *p, const char *at, size_t len)
{
	const char *end;
	size_t used;

	if (p->answer_len + len >= sizeof(p->answer))
		len = sizeof(p->answer) - 1 - p->answer_len;
	memcpy(p->answer + p->answer_len, at, len);
	p->answer[p->answer_len + len] = '\0';
	end = strstr(p->answer, "\r\n\r\n");
	if (end == NULL) {
		p->answer_len += len;
		return;
	}
	if (strncmp(p->answer, "HTTP/1.1 101", 12) != 0) {
		fprintf(stderr, "refused: %.40s\n", p->answer);
		exit(1);
	}
	p->state = UPGRADED;
	used = (size_t)(end + 4 - p->answer) - p->answer_len;
	take_frames(p, at + used, len - used);
}

static void
receive(struct person *p)
{
	static char in[IN_BYTES];
	/* an upgrade's answer fits the first read; what follows is more */
	ssize_t n = read(p->fd, in, p->state == OPENS ? 1500 : sizeof(in));

	if (n > 0 && p->state == OPENS) {
		take_answer(p, in, (size_t)n);
		return;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		fail("read");
	if (n > 0)
		take_frames(p, in, (size_t)n);
}

static void
turn(int ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(epoll, ev, 256, ms);

	for (int i = 0; i < n; i++)
		receive(ev[i].data.ptr);
}

static void
say(struct person *p, int64_t due)
{
	char text[128];
	unsigned char frame[144] = { 0x81 };
	int n = snprintf(text, sizeof(text),
			 "{\"type\":\"chat\",\"text\":\"due=%lld\"}",
			 (long long)due);

	frame[1] = (unsigned char)(0x80 | n);
	memcpy(frame + 6, text, (size_t)n); /* masked with zeros */
	write_all(p, frame, 6 + (size_t)n);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double
at_ms(double part)
{
	size_t i = (size_t)(part * (double)nwaits);

	return nwaits == 0 ? -1
			   : (double)waits[i < nwaits ? i : nwaits - 1] / 1000;
}

static void
read_people(void)
{
	static char line[2048];
	int at;

	while (npeople < PEOPLE_MAX && fgets(line, sizeof(line), stdin)) {
		struct person *p = &people[npeople++];

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%d %n", &p->room, &at) < 1)
			exit(2);
		p->path = strdup(line + at);
	}
}

static size_t
size_of(int room)
{
	size_t n = 0;

	for (int i = 0; i < npeople; i++)
		n += people[i].room == room;
	return n;
}

int
main(int argc, char **argv)
{
	int lines = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
	double rate = argc == 5 ? atof(argv[4]) : 0;
	int64_t begin, due;
	char go;

	if (lines <= 0 || rate <= 0)
		return 2;
	port = (int)strtol(argv[1], NULL, 10);
	epoch = argv[2];
	epoll = epoll_create1(0);
	read_people();
	for (int i = 0; i < npeople; i++) {
		open_person(&people[i]);
		while (i - nin > OPENING)
			turn(-1);
	}
	while (nin < npeople)
		turn(-1);
	printf("ready\n");
	fflush(stdout);
	if (read(3, &go, 1) < 0)
		fail("go");
	for (int i = 0; i < lines; i++)
		expected += size_of(people[(i * 7919) % npeople].room);
	waits = calloc(expected, sizeof(*waits));
	begin = now_us();
	for (int i = 0; i < lines; i++) {
		due = begin + (int64_t)(i * 1e6 / rate);
		while (now_us() < due)
			turn((int)((due - now_us()) / 1000));
		say(&people[(i * 7919) % npeople], due);
	}
	due = now_us() + GRACE_US;
	while (nwaits < expected && now_us() < due)
		turn(100);
	qsort(waits, nwaits, sizeof(*waits), compare);
	printf("{\"expected\": %zu, \"got\": %zu, \"p50_ms\": %.1f, "
	       "\"p99_ms\": %.1f, \"max_ms\": %.1f}\n",
	       expected, nwaits, at_ms(0.5), at_ms(0.99), at_ms(1));
	return 0;
}
