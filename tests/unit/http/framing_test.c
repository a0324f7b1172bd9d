#include "http/framing.h"

#include "base/strbuf.h"
#include "base/unit.h"

struct outcome {
	enum http_body_result rc;
	size_t used;
	struct strbuf content;
};

/* Feeds text in pieces of `step` bytes until the body ends. */
static struct outcome
feed(struct http_body *b, const char *text, size_t len, size_t step)
{
	struct outcome o = { .rc = HTTP_BODY_MORE };

	while (o.rc == HTTP_BODY_MORE && o.used < len) {
		size_t left = len - o.used;
		size_t end = o.used + (left < step ? left : step);

		do {
			struct span data;
			size_t n;

			o.rc = http_body_next(b, text + o.used, end - o.used,
					      &n, &data);
			o.used += n;
			if (o.rc == HTTP_BODY_DATA)
				strbuf_add_span(&o.content, data);
		} while (o.rc == HTTP_BODY_DATA);
	}
	return o;
}

static void
chunked(const char *text, const char *content, const char *rest)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		struct http_body b;
		struct outcome o;

		http_body_init(&b, HTTP_BODY_CHUNKED, 0);
		o = feed(&b, text, strlen(text), step);
		assert_int_equal(o.rc, HTTP_BODY_DONE);
		assert_string_equal(strbuf_text(&o.content), content);
		assert_string_equal(text + o.used, rest);
		assert_int_equal(b.total, strlen(content));
		strbuf_fini(&o.content);
	}
}

