/*
 * Heads of requests and responses: the end is found at the same place
 * however the bytes come in, what is accepted holds nothing that two readers
 * could take differently, and written again it reads the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
end_by_steps(const char *buf, size_t len, size_t step)
{
	size_t scanned = 0;
	size_t end = 0;

	for (size_t n = step; end == 0; n += step) {
		end = http_head_end(buf, n < len ? n : len, &scanned);
		if (n >= len)
			break;
	}
	return end;
}

static void
check_inside(struct span s, const char *buf, size_t len)
{
	if (s.len > 0 && !span_is(s, "/") && !span_is(s, "*"))
		assert(s.at >= buf && s.at + s.len <= buf + len);
}

static void
check_accepted(const struct http_head *h, const char *buf, size_t len)
{
	check_inside(h->path, buf, len);
	check_inside(h->query, buf, len);
	check_inside(h->host, buf, len);
	check_inside(h->upgrade, buf, len);
	assert(memchr(buf, '\0', len) == NULL);
	for (size_t i = 0; i < len; i++)
		assert((buf[i] == '\n') == (i > 0 && buf[i - 1] == '\r'));
	for (unsigned i = 0; i < h->nfields; i++) {
		assert(http_token_valid(h->fields[i].name));
		assert(http_value_valid(h->fields[i].value));
		check_inside(h->fields[i].value, buf, len);
	}
	assert(h->body == HTTP_BODY_LENGTH || h->length == 0);
}

static void
write_fields(const struct http_head *h, struct strbuf *out)
{
	for (unsigned i = 0; i < h->nfields; i++) {
		strbuf_add_span(out, h->fields[i].name);
		strbuf_adds(out, ":");
		strbuf_add_span(out, h->fields[i].value);
		strbuf_adds(out, "\r\n");
	}
	strbuf_adds(out, "\r\n");
}

static void
check_same(const struct http_head *a, const struct http_head *b)
{
	assert(a->method == b->method && a->status == b->status);
	assert(span_eq(a->target, b->target) && span_eq(a->path, b->path));
	assert(span_eq(a->host, b->host) && span_eq(a->query, b->query));
	assert(a->minor == b->minor && a->body == b->body);
	assert(a->length == b->length && a->keep_alive == b->keep_alive);
	assert(a->websocket == b->websocket && a->nfields == b->nfields);
	assert(a->expect_continue == b->expect_continue);
	for (unsigned i = 0; i < a->nfields; i++)
		assert(a->fields[i].id == b->fields[i].id &&
		       span_eq(a->fields[i].value, b->fields[i].value));
}

static void
request(const char *buf, size_t len)
{
	STRBUF_AUTO again = { 0 };
	struct http_fault fault = { 0 };
	struct http_head h, h2;

	if (http_request_parse(&h, buf, len, NULL, &fault) < 0) {
		assert(fault.status >= 400 && fault.what != NULL);
		return;
	}
	check_accepted(&h, buf, len);
	strbuf_add_span(&again, h.method_text);
	strbuf_adds(&again, " ");
	strbuf_add_span(&again, h.target);
	strbuf_addf(&again, " HTTP/1.%d\r\n", h.minor);
	write_fields(&h, &again);
	if (again.len > len) /* at a limit, or it had no blanks */
		return;
	assert(http_request_parse(&h2, again.at, again.len, NULL, &fault) == 0);
	check_same(&h, &h2);
}

static void
response(const char *buf, size_t len)
{
	static const enum http_method methods[] = { HTTP_GET, HTTP_HEAD,
						    HTTP_CONNECT };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct http_fault fault = { 0 };
		struct http_head h;

		if (http_response_parse(&h, buf, len, methods[i], NULL,
					&fault) == 0)
			check_accepted(&h, buf, len);
		else
			assert(fault.status == 502);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *buf = (const char *)data;
	size_t end = end_by_steps(buf, size, size > 0 ? size : 1);
	size_t len = end > 0 ? end : size;
	char *copy;

	for (size_t step = 1; step < size && step < 20; step++)
		assert(end_by_steps(buf, size, step) == end);
	copy = malloc(len > 0 ? len : 1);
	assert(copy != NULL);
	memcpy(copy, buf, len);
	request(copy, len);
	response(copy, len);
	free(copy);
	return 0;
}
