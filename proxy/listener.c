#include "proxy/listener.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/client.h"
#include "proxy/route.h"
#include "proxy/worker.h"

#define BACKLOG 4096

struct listener {
	uv_tcp_t tcp;
	struct worker *worker;
	int fd;
	bool tls;
};

static void
set_on(int fd, int level, int option)
{
	int on = 1;

	setsockopt(fd, level, option, &on, sizeof(on));
}

/* Accepted sockets inherit TCP_NODELAY: that saves a call for each. */
static int
bind_one(struct route_address *a, struct err *e)
{
	int fd = socket(a->addr.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, ERR_IO, "socket: %s", strerror(errno));
	set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	set_on(fd, SOL_SOCKET, SO_REUSEPORT);
	set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	if (a->addr.ss_family == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(fd, (struct sockaddr *)&a->addr, a->len) != 0) {
		err_set(e, ERR_IO, "listen on %s: %s", a->text,
			strerror(errno));
		close(fd);
		return -1;
	}
	/* Port 0 became a real one, which the other copies share. */
	getsockname(fd, (struct sockaddr *)&a->addr, &a->len);
	return fd;
}

/*
 * SO_REUSEPORT lets a second proxy of the same user take the port unseen; a
 * bind without it tells.
 */
static int
probe(const struct route_address *a, struct err *e)
{
	int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return err_set(e, ERR_IO, "socket: %s", strerror(errno));
	set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (a->addr.ss_family == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	rc = bind(fd, (const struct sockaddr *)&a->addr, a->len);
	if (rc != 0)
		err_set(e, ERR_IO, "listen on %s: %s", a->text,
			strerror(errno));
	close(fd);
	return rc;
}

/* The nth old one with that address; -1: there are not so many. */
static int
old_socket(const struct listener_conf *conf, const char *address, unsigned nth)
{
	for (unsigned i = 0; i < conf->nold; i++)
		if (strcmp(conf->old[i].address, address) == 0 && nth-- == 0)
			return conf->old[i].fd;
	return -1;
}

static int
bind_copies(const struct listener_conf *conf, unsigned copies,
	    struct listener_socket *first, unsigned step, struct err *e)
{
	bool fresh = old_socket(conf, first->address, 0) < 0;
	struct route_address a;

	if (route_address_parse(first->address, &a, e) != 0)
		return -1;
	if (a.tls)
		return err_set(e, ERR_INVALID, "listen: \"%s\" is no HOST:PORT",
			       a.text);
	if (fresh && probe(&a, e) != 0)
		return -1;
	for (unsigned i = 0; i < copies; i++) {
		struct listener_socket *s = first + i * step;

		s->fd = old_socket(conf, first->address, i);
		s->old = s->fd >= 0;
		if (!s->old)
			s->fd = bind_one(&a, e);
		if (s->fd < 0)
			return -1;
	}
	return 0;
}

static unsigned
count(const char *list)
{
	struct span rest = span_of(list), one;
	unsigned n = 0;

	if (list != NULL && list[0] != '\0')
		while (span_cut(&rest, ',', &one))
			n++;
	return n;
}

static int
name_copies(struct span *list, unsigned copies, struct listener_socket *first,
	    unsigned step, struct err *e)
{
	struct span one = { 0 };

	span_cut(list, ',', &one);
	for (unsigned i = 0; i < copies; i++)
		if (!span_copy(span_trim(one), first[i * step].address,
			       sizeof(first->address)))
			return err_set(e, ERR_INVALID,
				       "listen: \"%.*s\" is too long",
				       SPAN_ARG(one));
	return 0;
}

int
listener_bind(const struct listener_conf *conf, unsigned copies,
	      struct listener_socket *sockets, struct err *e)
{
	struct span rest = span_of(conf->plain);
	unsigned plain = count(conf->plain), n = plain + count(conf->tls);

	if (n == 0 || n > LISTENER_MAX)
		return err_set(e, ERR_INVALID,
			       "listen names %u addresses; 1 to %d are right",
			       n, LISTENER_MAX);
	for (unsigned k = 0; k < copies * n; k++)
		sockets[k] = (struct listener_socket){ .fd = -1,
						       .tls = k % n >= plain };
	for (unsigned i = 0; i < n; i++) {
		if (i == plain)
			rest = span_of(conf->tls);
		if (name_copies(&rest, copies, sockets + i, n, e) != 0 ||
		    bind_copies(conf, copies, sockets + i, n, e) != 0)
			goto fail_bound;
	}
	return (int)n;

fail_bound:
	listener_unbind(sockets, copies * n);
	return -1;
}

void
listener_unbind(const struct listener_socket *sockets, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		if (sockets[k].fd >= 0 && !sockets[k].old)
			close(sockets[k].fd);
}

static void
on_connection(uv_stream_t *server, int status)
{
	struct listener *l = server->data;

	if (status == 0)
		client_accept(l->worker, server, l->tls);
	else
		log_warn("listener", "accept=\"%s\"", uv_strerror(status));
}

struct listener *
listener_open(struct worker *w, const struct listener_socket *socket)
{
	struct listener *l = mem_new(struct listener);
	int rc = uv_tcp_init(w->uv, &l->tcp);

	assert(rc == 0);
	l->tcp.data = l;
	l->worker = w;
	l->fd = socket->fd;
	l->tls = socket->tls;
	rc = uv_tcp_open(&l->tcp, socket->fd);
	assert(rc == 0);
	rc = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
	if (rc != 0)
		log_error("listener", "listen=\"%s\"", uv_strerror(rc));
	return l;
}

static void
on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void
listener_close(struct listener **lp)
{
	struct listener *l = *lp;

	*lp = NULL;
	if (l != NULL)
		uv_close((uv_handle_t *)&l->tcp, on_closed);
}

bool
listener_is(struct listener *l, const struct listener_socket *socket)
{
	if (l->fd != socket->fd)
		return false;
	l->tls = socket->tls;
	return true;
}
