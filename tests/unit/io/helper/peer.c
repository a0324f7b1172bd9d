#include "io/helper/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/helper/turn.h"

static void
must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	perror(what);
	exit(1);
}

void
peer_connect(struct peer *p, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	memset(p, 0, sizeof(*p));
	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(p->fd, (struct sockaddr *)&to, sizeof(to)), "connect");
}

void
peer_connect_unix(struct peer *p, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memset(p, 0, sizeof(*p));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(p->fd, (struct sockaddr *)&to, sizeof(to)), path);
}

void
peer_send(struct peer *p, const char *text)
{
	peer_send_bytes(p, text, strlen(text));
}

void
peer_send_bytes(struct peer *p, const char *text, size_t len)
{
	ssize_t n;

	/* The loop turns when the server must read first. */
	while (len > 0 && !p->eof) {
		n = send(p->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			p->eof = true;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else {
			uv_run(loop_uv(), UV_RUN_NOWAIT);
		}
	}
}

void
peer_close(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
}

static bool
receive(struct peer *p)
{
	size_t room = sizeof(p->in) - 1 - p->len;
	ssize_t n;

	if (room == 0)
		return false;
	n = recv(p->fd, p->in + p->len, room, MSG_DONTWAIT);

	if (n > 0)
		p->len += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		p->eof = true;
	p->in[p->len] = '\0';
	return n > 0;
}

void
peer_await(struct peer *p, const char *text)
{
	int64_t end = clock_mono_ms() + 20000;

	while (receive(p) || strstr(p->in, text) == NULL) {
		if (clock_mono_ms() > end || p->eof) {
			fprintf(stderr, "never \"%s\", but:\n%s\n", text,
				p->in);
			exit(1);
		}
		uv_run(loop_uv(), UV_RUN_NOWAIT);
	}
}

void
peer_await_eof(struct peer *p)
{
	TURN_UNTIL((receive(p), p->eof));
}

unsigned
peer_count(const struct peer *p, const char *text)
{
	unsigned n = 0;

	for (const char *at = p->in; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}
