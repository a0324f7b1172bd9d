#include "http/field.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "http/chars.h"

static const char *const names[] = {
	[HTTP_FIELD_OTHER] = "",
	[HTTP_FIELD_ACCEPT] = "Accept",
	[HTTP_FIELD_ACCEPT_ENCODING] = "Accept-Encoding",
	[HTTP_FIELD_AUTHORIZATION] = "Authorization",
	[HTTP_FIELD_CACHE_CONTROL] = "Cache-Control",
	[HTTP_FIELD_CONNECTION] = "Connection",
	[HTTP_FIELD_CONTENT_ENCODING] = "Content-Encoding",
	[HTTP_FIELD_CONTENT_LENGTH] = "Content-Length",
	[HTTP_FIELD_CONTENT_TYPE] = "Content-Type",
	[HTTP_FIELD_COOKIE] = "Cookie",
	[HTTP_FIELD_DATE] = "Date",
	[HTTP_FIELD_ETAG] = "ETag",
	[HTTP_FIELD_EXPECT] = "Expect",
	[HTTP_FIELD_FORWARDED] = "Forwarded",
	[HTTP_FIELD_GSB_EPOCH] = "GSB-Epoch",
	[HTTP_FIELD_GSB_NOT_PROCESSED] = "GSB-Not-Processed",
	[HTTP_FIELD_GSB_OTHER] = "",
	[HTTP_FIELD_GSB_OUTCOME] = "GSB-Outcome",
	[HTTP_FIELD_GSB_REQUEST] = "GSB-Request",
	[HTTP_FIELD_GSB_SITE] = "GSB-Site",
	[HTTP_FIELD_HOST] = "Host",
	[HTTP_FIELD_IDEMPOTENCY_KEY] = "Idempotency-Key",
	[HTTP_FIELD_IF_MODIFIED_SINCE] = "If-Modified-Since",
	[HTTP_FIELD_IF_NONE_MATCH] = "If-None-Match",
	[HTTP_FIELD_KEEP_ALIVE] = "Keep-Alive",
	[HTTP_FIELD_LINK] = "Link",
	[HTTP_FIELD_LOCATION] = "Location",
	[HTTP_FIELD_ORIGIN] = "Origin",
	[HTTP_FIELD_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
	[HTTP_FIELD_PROXY_AUTHORIZATION] = "Proxy-Authorization",
	[HTTP_FIELD_PROXY_CONNECTION] = "Proxy-Connection",
	[HTTP_FIELD_RANGE] = "Range",
	[HTTP_FIELD_REFERER] = "Referer",
	[HTTP_FIELD_RETRY_AFTER] = "Retry-After",
	[HTTP_FIELD_SEC_WEBSOCKET_KEY] = "Sec-WebSocket-Key",
	[HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL] = "Sec-WebSocket-Protocol",
	[HTTP_FIELD_SEC_WEBSOCKET_VERSION] = "Sec-WebSocket-Version",
	[HTTP_FIELD_SERVER] = "Server",
	[HTTP_FIELD_SET_COOKIE] = "Set-Cookie",
	[HTTP_FIELD_TE] = "TE",
	[HTTP_FIELD_TRAILER] = "Trailer",
	[HTTP_FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
	[HTTP_FIELD_UPGRADE] = "Upgrade",
	[HTTP_FIELD_USER_AGENT] = "User-Agent",
	[HTTP_FIELD_VIA] = "Via",
	[HTTP_FIELD_X_FORWARDED_FOR] = "X-Forwarded-For",
	[HTTP_FIELD_X_FORWARDED_HOST] = "X-Forwarded-Host",
	[HTTP_FIELD_X_FORWARDED_PROTO] = "X-Forwarded-Proto",
	[HTTP_FIELD_X_GSB_STATUS] = "X-GSB-Status",
};
static_assert(sizeof(names) / sizeof(names[0]) == HTTP_FIELD_COUNT,
	      "one name for each field");
static_assert(HTTP_FIELD_COUNT <= 64, "a bit for each field");

/*
 * A name's one candidate by its length, its first and its middle letter. Two
 * that met in one place would be refused by the compiler (-Woverride-init).
 */
enum { LENGTH_MAX = 22, SLOTS = 32 };
#define SLOT(first, middle) (((first) + (middle)) % SLOTS)
static const uint8_t by_length[LENGTH_MAX + 1][SLOTS] = {
	[2] = { [SLOT('t', 'e')] = HTTP_FIELD_TE },
	[3] = { [SLOT('v', 'i')] = HTTP_FIELD_VIA },
	[4] = { [SLOT('d', 't')] = HTTP_FIELD_DATE,
		[SLOT('e', 'a')] = HTTP_FIELD_ETAG,
		[SLOT('h', 's')] = HTTP_FIELD_HOST,
		[SLOT('l', 'n')] = HTTP_FIELD_LINK },
	[5] = { [SLOT('r', 'n')] = HTTP_FIELD_RANGE },
	[6] = { [SLOT('a', 'e')] = HTTP_FIELD_ACCEPT,
		[SLOT('c', 'k')] = HTTP_FIELD_COOKIE,
		[SLOT('e', 'e')] = HTTP_FIELD_EXPECT,
		[SLOT('o', 'g')] = HTTP_FIELD_ORIGIN,
		[SLOT('s', 'v')] = HTTP_FIELD_SERVER },
	[7] = { [SLOT('r', 'e')] = HTTP_FIELD_REFERER,
		[SLOT('t', 'i')] = HTTP_FIELD_TRAILER,
		[SLOT('u', 'r')] = HTTP_FIELD_UPGRADE },
	[8] = { [SLOT('g', 's')] = HTTP_FIELD_GSB_SITE,
		[SLOT('l', 't')] = HTTP_FIELD_LOCATION },
	[9] = { [SLOT('f', 'a')] = HTTP_FIELD_FORWARDED,
		[SLOT('g', 'e')] = HTTP_FIELD_GSB_EPOCH },
	[10] = { [SLOT('c', 'c')] = HTTP_FIELD_CONNECTION,
		 [SLOT('k', 'a')] = HTTP_FIELD_KEEP_ALIVE,
		 [SLOT('s', 'o')] = HTTP_FIELD_SET_COOKIE,
		 [SLOT('u', 'a')] = HTTP_FIELD_USER_AGENT },
	[11] = { [SLOT('g', 'u')] = HTTP_FIELD_GSB_OUTCOME,
		 [SLOT('g', 'e')] = HTTP_FIELD_GSB_REQUEST,
		 [SLOT('r', '-')] = HTTP_FIELD_RETRY_AFTER },
	[12] = { [SLOT('c', 't')] = HTTP_FIELD_CONTENT_TYPE,
		 [SLOT('x', 's')] = HTTP_FIELD_X_GSB_STATUS },
	[13] = { [SLOT('a', 'i')] = HTTP_FIELD_AUTHORIZATION,
		 [SLOT('c', 'c')] = HTTP_FIELD_CACHE_CONTROL,
		 [SLOT('i', 'e')] = HTTP_FIELD_IF_NONE_MATCH },
	[14] = { [SLOT('c', '-')] = HTTP_FIELD_CONTENT_LENGTH },
	[15] = { [SLOT('a', 'e')] = HTTP_FIELD_ACCEPT_ENCODING,
		 [SLOT('i', 'e')] = HTTP_FIELD_IDEMPOTENCY_KEY,
		 [SLOT('x', 'r')] = HTTP_FIELD_X_FORWARDED_FOR },
	[16] = { [SLOT('c', 'e')] = HTTP_FIELD_CONTENT_ENCODING,
		 [SLOT('p', 'n')] = HTTP_FIELD_PROXY_CONNECTION,
		 [SLOT('x', 'd')] = HTTP_FIELD_X_FORWARDED_HOST },
	[17] = { [SLOT('g', 'p')] = HTTP_FIELD_GSB_NOT_PROCESSED,
		 [SLOT('i', 'i')] = HTTP_FIELD_IF_MODIFIED_SINCE,
		 [SLOT('s', 'o')] = HTTP_FIELD_SEC_WEBSOCKET_KEY,
		 [SLOT('t', '-')] = HTTP_FIELD_TRANSFER_ENCODING,
		 [SLOT('x', 'd')] = HTTP_FIELD_X_FORWARDED_PROTO },
	[18] = { [SLOT('p', 'h')] = HTTP_FIELD_PROXY_AUTHENTICATE },
	[19] = { [SLOT('p', 'h')] = HTTP_FIELD_PROXY_AUTHORIZATION },
	[21] = { [SLOT('s', 'k')] = HTTP_FIELD_SEC_WEBSOCKET_VERSION },
	[22] = { [SLOT('s', 'e')] = HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL },
};

/* Bits in which 8 bytes may differ from those of a name: 0x20 of letters. */
static uint64_t
differ8(const char *at, const char *name)
{
	uint64_t a, b;

	memcpy(&a, at, sizeof(a));
	memcpy(&b, name, sizeof(b));
	return (a ^ b) & ~((b & UINT64_C(0x4040404040404040)) >> 1);
}

/* The same of 4. */
static uint32_t
differ4(const char *at, const char *name)
{
	uint32_t a, b;

	memcpy(&a, at, sizeof(a));
	memcpy(&b, name, sizeof(b));
	return (a ^ b) & ~((b & UINT32_C(0x40404040)) >> 1);
}

/*
 * Equal without case. name holds only letters, which have bit 0x40, and "-",
 * which has not. The last bytes may overlap those before.
 */
static bool
same(const char *at, const char *name, size_t len)
{
	size_t i = 0;

	if (len >= 8) {
		for (; i + 8 < len; i += 8)
			if (differ8(at + i, name + i) != 0)
				return false;
		return differ8(at + len - 8, name + len - 8) == 0;
	}
	if (len >= 4)
		return (differ4(at, name) |
			differ4(at + len - 4, name + len - 4)) == 0;
	for (; i < len; i++)
		if (((at[i] ^ name[i]) & ~((name[i] & 0x40) >> 1)) != 0)
			return false;
	return true;
}

enum http_field
http_field_id(struct span name)
{
	const char *at = name.at;

	if (name.len > 0 && name.len <= LENGTH_MAX) {
		unsigned slot = SLOT((unsigned char)at[0],
				     (unsigned char)at[name.len / 2]);
		enum http_field id = by_length[name.len][slot];

		if (id != HTTP_FIELD_OTHER && same(at, names[id], name.len))
			return id;
	}
	if (name.len >= 4 && (at[0] | 0x20) == 'g' && same(at, "GSB-", 4))
		return HTTP_FIELD_GSB_OTHER;
	return HTTP_FIELD_OTHER;
}

const char *
http_field_name(enum http_field id)
{
	return id < HTTP_FIELD_COUNT ? names[id] : "";
}

bool
http_field_hop_by_hop(enum http_field id)
{
	switch (id) {
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_KEEP_ALIVE:
	case HTTP_FIELD_PROXY_AUTHENTICATE:
	case HTTP_FIELD_PROXY_AUTHORIZATION:
	case HTTP_FIELD_PROXY_CONNECTION:
	case HTTP_FIELD_TE:
	case HTTP_FIELD_TRAILER:
	case HTTP_FIELD_TRANSFER_ENCODING:
	case HTTP_FIELD_UPGRADE:
		return true;
	default:
		return false;
	}
}

/* Bytes up to a comma outside of quotes. */
static size_t
element_length(struct span s)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.len && (quoted || s.at[i] != ','); i++) {
		if (s.at[i] == '"')
			quoted = !quoted;
		else if (quoted && s.at[i] == '\\')
			i += i + 1 < s.len;
	}
	return i;
}

