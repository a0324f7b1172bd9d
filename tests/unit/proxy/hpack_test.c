/* What the encoder writes, nghttp2's decoder must read as it was meant. */
#include <ctype.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "base/unit.h"
#include "proxy/hpack.h"

static struct http_head head;
static char text[65536];
static char block[2 * sizeof(text)];

static void
parse(const char *lines)
{
	struct http_fault fault;
	int n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n",
			 lines);

	assert_in_range(n, 1, sizeof(text) - 1);
	assert_int_equal(http_response_parse(
			     &head, text, (size_t)n, HTTP_GET,
			     &(struct http_limits){ sizeof(text), 8192, 128 },
			     &fault),
			 0);
}

/* From `at` on; returns the block's length. */
static size_t
encode(struct hpack *t, size_t at, unsigned status)
{
	char *end = hpack_status(block + at, status);

	for (unsigned i = 0; i < head.nfields; i++)
		end = hpack_field(t, end, &head.fields[i]);
	assert_true((size_t)(end - block) <= at + HPACK_STATUS +
						 head.nfields * HPACK_FIELD +
						 strlen(text));
	return (size_t)(end - block);
}

static void
same_field(const nghttp2_nv *nv, const struct http_line *l)
{
	assert_int_equal(nv->namelen, l->name.len);
	for (size_t i = 0; i < nv->namelen; i++)
		assert_int_equal(nv->name[i],
				 tolower((unsigned char)l->name.at[i]));
	assert_int_equal(nv->valuelen, l->value.len);
	assert_memory_equal(nv->value, l->value.at, nv->valuelen);
}

/* The status, then the head's fields in their order, and nothing else. */
static void
decode(nghttp2_hd_inflater *in, size_t len, unsigned status)
{
	const uint8_t *at = (const uint8_t *)block;
	unsigned n = 0;
	int flags = 0;
	char digits[8];

	snprintf(digits, sizeof(digits), "%u", status);
	while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
		nghttp2_nv nv;
		ssize_t used = nghttp2_hd_inflate_hd2(in, &nv, &flags, at, len,
						      1);

		assert_true(used >= 0);
		at += used;
		len -= (size_t)used;
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0)
			continue;
		assert_true(n <= head.nfields);
		if (n++ == 0) {
			assert_memory_equal(nv.name, ":status", 7);
			assert_memory_equal(nv.value, digits, 3);
			continue;
		}
		same_field(&nv, &head.fields[n - 2]);
		if (head.fields[n - 2].id == HTTP_FIELD_SET_COOKIE)
			assert_int_equal(nv.flags, NGHTTP2_NV_FLAG_NO_INDEX);
	}
	assert_int_equal(n, head.nfields + 1);
	assert_int_equal(len, 0);
	nghttp2_hd_inflate_end_headers(in);
}

static void
test_what_comes_again_is_short(void **state)
{
	static const char lines[] =
	    "Server: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
	    "Content-Type: text/html; charset=utf-8\r\nVary: Cookie\r\n"
	    "Content-Length: 1024\r\nX-Frame-Options: DENY\r\n"
	    "Strict-Transport-Security: max-age=31536000\r\n"
	    "Accept-Ranges: bytes\r\nETag: \"65f1-400\"\r\nx: y\r\n";
	struct hpack *t = hpack_new();
	nghttp2_hd_inflater *in;
	size_t len[3];

	assert_int_equal(nghttp2_hd_inflate_new(&in), 0);
	parse(lines);
	for (int i = 0; i < 3; i++) {
		len[i] = encode(t, 0, 200);
		decode(in, len[i], 200);
	}
	assert_true(len[0] > 150);
	/* Status and seven lines, and three that are not put there. */
	assert_int_equal(len[1], 8 + (2 + 1 + 4) + (2 + 1 + 10) + 5);
	assert_int_equal(len[2], len[1]);
	nghttp2_hd_inflate_del(in);
	hpack_free(&t);
	assert_null(t);
}

static void
test_every_status(void **state)
{
	struct hpack *t = hpack_new();
	nghttp2_hd_inflater *in;

	assert_int_equal(nghttp2_hd_inflate_new(&in), 0);
	parse("");
	for (unsigned status = 200; status < 600; status++)
		decode(in, encode(t, 0, status), status);
	assert_int_equal(encode(t, 0, 404), 1);
	nghttp2_hd_inflate_del(in);
	hpack_free(&t);
}

