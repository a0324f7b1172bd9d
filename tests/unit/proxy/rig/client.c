/* Blocking sockets with a time-out, so that a mistake is a failure. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "http/framing.h"
#include "proxy/rig/rig.h"

#define CLIENT_WAIT_S 15

int
client_open_at(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };
	struct timeval wait = { .tv_sec = CLIENT_WAIT_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

int
client_open(void)
{
	return client_open_at(rig.port);
}

void
client_send_bytes(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

void
client_send(int fd, const char *text)
{
	client_send_bytes(fd, text, strlen(text));
}

/* A socket with a time-out is not read on after a signal, or a freeze. */
static ssize_t
client_receive(int fd, char *out, size_t n, int flags)
{
	ssize_t k;

	do
		k = recv(fd, out, n, flags);
	while (k < 0 && errno == EINTR);
	return k;
}

size_t
client_read_bytes(int fd, char *out, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = client_receive(fd, out + got, n - got, 0);

		if (k <= 0)
			break;
		got += (size_t)k;
	}
	return got;
}

bool
client_at_end(int fd)
{
	char byte;

	return client_receive(fd, &byte, 1, 0) <= 0;
}

/* The head byte by byte, so that nothing of what follows is taken. */
static bool
read_head(int fd, struct answer *out)
{
	size_t n = 0;

	while (n < sizeof(out->head) - 1) {
		if (client_read_bytes(fd, out->head + n, 1) == 0)
			break;
		out->head[++n] = '\0';
		if (n >= 4 && memcmp(out->head + n - 4, "\r\n\r\n", 4) == 0)
			return true;
	}
	out->closed = true;
	return false;
}

/* By its framing, which the strict reader judges. */
static void
read_body(int fd, const struct http_head *head, struct answer *out)
{
	enum http_body_result rc;
	STRBUF_AUTO text = { 0 };
	struct http_body b;
	struct span data;
	char bytes[16384];
	size_t used;

	http_body_init(&b, head->body, head->length);
	rc = http_body_next(&b, "", 0, &used, &data);
	while (rc == HTTP_BODY_MORE || rc == HTTP_BODY_DATA) {
		/* what follows the body stays in the socket */
		ssize_t n = client_receive(fd, bytes, sizeof(bytes), MSG_PEEK);

		if (n <= 0) {
			out->closed = true;
			rc = http_body_close(&b);
			break;
		}
		rc = http_body_next(&b, bytes, (size_t)n, &used, &data);
		if (rc == HTTP_BODY_DATA)
			strbuf_add(&text, data.at, data.len);
		client_read_bytes(fd, bytes, used);
		if (rc == HTTP_BODY_DATA)
			rc = http_body_next(&b, "", 0, &used, &data);
	}
	out->whole = rc == HTTP_BODY_DONE;
	out->len = text.len;
	out->body = strbuf_take(&text);
}

/* to_head: the answer is to HEAD. Interim answers are passed over. */
void
client_read(int fd, bool to_head, struct answer *out)
{
	struct http_fault fault;
	struct http_head *head = mem_new(struct http_head);

	memset(out, 0, sizeof(*out));
	do {
		if (!read_head(fd, out))
			break;
		if (http_response_parse(head, out->head, strlen(out->head),
					to_head ? HTTP_HEAD : HTTP_GET, NULL,
					&fault) != 0)
			fail_msg("no answer: %s", fault.what);
		out->status = head->status;
	} while (out->status < 200 && out->status != 101);
	if (out->status != 0 && !out->closed)
		read_body(fd, head, out);
	mem_free(head);
}

void
answer_free(struct answer *a)
{
	mem_free(a->body);
	a->body = NULL;
}

const char *
answer_field(struct answer *a, const char *name)
{
	static char value[1024];
	struct span rest = span_of(a->head), line, field;

	while (span_cut(&rest, '\n', &line))
		if (span_cut(&line, ':', &field) && span_iis(field, name)) {
			span_copy(span_trim(line), value, sizeof(value));
			return value;
		}
	return "";
}

static void
ask(const char *method, const char *target, const char *body,
    struct answer *out)
{
	STRBUF_AUTO text = { 0 };
	int fd = client_open();

	strbuf_addf(&text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
		    method, target);
	if (body != NULL)
		strbuf_addf(&text, "Content-Length: %zu\r\n", strlen(body));
	strbuf_adds(&text, "\r\n");
	if (body != NULL)
		strbuf_adds(&text, body);
	client_send_bytes(fd, text.at, text.len);
	client_read(fd, strcmp(method, "HEAD") == 0, out);
	close(fd);
}

void
client_get(const char *target, struct answer *out)
{
	ask("GET", target, NULL, out);
}

void
client_post(const char *target, const char *body, struct answer *out)
{
	ask("POST", target, body, out);
}

struct client {
	uv_thread_t thread;
	char method[16], target[256];
	struct answer answer;
};

static void
run_client(void *arg)
{
	struct client *c = arg;

	ask(c->method, c->target,
	    strcmp(c->method, "POST") == 0 ? "body" : NULL, &c->answer);
}

struct client *
client_start(const char *method, const char *target)
{
	struct client *c = mem_new(struct client);

	snprintf(c->method, sizeof(c->method), "%s", method);
	snprintf(c->target, sizeof(c->target), "%s", target);
	assert(uv_thread_create(&c->thread, run_client, c) == 0);
	return c;
}

void
client_join(struct client **cp, struct answer *out)
{
	struct client *c = *cp;

	*cp = NULL;
	uv_thread_join(&c->thread);
	*out = c->answer;
	mem_free(c);
}
