#include "http/head.h"

#include <stddef.h>
#include <string.h>

#include "http/chars.h"
#include "http/head_parse.h"
#include "http/scan.h"

size_t
http_head_end(const char *buf, size_t len, size_t *scanned)
{
	const char *end = buf + len;
	const char *at = http_chars_find_end(buf, buf + *scanned, end);

	if (at < end)
		return (size_t)(at - buf) + 1;
	*scanned = len;
	return 0;
}

size_t
http_head_lead(const char *buf, size_t len)
{
	return len >= 2 && buf[0] == '\r' && buf[1] == '\n' ? 2 : 0;
}

struct span
http_head_find(const struct http_head *h, enum http_field id)
{
	if ((h->seen & HTTP_FIELD_BIT(id)) == 0)
		return (struct span){ 0 };
	for (unsigned i = 0; i < h->nfields; i++)
		if (h->fields[i].id == id)
			return h->fields[i].value;
	return (struct span){ 0 };
}

struct span
http_head_named(const struct http_head *h, const char *name)
{
	for (unsigned i = 0; i < h->nfields; i++)
		if (span_iis(h->fields[i].name, name))
			return h->fields[i].value;
	return (struct span){ 0 };
}

int
head_parse_fail(struct head_parse *p, int status, const char *what)
{
	p->fault->status = p->fault_status == 502 ? 502 : status;
	p->fault->what = what;
	return -1;
}

static int
bad(struct head_parse *p, const char *what)
{
	return head_parse_fail(p, 400, what);
}

int
head_parse_begin(struct head_parse *p, const char *buf, size_t len)
{
	static const struct http_limits standard = HTTP_LIMITS_DEFAULT;

	memset(p->h, 0, offsetof(struct http_head, fields));
	p->begin = p->at = buf;
	p->end = buf + len;
	if (p->limits == NULL)
		p->limits = &standard;
	if (len > p->limits->head_bytes)
		return head_parse_fail(p, 431, "the head is too large");
	return 0;
}

int
head_parse_version(struct head_parse *p)
{
	const char *v = p->at;

	if (p->end - v < 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' ||
	    v[5] > '9' || v[6] != '.' || v[7] < '0' || v[7] > '9')
		return bad(p, "the HTTP version is malformed");
	if (v[5] != '1' || v[7] > '1')
		return head_parse_fail(p, 505,
				       "only HTTP/1.0 and HTTP/1.1 are spoken");
	p->h->minor = (uint8_t)(v[7] - '0');
	p->at += 8;
	return 0;
}

int
head_parse_line_end(struct head_parse *p)
{
	if (p->at < p->end && *p->at == '\n')
		return bad(p, "a line ends with a bare LF");
	if (p->at < p->end && *p->at != '\r')
		return bad(p, "control character in the head");
	if (p->end - p->at < 2 || p->at[1] != '\n')
		return bad(p, "a bare CR in the head");
	p->at += 2;
	return 0;
}

/* One or more digits, nothing else; a list is refused too. */
static int
on_length(struct head_parse *p, struct span value)
{
	uint64_t n;

	if (span_to_u64(value, &n) < 0 || n > INT64_MAX)
		return bad(p, "Content-Length is not one number");
	if (p->lengths++ > 0)
		return bad(p, "several Content-Length fields");
	p->length = n;
	return 0;
}

/* chunked alone is known; anything else before it is not implemented. */
static int
on_coding(struct head_parse *p, struct span value)
{
	struct span rest = value;
	unsigned n = 0, chunked = 0;
	bool last = false;
	struct span coding;

	if (p->codings++ > 0)
		return bad(p, "several Transfer-Encoding fields");
	if (span_iis(value, "chunked"))
		return 0;
	while (http_list_next(&rest, &coding)) {
		last = span_iis(coding, "chunked");
		chunked += last;
		n++;
	}
	if (n > 1 && last && chunked == 1)
		return head_parse_fail(p, 501,
				       "no transfer coding but chunked");
	return bad(p, "Transfer-Encoding is not chunked");
}

static int
on_connection(struct head_parse *p, struct span value)
{
	struct span option;

	/* What nearly all messages say; its length tells before its letters. */
	if (value.len == 10 && span_iis(value, "keep-alive")) {
		p->keep_alive = true;
		return 0;
	}
	if (value.len == 5 && span_iis(value, "close")) {
		p->close = true;
		return 0;
	}
	if (value.len == 7 && span_iis(value, "upgrade")) {
		p->names_upgrade = true;
		return 0;
	}
	p->h->names_fields = true;
	while (http_list_next(&value, &option)) {
		enum http_field id;

		if (!http_token_valid(option))
			return bad(p, "Connection is not a list of tokens");
		p->close |= span_iis(option, "close");
		p->keep_alive |= span_iis(option, "keep-alive");
		p->names_upgrade |= span_iis(option, "upgrade");
		id = http_field_id(option);
		if (id == HTTP_FIELD_HOST || id == HTTP_FIELD_CONTENT_LENGTH)
			return bad(p, "Connection lists an end-to-end field");
	}
	return 0;
}