static void
is_small(const char *in, const char *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = in[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 'a' - 'A');
		assert_int_equal(out[i], c);
	}
}

static void
test_small_letters(void **state)
{
	char in[256], out[256];

	for (int i = 0; i < 256; i++)
		in[i] = (char)i;
	for (size_t n = 0; n < 40; n++)
		for (size_t from = 0; from + n <= sizeof(in); from++) {
			char *end = hpack_small(out, span_make(in + from, n));

			assert_ptr_equal(end, out + n);
			is_small(in + from, out, n);
		}
}

static size_t
put_size(size_t at, uint32_t max)
{
	if (max < 31) {
		block[at++] = (char)(0x20 | max);
		return at;
	}
	block[at++] = 0x3f;
	for (max -= 31; max >= 128; max >>= 7)
		block[at++] = (char)(0x80 | (max & 0x7f));
	block[at++] = (char)max;
	return at;
}

/* As a client that changes its mind wants it: the smallest, then the last. */
static size_t
resize(struct hpack *t, nghttp2_hd_inflater *in)
{
	uint32_t least = (uint32_t)rand() % 600;
	uint32_t max = least + (uint32_t)rand() % (4097 - least);
	size_t at = put_size(put_size(0, least), max);

	assert_int_equal(nghttp2_hd_inflate_change_table_size(in, least), 0);
	assert_int_equal(nghttp2_hd_inflate_change_table_size(in, max), 0);
	assert_int_equal(hpack_resized(t, (uint8_t *)block, at), at);
	assert_int_equal(t->max, max);
	return at;
}

static size_t
add_line(char *to, size_t room)
{
	static const char *const names[] = {
		"Date", "Server",      "Set-Cookie",   "ETag",
		"X",    "x-long-name", "Content-Type", "Location",
		"Vary", "Retry-After", "Via",
	};
	int kind = rand() % 100;
	int len = kind < 80   ? rand() % 30
		  : kind < 99 ? rand() % 200
			      : rand() % 9000;
	/* Few values, so that many come again; some are of no length. */
	char letter = (char)('a' + rand() % 4);
	size_t n = (size_t)snprintf(
	    to, room, "%s: ", names[rand() % (int)UNIT_COUNT(names)]);

	if (kind % 2 == 0)
		len = kind / 5;
	if (n + (size_t)len + 3 > room)
		return 0;
	memset(to + n, letter, (size_t)len);
	memcpy(to + n + len, "\r\n", 3);
	return n + (size_t)len + 2;
}

static void
test_random_heads_and_sizes(void **state)
{
	static char lines[32768];

	for (unsigned seed = 1; seed <= 20; seed++) {
		struct hpack *t = hpack_new();
		nghttp2_hd_inflater *in;

		srand(seed);
		assert_int_equal(nghttp2_hd_inflate_new(&in), 0);
		for (int i = 0; i < 200; i++) {
			size_t at = 0, n = (size_t)rand() % 20;
			unsigned status = 200 + (unsigned)rand() % 400;

			lines[0] = '\0';
			for (; n > 0; n--)
				at += add_line(lines + at, sizeof(lines) - at);
			lines[at] = '\0';
			parse(lines);
			at = rand() % 20 == 0 ? resize(t, in) : 0;
			decode(in, encode(t, at, status), status);
		}
		nghttp2_hd_inflate_del(in);
		hpack_free(&t);
	}
}

static void
test_where_a_block_begins(void **state)
{
	struct hpack *t = hpack_new();

	assert_int_equal(hpack_resized(t, (const uint8_t *)"\x88", 1), 0);
	assert_int_equal(t->max, 4096);
	assert_int_equal(hpack_resized(t, (const uint8_t *)"\x20\x88", 2), 1);
	assert_int_equal(t->max, 0);
	assert_int_equal(
	    hpack_resized(t, (const uint8_t *)"\x20\x3f\xe1\x1f\x88", 5), 4);
	assert_int_equal(t->max, 4096);
	hpack_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_again_is_short),
		cmocka_unit_test(test_every_status),
		cmocka_unit_test(test_small_letters),
		cmocka_unit_test(test_random_heads_and_sizes),
		cmocka_unit_test(test_where_a_block_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
