#include "http/chars.h"
#include "http/head_parse.h"
#include "http/status.h"

static int
bad(struct head_parse *p, const char *what)
{
	return head_parse_fail(p, 502, what);
}

/* SP 3DIGIT SP reason; the second blank is there without a reason too. */
static int
read_status(struct head_parse *p)
{
	const char *at = p->at;
	const char *end;
	uint64_t status;

	if (p->end - at < 5 || at[0] != ' ' || at[4] != ' ' ||
	    span_to_u64(span_make(at + 1, 3), &status) < 0 || status < 100 ||
	    status > 599)
		return bad(p, "the status line is malformed");
	p->h->status = (uint16_t)status;
	end = http_chars_skip_value(p->begin, at + 5, p->end);
	p->h->reason = span_make(at + 5, (size_t)(end - at) - 5);
	p->at = end;
	return 0;
}

static int
judge_body(struct head_parse *p, enum http_method method)
{
	struct http_head *h = p->h;
	bool tunnel = method == HTTP_CONNECT && h->status / 100 == 2;

	if ((h->status < 200 || h->status == 204 || tunnel) &&
	    (p->codings > 0 || (p->lengths > 0 && p->length > 0)))
		return bad(p, "a body where the status knows none");
	if (method == HTTP_HEAD || http_status_bodyless(h->status) || tunnel)
		return 0;
	if (p->codings > 0) {
		h->body = HTTP_BODY_CHUNKED;
	} else if (p->lengths > 0) {
		h->body = HTTP_BODY_LENGTH;
		h->length = p->length;
	} else {
		h->body = HTTP_BODY_UNTIL_CLOSE;
		h->keep_alive = false;
	}
	return 0;
}

int
http_response_parse(struct http_head *h, const char *buf, size_t head_len,
		    enum http_method method, const struct http_limits *limits,
		    struct http_fault *fault)
{
	struct head_parse p = {
		.h = h, .limits = limits, .fault = fault, .fault_status = 502
	};

	if (head_parse_begin(&p, buf, head_len) < 0 ||
	    head_parse_version(&p) < 0 || read_status(&p) < 0 ||
	    head_parse_line_end(&p) < 0 || head_parse_fields(&p) < 0)
		return -1;
	h->method = method;
	h->websocket = h->status == 101 &&
		       http_list_has(h->upgrade, "websocket");
	return judge_body(&p, method);
}
