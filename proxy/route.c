/*
 * Companies are a hash table with open addressing over their folded names;
 * at most half of the slots are taken, so a search always ends.
 */
#include "proxy/route.h"

#include <assert.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "proxy/trust.h"

struct route_companies {
	atomic_uint holders;
	size_t mask;
	char *text; /* of all names */
	struct span slots[];
};

static const char *const site_names[] = { "primary", "backup" };
static_assert(sizeof(site_names) / sizeof(site_names[0]) == ROUTE_SITES,
	      "one name for each site");
static const char *const service_names[] = { "web", "collab" };
static_assert(sizeof(service_names) / sizeof(service_names[0]) ==
		  ROUTE_SERVICES,
	      "one name for each service");
static const char *const mode_names[] = { "serve", "hold", "closed" };
static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == ROUTE_CLOSED + 1,
	      "one name for each mode");

struct route_snapshot *
route_copy(const struct route_snapshot *from)
{
	struct route_snapshot *s = mem_dup(from, sizeof(*from));
	size_t bytes = from->nredirects * sizeof(*from->redirects);

	if (from->redirects != NULL)
		s->redirects = mem_dup(from->redirects, bytes);
	s->companies = route_companies_hold(from->companies);
	s->trust = trust_hold(from->trust);
	return s;
}

void
route_free(struct route_snapshot **sp)
{
	struct route_snapshot *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	route_companies_free(&s->companies);
	trust_drop(&s->trust);
	mem_free((void *)s->redirects);
	mem_free(s);
}

/* The host without brackets and the port behind the last colon. */
static int
split_address(const char *text, char host[static 128], const char **port)
{
	struct span all = span_of(text);
	const char *colon = strrchr(text, ':');

	if (colon == NULL || colon[1] == '\0')
		return -1;
	*port = colon + 1;
	all.len = (size_t)(colon - text);
	if (all.len >= 2 && all.at[0] == '[' && all.at[all.len - 1] == ']')
		all = span_make(all.at + 1, all.len - 2);
	else if (span_find(all, ':') >= 0)
		return -1;
	return all.len > 0 && span_copy(all, host, 128) ? 0 : -1;
}

int
route_address_parse(const char *text, struct route_address *out, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found;
	const char *port;
	uint64_t number;
	int rc;

	memset(out, 0, sizeof(*out));
	out->tls = span_starts(span_of(text), "https://");
	if (split_address(text + (out->tls ? 8 : 0), out->host, &port) != 0 ||
	    !span_copy(span_of(text), out->text, sizeof(out->text)))
		return err_set(e, ERR_INVALID,
			       "\"%s\" is no address: HOST:PORT or [V6]:PORT",
			       text);
	if (span_to_u64(span_of(port), &number) < 0 || number > 65535)
		return err_set(e, ERR_INVALID,
			       "\"%s\": the port must be 0 to 65535", text);
	rc = getaddrinfo(out->host, port, &hints, &found);
	if (rc != 0)
		return err_set(e, ERR_NOT_FOUND, "address \"%s\": %s", text,
			       gai_strerror(rc));
	memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* FNV-1a over the folded name. */
static size_t
hash_name(struct span name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < name.len; i++) {
		h ^= (unsigned char)fold(name.at[i]);
		h *= UINT64_C(1099511628211);
	}
	return (size_t)(h ^ (h >> 32));
}

static size_t
find_slot(const struct route_companies *c, struct span name)
{
	size_t i = hash_name(name) & c->mask;

	while (c->slots[i].at != NULL && !span_ieq(c->slots[i], name))
		i = (i + 1) & c->mask;
	return i;
}

struct route_companies *
route_companies_new(const struct span *names, size_t n)
{
	struct route_companies *c;
	size_t slots = 8, bytes = 1;
	char *text;

	while (slots < 2 * n)
		slots *= 2;
	for (size_t i = 0; i < n; i++)
		bytes += names[i].len;
	c = mem_alloc(sizeof(*c) + slots * sizeof(c->slots[0]));
	atomic_init(&c->holders, 1);
	c->mask = slots - 1;
	c->text = text = mem_alloc(bytes);
	for (size_t i = 0; i < n; i++) {
		if (names[i].len > 0)
			memcpy(text, names[i].at, names[i].len);
		c->slots[find_slot(c, names[i])] = span_make(text,
							     names[i].len);
		text += names[i].len;
	}
	return c;
}

struct route_companies *
route_companies_hold(struct route_companies *c)
{
	if (c != NULL)
		atomic_fetch_add(&c->holders, 1);
	return c;
}

void
route_companies_free(struct route_companies **cp)
{
	struct route_companies *c = *cp;

	*cp = NULL;
	if (c == NULL || atomic_fetch_sub(&c->holders, 1) != 1)
		return;
	mem_free(c->text);
	mem_free(c);
}

bool
route_companies_has(const struct route_companies *c, struct span name)
{
	return name.len > 0 && c->slots[find_slot(c, name)].at != NULL;
}

static enum route_site
site_of(const struct route_snapshot *s, struct span company,
	enum route_service service)
{
	for (size_t i = 0; i < s->nredirects; i++) {
		const struct route_redirect *r = &s->redirects[i];

		if (r->service[service] &&
		    (r->company[0] == '\0' ||
		     span_ieq(span_of(r->company), company)))
			return r->to;
	}
	return s->active;
}

struct route_pick
route_pick(const struct route_snapshot *s, struct span company)
{
	struct route_pick pick = { .verdict = ROUTE_TO };

	pick.site = site_of(s, company, ROUTE_WEB);
	if (s->mode == ROUTE_HOLD) {
		pick.verdict = ROUTE_WAIT;
		pick.why = "a switch of sites is under way";
	} else if (s->mode == ROUTE_CLOSED) {
		pick.verdict = ROUTE_REFUSE;
		pick.why = "no site may serve now";
	} else if (s->upstream[pick.site][ROUTE_WEB].address.len == 0) {
		pick.verdict = ROUTE_REFUSE;
		pick.why = "the site has no address";
	}
	return pick;
}

struct route_pick
route_pick_room(const struct route_snapshot *s, enum route_site letter)
{
	const struct route_upstream
	    *collab = &s->upstream[letter][ROUTE_COLLAB];
	struct route_pick pick = { .verdict = ROUTE_TO, .site = letter };

	if (collab->granted && collab->address.len > 0)
		return pick;
	pick.verdict = s->mode == ROUTE_HOLD || collab->coming ? ROUTE_WAIT
							       : ROUTE_REFUSE;
	pick.why = "the meeting's collaboration service does not serve now";
	return pick;
}

const char *
route_site_name(enum route_site s)
{
	return site_names[s];
}

const char *
route_service_name(enum route_service s)
{
	return service_names[s];
}

const char *
route_mode_name(enum route_mode m)
{
	return mode_names[m];
}
