/*
 * Whatever request the proxy accepts, the site reads the same one: method,
 * path, query, host, body, once our fields and nothing under their names
 * from the client. The same for answers, towards the client.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/head.h"
#include "proxy/detect.h"
#include "proxy/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_head before, after;
static const struct http_limits wide = { 1048576, 8192, HTTP_FIELDS_MAX };

static unsigned
count(const struct http_head *h, enum http_field id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->nfields; i++)
		n += h->fields[i].id == id;
	return n;
}

static void
check_ours(const struct http_head *h)
{
	assert(count(h, HTTP_FIELD_GSB_EPOCH) == 1);
	assert(span_is(http_head_find(h, HTTP_FIELD_GSB_EPOCH), "7"));
	assert(count(h, HTTP_FIELD_GSB_SITE) == 1);
	assert(span_is(http_head_find(h, HTTP_FIELD_GSB_SITE), "backup"));
	assert(count(h, HTTP_FIELD_GSB_REQUEST) == 1);
	assert(count(h, HTTP_FIELD_GSB_OTHER) == 0);
	assert(count(h, HTTP_FIELD_FORWARDED) == 1);
	assert(count(h, HTTP_FIELD_X_FORWARDED_FOR) == 1);
	assert(count(h, HTTP_FIELD_HOST) == 1);
	assert(count(h, HTTP_FIELD_EXPECT) == 0);
	assert(count(h, HTTP_FIELD_TE) == 0);
}

/* Where the method knows no target of its own the proxy answers itself. */
static void
check_request(const char *text, size_t len)
{
	struct rewrite in = { .head = &before,
			      .head_len = len,
			      .address = "127.0.0.1",
			      .forwarded = "X-Forwarded-For: 127.0.0.1\r\n",
			      .proto = "http",
			      .id = "0123456789012345678901",
			      .stamp_us = 1 };
	struct http_fault fault;
	struct detect d;
	char *out;
	size_t n;

	if (before.method == HTTP_CONNECT || before.nfields > 100)
		return;
	detect_path(before.path, before.upgrade.len > 0, &d);
	out = malloc(rewrite_request_size(&in));
	assert(out != NULL);
	n = rewrite_request(&in, out);
	rewrite_tail(out + n, 7, ROUTE_BACKUP);
	n += REWRITE_TAIL;
	assert(n <= rewrite_request_size(&in));
	if (http_request_parse(&after, out, n, &wide, &fault) != 0)
		abort();
	check_ours(&after);
	assert(span_eq(before.method_text, after.method_text));
	assert(span_eq(before.path, after.path));
	assert(span_eq(before.query, after.query));
	assert(before.host.len == 0 || span_eq(before.host, after.host));
	assert(before.body == after.body && before.length == after.length);
	assert(before.websocket == after.websocket);
	assert(after.minor == 1 && after.keep_alive);
	free(out);
}

static void
check_answer(const char *text, size_t len)
{
	struct http_fault fault;
	char *out;
	size_t n;

	if (before.nfields > HTTP_FIELDS_MAX - 2)
		return; /* with what is added: more than is read again */
	out = malloc(rewrite_answer_size(&before, len));
	assert(out != NULL);
	n = rewrite_answer(
	    &before, before.status == 101 ? REWRITE_UPGRADE : REWRITE_SILENT,
	    false, out);
	assert(n <= rewrite_answer_size(&before, len));
	if (http_response_parse(&after, out, n, HTTP_GET, &wide, &fault) != 0)
		abort();
	assert(before.status == after.status);
	assert(before.body == after.body && before.length == after.length);
	assert(count(&after, HTTP_FIELD_GSB_OTHER) == 0);
	assert(count(&after, HTTP_FIELD_GSB_EPOCH) == 0);
	assert(count(&after, HTTP_FIELD_GSB_NOT_PROCESSED) == 0);
	assert(count(&after, HTTP_FIELD_KEEP_ALIVE) == 0);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Its own block, so that reading beyond it is seen. */
	char *text = malloc(size + (size == 0));
	struct http_fault fault;
	size_t scanned = 0, len;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	len = http_head_end(text, size, &scanned);
	if (len > 0 &&
	    http_request_parse(&before, text, len, NULL, &fault) == 0)
		check_request(text, len);
	if (len > 0 && http_response_parse(&before, text, len, HTTP_GET, NULL,
					   &fault) == 0)
		check_answer(text, len);
	free(text);
	return 0;
}
