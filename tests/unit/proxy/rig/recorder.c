/*
 * A site that keeps every byte that comes, in the order in which it comes,
 * and answers each whole request with the bytes that it was given.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "http/framing.h"
#include "http/head.h"
#include "proxy/rig/rig.h"

#define RECORDER_CONNS 64

struct recorder_conn {
	int fd;
	struct strbuf in; /* what is no whole request yet */
};

static struct {
	int fd, wake[2];
	unsigned port;
	uv_thread_t thread;
	uv_mutex_t lock;
	struct strbuf log;
	struct strbuf answer;
	bool answer_closes; /* behind the bytes */
	bool answer_early;  /* behind the head, not the body */
	unsigned accepted;
	struct recorder_conn conns[RECORDER_CONNS];
	unsigned nconns;
} recorder;

/* Length of the request at the start; 0: not whole, or none. */
static size_t
recorder_whole(const struct strbuf *in)
{
	static struct http_head head;
	struct http_fault fault;
	struct http_body body;
	size_t scanned = 0, used = 0;
	size_t end = http_head_end(in->at, in->len, &scanned);

	if (end == 0 ||
	    http_request_parse(&head, in->at, end, NULL, &fault) != 0)
		return 0;
	http_body_init(&body, head.body, head.length);
	if (!recorder.answer_early &&
	    http_body_pass(&body, in->at + end, in->len - end, &used) !=
		HTTP_BODY_DONE)
		return 0;
	return end + used;
}

/* False: the connection is over. */
static bool
recorder_receive(struct recorder_conn *c)
{
	char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
	bool goes_on = true;
	size_t len;

	if (n <= 0)
		return false;
	uv_mutex_lock(&recorder.lock);
	strbuf_add(&recorder.log, buf, (size_t)n);
	strbuf_add(&c->in, buf, (size_t)n);
	while (goes_on && (len = recorder_whole(&c->in)) > 0) {
		strbuf_consume(&c->in, len);
		put(c->fd, recorder.answer.at, recorder.answer.len);
		goes_on = !recorder.answer_closes;
	}
	uv_mutex_unlock(&recorder.lock);
	return goes_on;
}

static void
recorder_accept(void)
{
	int fd = accept(recorder.fd, NULL, NULL);

	assert(fd >= 0 && recorder.nconns < RECORDER_CONNS);
	uv_mutex_lock(&recorder.lock);
	recorder.conns[recorder.nconns++] = (struct recorder_conn){ .fd = fd };
	recorder.accepted++;
	uv_mutex_unlock(&recorder.lock);
}

static void
recorder_drop(unsigned i)
{
	close(recorder.conns[i].fd);
	strbuf_fini(&recorder.conns[i].in);
	recorder.conns[i] = recorder.conns[recorder.nconns - 1];
	uv_mutex_lock(&recorder.lock);
	recorder.nconns--;
	uv_mutex_unlock(&recorder.lock);
}

static void
recorder_run(void *arg)
{
	struct pollfd fds[RECORDER_CONNS + 2];

	for (;;) {
		fds[0] = (struct pollfd){ .fd = recorder.wake[0],
					  .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = recorder.fd, .events = POLLIN };
		for (unsigned i = 0; i < recorder.nconns; i++)
			fds[i + 2] = (struct pollfd){
				.fd = recorder.conns[i].fd, .events = POLLIN
			};
		poll(fds, recorder.nconns + 2, -1);
		for (unsigned i = recorder.nconns; i > 0; i--)
			if (fds[i + 1].revents != 0 &&
			    !recorder_receive(&recorder.conns[i - 1]))
				recorder_drop(i - 1);
		if (fds[1].revents != 0)
			recorder_accept();
		if (fds[0].revents != 0)
			break;
	}
	while (recorder.nconns > 0)
		recorder_drop(0);
	close(recorder.fd);
}

/* The plane's primary is the recorder from now on. */
static void
recorder_start(void)
{
	struct route_upstream *u = &rig.next.upstream[0][ROUTE_WEB];
	char text[64];
	struct err e;

	memset(&recorder, 0, sizeof(recorder));
	recorder.fd = site_listen(0, &recorder.port);
	assert(pipe(recorder.wake) == 0);
	uv_mutex_init(&recorder.lock);
	uv_thread_create(&recorder.thread, recorder_run, NULL);
	snprintf(text, sizeof(text), "127.0.0.1:%u", recorder.port);
	assert(route_address_parse(text, &u->address, &e) == 0);
	rig_publish();
}

static void
recorder_stop(void)
{
	assert(write(recorder.wake[1], "", 1) == 1);
	uv_thread_join(&recorder.thread);
	close(recorder.wake[0]);
	close(recorder.wake[1]);
	uv_mutex_destroy(&recorder.lock);
	strbuf_fini(&recorder.log);
	strbuf_fini(&recorder.answer);
}

static void
recorder_answer(struct span bytes, bool closes, bool early)
{
	uv_mutex_lock(&recorder.lock);
	strbuf_reset(&recorder.answer);
	strbuf_add_span(&recorder.answer, bytes);
	recorder.answer_closes = closes;
	recorder.answer_early = early;
	uv_mutex_unlock(&recorder.lock);
}

/* What has come since the last call. */
static void
recorder_take(struct strbuf *out)
{
	uv_mutex_lock(&recorder.lock);
	strbuf_reset(out);
	strbuf_add_span(out, strbuf_span(&recorder.log));
	strbuf_reset(&recorder.log);
	uv_mutex_unlock(&recorder.lock);
}

static unsigned
recorder_connections(void)
{
	unsigned n;

	uv_mutex_lock(&recorder.lock);
	n = recorder.accepted;
	uv_mutex_unlock(&recorder.lock);
	return n;
}

/* Unasked, on every connection that is open. */
static void __attribute__((unused)) recorder_say(struct span bytes)
{
	uv_mutex_lock(&recorder.lock);
	for (unsigned i = 0; i < recorder.nconns; i++)
		put(recorder.conns[i].fd, bytes.at, bytes.len);
	uv_mutex_unlock(&recorder.lock);
}

static bool
recorder_is_alone(void)
{
	bool alone;

	uv_mutex_lock(&recorder.lock);
	alone = recorder.nconns == 0;
	uv_mutex_unlock(&recorder.lock);
	return alone;
}

static void __attribute__((unused)) recorder_wait_closed(void)
{
	rig_wait(recorder_is_alone);
}