bool
http_list_next(struct span *rest, struct span *element)
{
	while (rest->len > 0) {
		size_t n = element_length(*rest);

		*element = span_trim(span_make(rest->at, n));
		*rest = span_skip(*rest, n + 1);
		if (element->len > 0)
			return true;
	}
	return false;
}

bool
http_list_has(struct span list, const char *token)
{
	struct span element;

	while (http_list_next(&list, &element))
		if (span_iis(element, token))
			return true;
	return false;
}

static bool
all(struct span s, int class)
{
	for (size_t i = 0; i < s.len; i++)
		if (!http_char_is(s.at[i], class))
			return false;
	return true;
}

bool
http_token_valid(struct span s)
{
	return s.len > 0 && all(s, HTTP_CHAR_TOKEN);
}

bool
http_value_valid(struct span s)
{
	return all(s, HTTP_CHAR_VALUE);
}

static bool
port_valid(struct span s)
{
	uint64_t port;

	if (s.len == 0)
		return true;
	return s.at[0] == ':' &&
	       (s.len == 1 ||
		(s.len <= 6 && span_to_u64(span_skip(s, 1), &port) == 0 &&
		 port <= 65535));
}

/* IPv6address by its characters; "." for the IPv4 part. */
static bool
ip_literal_valid(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!http_char_is(s.at[i], HTTP_CHAR_HEX) && s.at[i] != ':' &&
		    s.at[i] != '.')
			return false;
	return span_find(s, ':') >= 0;
}

/* "%" and two hex digits. */
static bool
escapes_valid(struct span s)
{
	ptrdiff_t i;

	while ((i = span_find(s, '%')) >= 0) {
		s = span_skip(s, (size_t)i + 1);
		if (s.len < 2 || !http_char_is(s.at[0], HTTP_CHAR_HEX) ||
		    !http_char_is(s.at[1], HTTP_CHAR_HEX))
			return false;
	}
	return true;
}

bool
http_host_valid(struct span s)
{
	size_t n = 0;

	if (s.len > HTTP_HOST_MAX)
		return false;
	if (s.len > 0 && s.at[0] == '[') {
		ptrdiff_t end = span_find(s, ']');

		return end > 0 &&
		       ip_literal_valid(span_make(s.at + 1, (size_t)end - 1)) &&
		       port_valid(span_skip(s, (size_t)end + 1));
	}
	while (n < s.len && http_char_is(s.at[n], HTTP_CHAR_HOST))
		n++;
	if (!escapes_valid(span_make(s.at, n)))
		return false;
	return n > 0 && port_valid(span_skip(s, n));
}
