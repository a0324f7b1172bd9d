#include "io/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"

static int
bad(struct err *e, const char *text)
{
	return err_set(e, ERR_INVALID,
		       "\"%s\" is no address: expected HOST:PORT, [V6]:PORT "
		       "or unix:/path",
		       text);
}

static int
parse_path(struct addr *a, const char *text, struct err *e)
{
	const char *path = text + strlen("unix:");

	if (path[0] != '/' ||
	    !span_copy(span_of(path), a->path, sizeof(a->path)))
		return bad(e, text);
	return 0;
}

static int
resolve(struct addr *a, const char *host, const char *port, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(*host != '\0' ? host : NULL, port, &hints, &found);

	if (rc != 0)
		return err_set(e, ERR_INVALID, "address \"%s\": %s", host,
			       gai_strerror(rc));
	memcpy(&a->sa, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int
addr_parse(struct addr *a, const char *text, struct err *e)
{
	struct span all = span_of(text);
	const char *colon = strrchr(text, ':');
	struct span host;
	char host_text[256];
	uint64_t port;

	memset(a, 0, sizeof(*a));
	if (span_starts(all, "unix:"))
		return parse_path(a, text, e);
	if (colon == NULL || span_to_u64(span_of(colon + 1), &port) < 0 ||
	    port > 65535)
		return bad(e, text);
	host = span_make(text, (size_t)(colon - text));
	if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
		host = span_make(host.at + 1, host.len - 2);
	if (!span_copy(host, host_text, sizeof(host_text)))
		return bad(e, text);
	return resolve(a, host_text, colon + 1, e);
}

const char *
addr_text(const struct sockaddr *sa, char buf[ADDR_TEXT_SIZE])
{
	const void *in = NULL;

	if (sa->sa_family == AF_INET)
		in = &((const struct sockaddr_in *)sa)->sin_addr;
	else if (sa->sa_family == AF_INET6)
		in = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (in == NULL ||
	    inet_ntop(sa->sa_family, in, buf, ADDR_TEXT_SIZE) == NULL)
		snprintf(buf, ADDR_TEXT_SIZE, "unix");
	return buf;
}

unsigned
addr_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	return 0;
}

void
addr_unlink_stale(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

bool
addr_is_loopback(const struct addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->sa;

	if (a->path[0] != '\0')
		return true;
	if (a->sa.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return a->sa.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