static void
test_chunked(void **state)
{
	chunked("0\r\n\r\n", "", "");
	chunked("5\r\nhello\r\n0\r\n\r\nGET", "hello", "GET");
	chunked("0005\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n\r\n",
		"hello0123456789", "\r\n");
	chunked("1;a=b;c=\"d;e\"\r\nx\r\n1 \t;f\r\ny\r\n0;g\r\n\r\n", "xy", "");
	chunked("1\r\nx\r\n0\r\nX-Sum: 5\r\nDate:\r\n\r\nnext", "x", "next");
	chunked("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "");
}

static void
refuses(const char *text, size_t len, const char *what)
{
	for (size_t step = 1; step <= len; step++) {
		struct http_body b;
		struct outcome o;
		struct span data;
		size_t n;

		http_body_init(&b, HTTP_BODY_CHUNKED, 0);
		o = feed(&b, text, len, step);
		strbuf_fini(&o.content);
		if (o.rc != HTTP_BODY_BAD)
			fail_msg("accepted: %s", text);
		if (strstr(b.what, what) == NULL)
			fail_msg("\"%s\": %s, not %s", text, b.what, what);
		assert_int_equal(http_body_next(&b, "x", 1, &n, &data),
				 HTTP_BODY_BAD);
		assert_int_equal(n, 0);
	}
}

static void
test_chunked_refuses(void **state)
{
#define REFUSES(text, what) refuses(text, sizeof(text) - 1, what)
	REFUSES("\r\n", "hexadecimal");
	REFUSES("x\r\n", "hexadecimal");
	REFUSES(" 1\r\nx\r\n", "hexadecimal");
	REFUSES("-1\r\n", "hexadecimal");
	REFUSES("+1\r\n", "hexadecimal");
	REFUSES("0x1\r\n", "hexadecimal");
	REFUSES("1,1\r\n", "hexadecimal");
	REFUSES("1_0\r\n", "hexadecimal");
	REFUSES("1\nx\r\n", "hexadecimal");
	REFUSES("\0", "hexadecimal");
	REFUSES("1 \r\nx\r\n", "after the chunk size");
	REFUSES("1 x\r\n", "after the chunk size");
	REFUSES("1\r\rx", "CR LF");
	REFUSES("1\rx", "CR LF");
	REFUSES("00000000000000001\r\n", "more than 16 digits");
	REFUSES("8000000000000000\r\n", "too large");
	REFUSES("ffffffffffffffff\r\n", "too large");
	REFUSES("1\r\nxy\r\n", "chunk does not end");
	REFUSES("1\r\nx\n", "chunk does not end");
	REFUSES("1\r\nx\r0\r\n", "chunk does not end");
	REFUSES("1;a\nx\r\n", "control character");
	REFUSES("1;a\0\r\n", "control character");
	REFUSES("1;a\r\r\n", "CR LF");
	REFUSES("0\r\nA : b\r\n\r\n", "trailer name");
	REFUSES("0\r\n: b\r\n\r\n", "trailer name");
	REFUSES("0\r\n b\r\n\r\n", "trailer name");
	REFUSES("0\r\nA: b\r\n c\r\n\r\n", "trailer name");
	REFUSES("0\r\nA: b\n\r\n", "control character");
	REFUSES("0\r\nA: \x01\r\n\r\n", "control character");
	REFUSES("0\r\nA\r\n\r\n", "trailer name");
	REFUSES("0\r\nA: b\r\r\n", "CR LF");
	REFUSES("0\r\n\rx", "CR LF");
	REFUSES("0\r\n\n", "trailer name");
	REFUSES("0\r\nContent-Length: 5\r\n\r\n", "not allowed");
	REFUSES("0\r\ntransfer-encoding: chunked\r\n\r\n", "not allowed");
	REFUSES("0\r\nHost: x\r\n\r\n", "not allowed");
	REFUSES("0\r\nGSB-Request: x\r\n\r\n", "not allowed");
	REFUSES("0\r\nGSB-Something-That-Is-Very-Long: x\r\n\r\n",
		"not allowed");
	REFUSES("0\r\nAuthorization: x\r\n\r\n", "not allowed");
}

static void
test_limits(void **state)
{
	STRBUF_AUTO text = { 0 };

	strbuf_adds(&text, "1;");
	for (int i = 0; i <= HTTP_CHUNK_LINE_MAX; i++)
		strbuf_addc(&text, 'a');
	refuses(text.at, text.len, "extensions are too long");
	strbuf_reset(&text);
	for (int i = 0; i <= HTTP_CHUNK_WASTE_MAX / 200; i++)
		strbuf_addf(&text, "1;%0199d\r\nx\r\n", 5);
	refuses(text.at, text.len, "extensions are too long");
	strbuf_reset(&text);
	strbuf_addf(&text, "0\r\nA: %0*d\r\n\r\n", HTTP_TRAILER_MAX, 5);
	refuses(text.at, text.len, "trailers are too long");
}

static void
test_length(void **state)
{
	for (size_t step = 1; step < 8; step++) {
		struct http_body b;
		struct outcome o;

		http_body_init(&b, HTTP_BODY_LENGTH, 5);
		o = feed(&b, "helloGET", 8, step);
		assert_int_equal(o.rc, HTTP_BODY_DONE);
		assert_int_equal(o.used, 5);
		assert_string_equal(strbuf_text(&o.content), "hello");
		strbuf_fini(&o.content);
	}
}

static void
test_empty_bodies_are_done_at_once(void **state)
{
	struct http_body b;
	struct span data;
	size_t n = 9;

	http_body_init(&b, HTTP_BODY_NONE, 0);
	assert_int_equal(http_body_next(&b, NULL, 0, &n, &data),
			 HTTP_BODY_DONE);
	assert_int_equal(n, 0);
	http_body_init(&b, HTTP_BODY_LENGTH, 0);
	assert_int_equal(http_body_next(&b, "x", 1, &n, &data), HTTP_BODY_DONE);
	assert_int_equal(n, 0);
	http_body_init(&b, HTTP_BODY_CHUNKED, 0);
	assert_int_equal(http_body_next(&b, NULL, 0, &n, &data),
			 HTTP_BODY_MORE);
}

static void
test_until_close(void **state)
{
	struct http_body b;
	struct span data;
	size_t n;

	http_body_init(&b, HTTP_BODY_UNTIL_CLOSE, 0);
	assert_int_equal(http_body_next(&b, "abc", 3, &n, &data),
			 HTTP_BODY_DATA);
	unit_span_is(data, "abc");
	assert_int_equal(n, 3);
	assert_int_equal(http_body_next(&b, NULL, 0, &n, &data),
			 HTTP_BODY_MORE);
	assert_int_equal(http_body_close(&b), HTTP_BODY_DONE);
}

static void
test_close_within_the_body(void **state)
{
	struct http_body b;
	size_t n;

	http_body_init(&b, HTTP_BODY_LENGTH, 5);
	assert_int_equal(http_body_pass(&b, "abcd", 4, &n), HTTP_BODY_MORE);
	assert_int_equal(http_body_close(&b), HTTP_BODY_BAD);
	assert_string_equal(b.what, "the connection ended within the body");
	http_body_init(&b, HTTP_BODY_CHUNKED, 0);
	assert_int_equal(http_body_pass(&b, "1\r\nx\r\n0\r\n", 9, &n),
			 HTTP_BODY_MORE);
	assert_int_equal(http_body_close(&b), HTTP_BODY_BAD);
	http_body_init(&b, HTTP_BODY_LENGTH, 1);
	assert_int_equal(http_body_pass(&b, "ab", 2, &n), HTTP_BODY_DONE);
	assert_int_equal(n, 1);
	assert_int_equal(http_body_close(&b), HTTP_BODY_DONE);
}

static void
test_writer(void **state)
{
	char out[HTTP_CHUNK_HEAD_MAX];

	unit_span_is(span_make(out, http_chunk_head(out, 0)), "0\r\n");
	unit_span_is(span_make(out, http_chunk_head(out, 0x1f40)), "1f40\r\n");
	unit_span_is(span_make(out, http_chunk_head(out, UINT64_MAX)),
		     "ffffffffffffffff\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_chunked_refuses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_empty_bodies_are_done_at_once),
		cmocka_unit_test(test_until_close),
		cmocka_unit_test(test_close_within_the_body),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