static int
on_field(struct head_parse *p, const struct http_line *line)
{
	switch (line->id) {
	case HTTP_FIELD_HOST:
		p->hosts++;
		p->host = line->value;
		return 0;
	case HTTP_FIELD_CONTENT_LENGTH:
		return on_length(p, line->value);
	case HTTP_FIELD_TRANSFER_ENCODING:
		return on_coding(p, line->value);
	case HTTP_FIELD_CONNECTION:
		return on_connection(p, line->value);
	case HTTP_FIELD_UPGRADE:
		p->upgrades++;
		p->upgrade = line->value;
		return 0;
	case HTTP_FIELD_EXPECT:
		p->expect = true;
		if (p->fault_status == 400 &&
		    !span_iis(line->value, "100-continue"))
			return head_parse_fail(p, 417,
					       "Expect is not 100-continue");
		return 0;
	default:
		return 0;
	}
}

/* Those that on_field looks at. */
static const uint64_t acted_on = HTTP_FIELD_BIT(HTTP_FIELD_HOST) |
				 HTTP_FIELD_BIT(HTTP_FIELD_CONTENT_LENGTH) |
				 HTTP_FIELD_BIT(HTTP_FIELD_TRANSFER_ENCODING) |
				 HTTP_FIELD_BIT(HTTP_FIELD_CONNECTION) |
				 HTTP_FIELD_BIT(HTTP_FIELD_UPGRADE) |
				 HTTP_FIELD_BIT(HTTP_FIELD_EXPECT);

/* The name from the cursor to at is none, or no colon follows. */
static int
bad_name(struct head_parse *p, const char *at)
{
	if (http_char_blank(*p->at))
		return bad(p, "a folded field line");
	if (at < p->end && *at == ':')
		return bad(p, "a field without a name");
	if (at < p->end && http_char_blank(*at))
		return bad(p, "a blank before the colon of a field");
	if (at < p->end && *at == '\n')
		return bad(p, "a line ends with a bare LF");
	return bad(p, "invalid character in a field name");
}

/* Returns what follows the line, or NULL. */
static const char *
field_line(struct head_parse *p, const char *name, struct http_line *line)
{
	const char *end = p->end, *colon, *from, *to;

	colon = scan_skip_token(p->begin, name, end);
	if (colon == end || *colon != ':' || colon == name) {
		p->at = name;
		bad_name(p, colon);
		return NULL;
	}
	from = colon + 1;
	while (from < end && http_char_blank(*from))
		from++;
	to = scan_skip_value(p->begin, from, end);
	if (end - to < 2 || to[0] != '\r' || to[1] != '\n') {
		p->at = to;
		head_parse_line_end(p); /* it names the fault */
		return NULL;
	}
	p->at = to + 2;
	while (to > from && http_char_blank(to[-1]))
		to--;
	line->name = span_make(name, (size_t)(colon - name));
	line->value = span_make(from, (size_t)(to - from));
	line->id = http_field_id(line->name);
	return p->at;
}

static int
field_lines(struct head_parse *p, unsigned limit)
{
	const char *at = p->at, *end = p->end;
	struct http_line *line = p->h->fields;
	unsigned n = 0;
	uint64_t seen = 0;

	for (; at < end && *at != '\r'; n++, line++) {
		uint64_t bit;

		if (n == limit)
			return head_parse_fail(p, 431, "too many fields");
		at = field_line(p, at, line);
		if (at == NULL)
			return -1;
		bit = HTTP_FIELD_BIT(line->id);
		seen |= bit;
		if ((bit & acted_on) != 0 && on_field(p, line) < 0)
			return -1;
	}
	p->h->nfields = n;
	p->h->seen = seen;
	return 0;
}

int
head_parse_fields(struct head_parse *p)
{
	unsigned limit = p->limits->fields;

	if (limit > HTTP_FIELDS_MAX)
		limit = HTTP_FIELDS_MAX;
	if (field_lines(p, limit) < 0)
		return -1;
	if (head_parse_line_end(p) < 0)
		return -1;
	if (p->at != p->end)
		return bad(p, "bytes after the head");
	if (p->upgrades > 1)
		return bad(p, "several Upgrade fields");
	if (p->lengths > 0 && p->codings > 0)
		return bad(p, "both Content-Length and Transfer-Encoding");
	if (p->codings > 0 && p->h->minor == 0)
		return bad(p, "Transfer-Encoding in HTTP/1.0");
	p->h->keep_alive = !p->close && (p->h->minor > 0 || p->keep_alive);
	if (p->names_upgrade && p->upgrades > 0 && p->h->minor > 0)
		p->h->upgrade = p->upgrade;
	return 0;
}
