#include "proxy/introduction.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "base/span.h"

#define V1_MAX 107
#define V2_HEAD 16
#define TRUST_MAX 64

static const char v2_magic[] = "\r\n\r\n\0\r\nQUIT\n";

struct network {
	unsigned bits;
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct introduction_trust {
	unsigned n;
	struct network all[TRUST_MAX];
};

static int
set_port(struct span text, in_port_t *out)
{
	uint64_t n;

	if (span_to_u64(text, &n) < 0 || n > 65535)
		return -1;
	*out = htons((uint16_t)n);
	return 0;
}

/* "TCP4 FROM TO FROMPORT TOPORT" */
static int
parse_v1_fields(struct span line, struct introduction *out)
{
	struct span part[5];
	char from[64], to[64];
	uint8_t unused[16];
	in_port_t port;
	int family;

	for (int i = 0; i < 5; i++)
		if (!span_cut(&line, ' ', &part[i]) || part[i].len == 0)
			return -1;
	family = span_is(part[0], "TCP4") ? AF_INET : AF_INET6;
	if ((family == AF_INET6 && !span_is(part[0], "TCP6")) ||
	    line.at != NULL || !span_copy(part[1], from, sizeof(from)) ||
	    !span_copy(part[2], to, sizeof(to)) ||
	    inet_pton(family, to, unused) != 1 || set_port(part[4], &port) != 0)
		return -1;
	out->named = true;
	out->from.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		return inet_pton(AF_INET, from, &out->from.v4.sin_addr) == 1
			   ? set_port(part[3], &out->from.v4.sin_port)
			   : -1;
	return inet_pton(AF_INET6, from, &out->from.v6.sin6_addr) == 1
		   ? set_port(part[3], &out->from.v6.sin6_port)
		   : -1;
}

static int
parse_v1(struct span text, struct introduction *out)
{
	ptrdiff_t end = span_find(text, '\n');
	struct span line;

	if (end < 0)
		return text.len < V1_MAX ? 0 : -1;
	if (end + 1 > V1_MAX || end < 1 || text.at[end - 1] != '\r')
		return -1;
	line = span_skip(span_make(text.at, (size_t)end - 1), 6);
	if (span_is(line, "UNKNOWN") || span_starts(line, "UNKNOWN "))
		return (int)end + 1;
	return parse_v1_fields(line, out) == 0 ? (int)end + 1 : -1;
}

static void
take_v4(const uint8_t *at, struct introduction *out)
{
	out->named = true;
	out->from.v4.sin_family = AF_INET;
	memcpy(&out->from.v4.sin_addr, at, 4);
	memcpy(&out->from.v4.sin_port, at + 8, 2);
}

static void
take_v6(const uint8_t *at, struct introduction *out)
{
	out->named = true;
	out->from.v6.sin6_family = AF_INET6;
	memcpy(&out->from.v6.sin6_addr, at, 16);
	memcpy(&out->from.v6.sin6_port, at + 32, 2);
}

static int
parse_v2(struct span text, struct introduction *out)
{
	const uint8_t *at = (const uint8_t *)text.at;
	size_t len;

	if (text.len < V2_HEAD)
		return 0;
	len = (size_t)at[14] << 8 | at[15];
	if (at[12] >> 4 != 2 || (at[12] & 15) > 1 ||
	    len > INTRODUCTION_MAX - V2_HEAD)
		return -1;
	if (text.len < V2_HEAD + len)
		return 0;
	if ((at[12] & 15) == 0) /* LOCAL: its own question */
		return V2_HEAD + (int)len;
	if (at[13] == 0x11 && len >= 12)
		take_v4(at + V2_HEAD, out);
	else if (at[13] == 0x21 && len >= 36)
		take_v6(at + V2_HEAD, out);
	else if (at[13] == 0x11 || at[13] == 0x21)
		return -1;
	return V2_HEAD + (int)len;
}

static bool
may_begin(struct span text, const char *with, size_t n)
{
	return memcmp(text.at, with, text.len < n ? text.len : n) == 0;
}

int
introduction_parse(const char *at, size_t len, struct introduction *out)
{
	struct span text = span_make(at, len);

	memset(out, 0, sizeof(*out));
	if (len == 0)
		return 0;
	if (may_begin(text, "PROXY ", 6))
		return len < 6 ? 0 : parse_v1(text, out);
	if (may_begin(text, v2_magic, 12))
		return len < 12 ? 0 : parse_v2(text, out);
	return -1;
}

static void
widen(const void *v4, uint8_t out[static 16])
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, v4, 4);
}

static int
parse_network(struct span text, struct network *out)
{
	struct span rest = span_trim(text), host;
	struct in_addr v4;
	uint64_t bits;
	char name[64];

	if (!span_cut(&rest, '/', &host) ||
	    !span_copy(host, name, sizeof(name)))
		return -1;
	out->bits = 128;
	if (inet_pton(AF_INET, name, &v4) == 1) {
		widen(&v4, out->address);
		if (rest.at == NULL)
			return 0;
		if (span_to_u64(rest, &bits) < 0 || bits > 32)
			return -1;
		out->bits = 96 + (unsigned)bits;
		return 0;
	}
	if (inet_pton(AF_INET6, name, out->address) != 1)
		return -1;
	if (rest.at == NULL)
		return 0;
	if (span_to_u64(rest, &bits) < 0 || bits > 128)
		return -1;
	out->bits = (unsigned)bits;
	return 0;
}

struct introduction_trust *
introduction_trust_new(const char *list, struct err *e)
{
	struct introduction_trust *t = mem_new(struct introduction_trust);
	struct span rest = span_of(list), one;

	while (list[0] != '\0' && span_cut(&rest, ',', &one)) {
		if (t->n < TRUST_MAX &&
		    parse_network(one, &t->all[t->n++]) == 0)
			continue;
		err_set(e, ERR_INVALID,
			"\"%.*s\" is no network such as 10.0.0.0/8 or ::1 (at "
			"most %d)",
			SPAN_ARG(span_trim(one)), TRUST_MAX);
		introduction_trust_free(&t);
		return NULL;
	}
	return t;
}

void
introduction_trust_free(struct introduction_trust **tp)
{
	mem_free(*tp);
	*tp = NULL;
}

static bool
is_in(const struct network *n, const uint8_t *address)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->address, address, whole) != 0)
		return false;
	return rest == 0 ||
	       (n->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool
introduction_trusts(const struct introduction_trust *t,
		    const struct sockaddr *who)
{
	uint8_t address[16];

	if (t == NULL || t->n == 0)
		return false;
	if (who->sa_family == AF_INET)
		widen(&((const struct sockaddr_in *)who)->sin_addr, address);
	else if (who->sa_family == AF_INET6)
		memcpy(address, &((const struct sockaddr_in6 *)who)->sin6_addr,
		       16);
	else
		return false;
	for (unsigned i = 0; i < t->n; i++)
		if (is_in(&t->all[i], address))
			return true;
	return false;
}
