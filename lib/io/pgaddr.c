/*
 * Host by host:
 *
 *   parse --> look up --on_found--> look up ... --> on_all --> the owner
 *
 * Literal addresses, sockets' folders and hosts that have a hostaddr need no
 * look-up and are taken over as they are.
 */
#include "io/pgaddr.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/inner.h"

struct pgaddr {
	uv_getaddrinfo_t lookup;
	bool looking; /* libuv owns lookup: free only behind its callback */
	struct loop_call *soon;
	struct arena *arena;
	const char *const *extra; /* copies */
	PQconninfoOption *options;
	struct span host_rest, port_rest; /* hosts still to come */
	const char *host, *port;          /* the one that is looked up */
	bool first;
	unsigned usable;
	struct strbuf hosts, addrs, ports; /* comma-separated, in step */
	struct err err;
	pgaddr_fn *fn; /* NULL: cancelled */
	void *ctx;
};

static void next_host(struct pgaddr *a);
static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found);
static void on_all(void *ctx);

static const char *
option(const struct pgaddr *a, const char *keyword)
{
	for (const PQconninfoOption *o = a->options; o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0)
			return o->val != NULL ? o->val : "";
	return "";
}

static void
finish(struct pgaddr *a)
{
	a->soon = loop_defer(on_all, a);
}

static const char *const *
copy_extra(struct arena *arena, const char *const *extra)
{
	size_t n = 0;
	const char **copy;

	while (extra != NULL && extra[n] != NULL)
		n++;
	copy = arena_array(arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(arena, extra[i]);
	return copy;
}

struct pgaddr *
pgaddr_start(const char *conninfo, const char *const *extra, pgaddr_fn *fn,
	     void *ctx)
{
	struct pgaddr *a = mem_new(struct pgaddr);
	char *why = NULL;

	a->arena = arena_new();
	a->extra = copy_extra(a->arena, extra);
	a->fn = fn;
	a->ctx = ctx;
	a->first = true;
	a->options = PQconninfoParse(conninfo, &why);
	if (a->options == NULL) {
		err_set(&a->err, ERR_INVALID, "connection string: %.*s",
			why != NULL ? (int)strcspn(why, "\n") : 0,
			why != NULL ? why : "");
		PQfreemem(why);
		finish(a);
		return a;
	}
	a->host_rest = span_of(option(a, "host"));
	a->port_rest = span_of(option(a, "port"));
	/* Without host names libpq needs no help. */
	if (a->host_rest.len == 0 || *option(a, "hostaddr") != '\0')
		finish(a);
	else
		next_host(a);
	return a;
}

static void
pgaddr_free(struct pgaddr *a)
{
	PQconninfoFree(a->options);
	strbuf_fini(&a->hosts);
	strbuf_fini(&a->addrs);
	strbuf_fini(&a->ports);
	arena_free(&a->arena);
	mem_free(a);
}

void
pgaddr_cancel(struct pgaddr **ap)
{
	struct pgaddr *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	loop_defer_cancel(&a->soon);
	a->fn = NULL;
	if (a->looking)
		uv_cancel((uv_req_t *)&a->lookup);
	else
		pgaddr_free(a);
}

static void
add_target(struct pgaddr *a, const char *addr)
{
	const char *comma = a->usable++ > 0 ? "," : "";

	strbuf_addf(&a->hosts, "%s%s", comma, a->host);
	strbuf_addf(&a->addrs, "%s%s", comma, addr);
	strbuf_addf(&a->ports, "%s%s", comma, a->port);
}

static bool
is_literal(const char *host)
{
	struct in6_addr any;

	return uv_inet_pton(AF_INET, host, &any) == 0 ||
	       uv_inet_pton(AF_INET6, host, &any) == 0;
}

/* One port for all hosts, or one for each (libpq's rule). */
static void
take_port(struct pgaddr *a)
{
	struct span port = { 0 };

	if (a->first || span_find(span_of(option(a, "port")), ',') >= 0) {
		span_cut(&a->port_rest, ',', &port);
		a->port = arena_span(a->arena, port);
	}
	a->first = false;
}

static void
look_up(struct pgaddr *a)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM };

	a->lookup.data = a;
	a->looking = true;
	io_must(uv_getaddrinfo(loop_uv(), &a->lookup, on_found, a->host, NULL,
			       &hints));
}

static void
next_host(struct pgaddr *a)
{
	struct span host;

	while (span_cut(&a->host_rest, ',', &host)) {
		a->host = arena_span(a->arena, host);
		take_port(a);
		if (is_literal(a->host)) {
			add_target(a, a->host);
		} else if (*a->host == '/' || *a->host == '@' ||
			   *a->host == '\0') {
			add_target(a, "");
		} else {
			look_up(a);
			return;
		}
	}
	finish(a);
}

static void
on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct pgaddr *a = req->data;
	char text[INET6_ADDRSTRLEN];

	a->looking = false;
	if (a->fn == NULL) {
		uv_freeaddrinfo(found);
		pgaddr_free(a);
		return;
	}
	if (status < 0)
		err_set(&a->err, ERR_NOT_FOUND, "host \"%s\": %s", a->host,
			uv_strerror(status));
	for (const struct addrinfo *i = found; i != NULL; i = i->ai_next)
		if (uv_ip_name(i->ai_addr, text, sizeof(text)) == 0)
			add_target(a, text);
	uv_freeaddrinfo(found);
	next_host(a);
}

/* The value that stands in the string, or what replaces it. */
static const char *
value_of(const struct pgaddr *a, const PQconninfoOption *o)
{
	for (size_t i = 0; a->extra[i] != NULL; i += 2)
		if (strcmp(a->extra[i], o->keyword) == 0)
			return a->extra[i + 1];
	if (a->usable == 0)
		return o->val;
	if (strcmp(o->keyword, "host") == 0)
		return strbuf_text(&a->hosts);
	if (strcmp(o->keyword, "hostaddr") == 0)
		return strbuf_text(&a->addrs);
	if (strcmp(o->keyword, "port") == 0)
		return strbuf_text(&a->ports);
	return o->val;
}

static void
tell(struct pgaddr *a)
{
	size_t n = 0, used = 0;
	const char **keywords, **values;

	while (a->options[n].keyword != NULL)
		n++;
	keywords = arena_array(a->arena, const char *, n + 1);
	values = arena_array(a->arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		const char *value = value_of(a, &a->options[i]);

		if (value == NULL)
			continue;
		keywords[used] = a->options[i].keyword;
		values[used++] = value;
	}
	a->fn(a->ctx, keywords, values, NULL);
}

static void
on_all(void *ctx)
{
	struct pgaddr *a = ctx;
	bool failed = a->err.code != ERR_NONE && a->usable == 0;

	a->soon = NULL;
	/* The owner may cancel in its callback only what is not ended. */
	if (failed)
		a->fn(a->ctx, NULL, NULL, &a->err);
	else
		tell(a);
	pgaddr_free(a);
}
