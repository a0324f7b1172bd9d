/*
 * Paths, queries and forms: what is decoded and encoded again decodes to
 * the same, and no segment of a path can be taken for something else.
 */
#include <assert.h>
#include <stdint.h>

#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_decode(struct span in, enum url_plus plus)
{
	STRBUF_AUTO plain = { 0 };
	STRBUF_AUTO coded = { 0 };
	STRBUF_AUTO again = { 0 };
	struct err e = { 0 };

	if (url_decode(in, plus, &plain, &e) < 0) {
		assert(e.code == ERR_INVALID && plain.len == 0);
		return;
	}
	url_encode(strbuf_span(&plain), &coded);
	assert(url_decode(strbuf_span(&coded), plus, &again, &e) == 0);
	assert(span_eq(strbuf_span(&plain), strbuf_span(&again)));
}

static void
check_path(struct span in)
{
	STRBUF_AUTO buf = { 0 };
	STRBUF_AUTO coded = { 0 };
	STRBUF_AUTO buf2 = { 0 };
	struct url_path p, p2;
	struct err e = { 0 };

	if (url_path_parse(in, strbuf_reserve(&buf, in.len), in.len, &p, &e) <
	    0)
		return;
	assert(p.n <= URL_SEGMENTS_MAX);
	for (unsigned i = 0; i < p.n; i++) {
		assert(p.seg[i].len > 0 && span_find(p.seg[i], '/') < 0);
		assert(!span_is(p.seg[i], ".") && !span_is(p.seg[i], ".."));
		strbuf_addc(&coded, '/');
		url_encode(p.seg[i], &coded);
	}
	assert(url_path_parse(strbuf_span(&coded),
			      strbuf_reserve(&buf2, coded.len), coded.len, &p2,
			      &e) == 0);
	assert(p.n == p2.n);
	for (unsigned i = 0; i < p.n; i++)
		assert(span_eq(p.seg[i], p2.seg[i]));
}

static void
check_pairs(struct span in)
{
	STRBUF_AUTO value = { 0 };
	struct span rest = in;
	struct span name, raw;
	struct err e = { 0 };
	size_t total = 0;

	while (url_pair_next(&rest, &name, &raw)) {
		total += name.len + raw.len + 1;
		assert(total <= in.len + 1);
	}
	if (url_pair_get(in, "XML", &value, &e) < 0)
		assert(e.code == ERR_INVALID);
	assert(value.len <= in.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);

	check_decode(in, URL_PLUS_KEEP);
	check_decode(in, URL_PLUS_BLANK);
	check_path(in);
	check_pairs(in);
	return 0;
}
