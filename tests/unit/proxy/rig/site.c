/* A site of one thread: poll, whole requests, and what the path says. */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "port.h"
#include "proxy/rig/rig.h"

#define SITE_CONNS 600
#define SITE_PATHS 200

struct site_conn {
	int fd;
	struct strbuf in;
	bool stuck;  /* in "slow" */
	bool tunnel; /* after 101 */
};

struct site {
	const char *name;
	int fd, wake[2];
	unsigned port;
	uv_thread_t thread;
	uv_mutex_t lock;
	struct {
		char target[128];
		unsigned n;
	} paths[SITE_PATHS];
	unsigned npaths, accepted;
	bool released, stopping;
	struct site_conn conns[SITE_CONNS];
	unsigned nconns;
};

static void
put(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

static void
puts_to(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

/* In one piece: a site that is stopped does not break off in between. */
static void
put_ok(int fd, struct span body)
{
	STRBUF_AUTO text = { 0 };

	strbuf_addf(&text,
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
		    "X-Seen: yes\r\nGSB-Secret: 1\r\nKeep-Alive: timeout=5\r\n"
		    "X-GSB-Status: HERE\r\n\r\n",
		    body.len);
	strbuf_add_span(&text, body);
	put(fd, text.at, text.len);
}

static unsigned
count(struct site *s, const char *target, unsigned add)
{
	unsigned i, n;

	uv_mutex_lock(&s->lock);
	for (i = 0; i < s->npaths; i++)
		if (strcmp(s->paths[i].target, target) == 0)
			break;
	if (i == s->npaths && add > 0) {
		assert(i < SITE_PATHS);
		snprintf(s->paths[i].target, sizeof(s->paths[i].target), "%s",
			 target);
		s->npaths++;
	}
	if (i < s->npaths)
		s->paths[i].n += add;
	n = i < s->npaths ? s->paths[i].n : 0;
	uv_mutex_unlock(&s->lock);
	return n;
}

static void
put_big(int fd, size_t size)
{
	char head[100];
	char *body = malloc(size);

	assert(body != NULL);
	for (size_t i = 0; i < size; i++)
		body[i] = (char)('a' + i % 23);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	puts_to(fd, head);
	put(fd, body, size);
	free(body);
}

struct answer_text {
	const char *action;
	bool close;
	const char *text;
};
static const struct answer_text texts[] = {
	{ "close", true, "" },
	{ "half", true, "HTTP/1.1 200 OK\r\nContent-" },
	{ "cut", true, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345" },
	{ "garbage", true, "this is no HTTP\r\n\r\n" },
	{ "badchunk", true,
	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" },
	{ "421", false,
	  "HTTP/1.1 421 Misdirected Request\r\nGSB-Not-Processed: 1\r\n"
	  "Content-Length: 0\r\n\r\n" },
	{ "np", false,
	  "HTTP/1.1 503 Unavailable\r\nGSB-Not-Processed: 1\r\n"
	  "Content-Length: 2\r\n\r\nno" },
	{ "unknown", false,
	  "HTTP/1.1 503 Unavailable\r\nGSB-Outcome: unknown\r\n"
	  "Content-Length: 0\r\n\r\n" },
	{ "500", false, "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops" },
	{ "503", false, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy" },
	{ "chunked", false,
	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n" },
	{ "nolength", true, "HTTP/1.1 200 OK\r\n\r\nuntil the end" },
	{ "extra", false,
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"
	  "Content-Length: 3\r\n\r\nbad" },
	{ "old", true, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold" },
	{ "interim", false,
	  "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
	{ "switch", true,
	  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	  "Upgrade: other\r\n\r\n" },
	{ "silent204", false, "HTTP/1.1 204 No Content\r\n\r\n" },
};

/* False: the connection is to be closed. */
static bool
act(struct site_conn *c, struct span action)
{
	struct linger hard = { .l_onoff = 1 };

	for (size_t i = 0; i < UNIT_COUNT(texts); i++)
		if (span_is(action, texts[i].action)) {
			puts_to(c->fd, texts[i].text);
			return !texts[i].close;
		}
	if (span_is(action, "reset")) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		return false;
	}
	if (span_is(action, "slow"))
		c->stuck = true;
	else if (span_is(action, "big"))
		put_big(c->fd, 3000000);
	else if (span_is(action, "huge"))
		put_big(c->fd, 20000000);
	else
		fail_msg("no such action: %.*s", SPAN_ARG(action));
	return true;
}

static bool
put_counted(struct site *s, struct site_conn *c, unsigned n)
{
	char text[100];

	snprintf(text, sizeof(text), "%s %u", s->name, n);
	put_ok(c->fd, span_of(text));
	return true;
}

static bool
answer_room(struct site_conn *c)
{
	puts_to(c->fd, "HTTP/1.1 101 Switching Protocols\r\n"
		       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		       "Sec-WebSocket-Accept: x\r\n\r\n\x81\x05hello");
	c->tunnel = true;
	return true;
}

/* request: head and body as they came. */
static bool
answer(struct site *s, struct site_conn *c, struct span request)
{
	struct span rest = request, method, target, part, action;
	char name[128];
	uint64_t most = 0;
	unsigned n;

	span_cut(&rest, ' ', &method);
	span_cut(&rest, ' ', &target);
	rest = target;
	span_cut(&rest, '?', &target);
	assert(span_copy(target, name, sizeof(name)));
	n = count(s, name, 1);
	if (strstr(name, "/ws/") != NULL)
		return answer_room(c);
	rest = target;
	span_cut(&rest, '/', &part);
	span_cut(&rest, '/', &part);
	if (!span_cut(&rest, '/', &action))
		action = part;
	span_cut(&rest, '/', &part);
	if (target.at[0] != '/')
		return put_counted(s, c, n);
	if (span_is(action, "echo")) {
		put_ok(c->fd, request);
		return true;
	}
	if (span_to_u64(part, &most) == 0 && n <= most)
		return act(c, action);
	return put_counted(s, c, n);
}

/* Length of the request at the start of in; 0: it is not whole. */
static size_t
whole(const struct strbuf *in)
{
	const char *end = in->len > 0 ? strstr(in->at, "\r\n\r\n") : NULL;
	const char *length, *chunked;
	size_t n;

	if (end == NULL)
		return 0;
	n = (size_t)(end - in->at) + 4;
	length = strstr(in->at, "Content-Length: ");
	if (length != NULL && length < end)
		n += strtoul(length + 16, NULL, 10);
	chunked = strstr(in->at, "Transfer-Encoding: chunked");
	if (chunked != NULL && chunked < end) {
		end = strstr(end, "\r\n0\r\n");
		if (end == NULL || (end = strstr(end + 3, "\r\n\r\n")) == NULL)
			return 0;
		n = (size_t)(end - in->at) + 4;
	}
	return n <= in->len ? n : 0;
}

/* Frames are not read: words in what the client sends say what to do. */
static bool
tunnel(struct site_conn *c)
{
	bool dies = strstr(strbuf_text(&c->in), "DIE") != NULL;

	if (strstr(strbuf_text(&c->in), "HALF") != NULL)
		puts_to(c->fd, "\x81\x05"
			       "abc");
	if (strstr(strbuf_text(&c->in), "REST") != NULL)
		puts_to(c->fd, "de");
	if (strstr(strbuf_text(&c->in), "BYE") != NULL)
		put(c->fd, "\x88\x02\x03\xe8", 4);
	if (strstr(strbuf_text(&c->in), "PING") != NULL)
		puts_to(c->fd, "\x81\x04PONG");
	strbuf_reset(&c->in);
	return !dies;
}

static bool
receive(struct site *s, struct site_conn *c)
{
	ssize_t n = recv(c->fd, strbuf_reserve(&c->in, 65536), 65536, 0);
	bool alive = true;
	size_t len;

	if (n <= 0)
		return false;
	c->in.len += (size_t)n;
	c->in.at[c->in.len] = '\0';
	if (c->tunnel)
		return tunnel(c);
	while (alive && !c->stuck && (len = whole(&c->in)) > 0) {
		alive = answer(s, c, span_make(c->in.at, len));
		strbuf_consume(&c->in, len);
	}
	return alive;
}

static void
drop(struct site *s, unsigned i)
{
	close(s->conns[i].fd);
	strbuf_fini(&s->conns[i].in);
	s->conns[i] = s->conns[--s->nconns];
}

static void
let_stuck_go(struct site *s)
{
	for (unsigned i = 0; i < s->nconns; i++)
		if (s->conns[i].stuck) {
			s->conns[i].stuck = false;
			put_counted(s, &s->conns[i], 0);
		}
}

static void
accept_one(struct site *s)
{
	int fd = accept(s->fd, NULL, NULL);

	if (fd < 0)
		return;
	assert(s->nconns < SITE_CONNS);
	s->conns[s->nconns++] = (struct site_conn){ .fd = fd };
	uv_mutex_lock(&s->lock);
	s->accepted++;
	uv_mutex_unlock(&s->lock);
}

static bool
on_wake(struct site *s)
{
	char byte;
	bool stopping, released;

	assert(read(s->wake[0], &byte, 1) == 1);
	uv_mutex_lock(&s->lock);
	stopping = s->stopping;
	released = s->released;
	uv_mutex_unlock(&s->lock);
	if (released)
		let_stuck_go(s);
	return !stopping;
}

static void
run_site(void *arg)
{
	struct site *s = arg;
	struct pollfd fds[SITE_CONNS + 2];
	bool goes_on = true;

	while (goes_on) {
		fds[0] = (struct pollfd){ .fd = s->wake[0], .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
		for (unsigned i = 0; i < s->nconns; i++)
			fds[i + 2] = (struct pollfd){ .fd = s->conns[i].fd,
						      .events = POLLIN };
		poll(fds, s->nconns + 2, -1);
		for (unsigned i = s->nconns; i > 0; i--)
			if (fds[i + 1].revents != 0 &&
			    !receive(s, &s->conns[i - 1]))
				drop(s, i - 1);
		if (fds[1].revents != 0)
			accept_one(s);
		if (fds[0].revents != 0)
			goes_on = on_wake(s);
	}
	while (s->nconns > 0)
		drop(s, 0);
	close(s->fd);
}

/* Port 0: a new one, which stays the program's while nobody listens. */
static int
site_listen(unsigned port, unsigned *bound)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	*bound = port != 0 ? port : port_hold();
	a.sin_port = htons((uint16_t)*bound);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	assert(listen(fd, 512) == 0);
	return fd;
}

struct site *
site_start(const char *name, unsigned port)
{
	struct site *s = mem_new(struct site);

	s->name = name;
	s->fd = site_listen(port, &s->port);
	assert(pipe(s->wake) == 0);
	uv_mutex_init(&s->lock);
	uv_thread_create(&s->thread, run_site, s);
	return s;
}

static void
wake(struct site *s)
{
	assert(write(s->wake[1], "", 1) == 1);
}

void
site_stop(struct site **sp)
{
	struct site *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	uv_mutex_lock(&s->lock);
	s->stopping = true;
	uv_mutex_unlock(&s->lock);
	wake(s);
	uv_thread_join(&s->thread);
	close(s->wake[0]);
	close(s->wake[1]);
	uv_mutex_destroy(&s->lock);
	mem_free(s);
}

unsigned
site_port(const struct site *s)
{
	return s->port;
}

unsigned
site_count(struct site *s, const char *target)
{
	return count(s, target, 0);
}

unsigned
site_connections(struct site *s)
{
	unsigned n;

	uv_mutex_lock(&s->lock);
	n = s->accepted;
	uv_mutex_unlock(&s->lock);
	return n;
}

void
site_release(struct site *s)
{
	uv_mutex_lock(&s->lock);
	s->released = true;
	uv_mutex_unlock(&s->lock);
	wake(s);
}
