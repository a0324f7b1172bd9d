#include <string.h>

#include "http/chars.h"
#include "http/head_parse.h"

enum { METHOD_BYTES_MAX = 32 };

static int
bad(struct head_parse *p, const char *what)
{
	return head_parse_fail(p, 400, what);
}

static int
read_method(struct head_parse *p)
{
	const char *from = p->at;

	p->at = http_chars_skip_token(p->begin, from, p->end);
	p->h->method_text = span_make(from, (size_t)(p->at - from));
	if (p->at == from)
		return bad(p, "the request line does not begin with a method");
	if (p->at - from > METHOD_BYTES_MAX)
		return head_parse_fail(p, 501, "the method is too long");
	if (p->at == p->end || *p->at != ' ')
		return bad(p, "no single blank after the method");
	p->at++;
	p->h->method = http_method_id(p->h->method_text);
	return 0;
}

static int
read_target(struct head_parse *p)
{
	const char *from = p->at;
	size_t len;

	p->at = http_chars_skip_target(p->begin, from, p->end);
	len = (size_t)(p->at - from);
	p->h->target = span_make(from, len);
	if (len > p->limits->target_bytes)
		return head_parse_fail(p, 414,
				       "the request target is too long");
	if (p->at == p->end || *p->at == '\r' || *p->at == '\n')
		return bad(p, "the request line has no HTTP version");
	if (*p->at != ' ')
		return bad(p, "invalid character in the request target");
	if (len == 0)
		return bad(p, "the request target is empty");
	p->at++;
	return 0;
}

static void
split_query(struct http_head *h, struct span s)
{
	ptrdiff_t mark = span_find(s, '?');

	h->path = s;
	if (mark < 0)
		return;
	h->path.len = (size_t)mark;
	h->query = span_make(s.at + mark + 1, s.len - (size_t)mark - 1);
}

/* http://host[:port][/path][?query] */
static int
split_absolute(struct head_parse *p)
{
	struct http_head *h = p->h;
	struct span s = h->target;
	size_t n = 0;

	if (s.len > 7 && span_iis(span_make(s.at, 7), "http://"))
		s = span_skip(s, 7);
	else if (s.len > 8 && span_iis(span_make(s.at, 8), "https://"))
		s = span_skip(s, 8);
	else
		return bad(p, "the request target is neither a path nor an "
			      "http URL");
	while (n < s.len && s.at[n] != '/' && s.at[n] != '?')
		n++;
	h->form = HTTP_FORM_ABSOLUTE;
	h->host = span_make(s.at, n);
	if (!http_host_valid(h->host))
		return bad(p, "invalid host in the request target");
	split_query(h, span_make(s.at + n, s.len - n));
	/* RFC 9112 3.2.4: of OPTIONS it is the server as a whole. */
	if (h->path.len == 0)
		h->path = span_of(
		    h->method == HTTP_OPTIONS && h->query.at == NULL ? "*"
								     : "/");
	return 0;
}

/* host:port, of CONNECT alone */
static int
split_authority(struct head_parse *p)
{
	struct span t = p->h->target;

	p->h->form = HTTP_FORM_AUTHORITY;
	p->h->host = t;
	if (!http_host_valid(t) || span_find(t, ':') < 0 ||
	    t.at[t.len - 1] < '0' || t.at[t.len - 1] > '9')
		return bad(p, "CONNECT needs host:port");
	return 0;
}

static int
split_target(struct head_parse *p)
{
	struct http_head *h = p->h;

	if (h->method == HTTP_CONNECT)
		return split_authority(p);
	if (span_is(h->target, "*")) {
		if (h->method != HTTP_OPTIONS)
			return bad(p, "the target * is for OPTIONS alone");
		h->form = HTTP_FORM_ASTERISK;
		h->path = h->target;
		return 0;
	}
	if (h->target.at[0] == '/')
		split_query(h, h->target);
	else if (split_absolute(p) < 0)
		return -1;
	if (span_find(h->path, '\\') >= 0)
		return bad(p, "a backslash in the path");
	return 0;
}

static int
check_host(struct head_parse *p)
{
	if (p->hosts > 1)
		return bad(p, "several Host fields");
	if (p->hosts == 0) {
		if (p->h->minor > 0)
			return bad(p, "HTTP/1.1 without Host");
		return 0;
	}
	if (!http_host_valid(p->host))
		return bad(p, "Host is not a host with an optional port");
	if (p->h->host.at != NULL && !span_ieq(p->h->host, p->host))
		return bad(p, "Host differs from the request target");
	p->h->host = p->host;
	return 0;
}

static int
judge_body(struct head_parse *p)
{
	struct http_head *h = p->h;

	if (p->codings > 0) {
		h->body = HTTP_BODY_CHUNKED;
	} else if (p->lengths > 0) {
		h->body = HTTP_BODY_LENGTH;
		h->length = p->length;
	}
	if (h->body == HTTP_BODY_NONE || (p->lengths > 0 && h->length == 0))
		return 0;
	if (h->method == HTTP_CONNECT || h->method == HTTP_TRACE)
		return bad(p, "a body where the method knows none");
	if (h->websocket)
		return bad(p, "a body in a request for a WebSocket");
	h->expect_continue = p->expect && h->minor > 0;
	return 0;
}

int
http_request_parse(struct http_head *h, const char *buf, size_t head_len,
		   const struct http_limits *limits, struct http_fault *fault)
{
	struct head_parse p = {
		.h = h, .limits = limits, .fault = fault, .fault_status = 400
	};

	if (head_parse_begin(&p, buf, head_len) < 0 || read_method(&p) < 0 ||
	    read_target(&p) < 0 || head_parse_version(&p) < 0 ||
	    head_parse_line_end(&p) < 0 || head_parse_fields(&p) < 0 ||
	    split_target(&p) < 0 || check_host(&p) < 0)
		return -1;
	h->websocket = h->method == HTTP_GET &&
		       http_list_has(h->upgrade, "websocket");
	return judge_body(&p);
}
