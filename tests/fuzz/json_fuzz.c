/* JSON: what is read, written and read again is the same value. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
get_all(const json_t *j)
{
	static const char *const paths[] = { "a", "a.b", "a.b.c", "", "." };
	struct err e;
	const char *s;
	json_t *sub;
	int64_t n;
	bool b;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		json_get_str(j, paths[i], &s, &e);
		json_get_int(j, paths[i], &n, &e);
		json_get_bool(j, paths[i], &b, &e);
		json_get_object(j, paths[i], &sub, &e);
		json_get_array(j, paths[i], &sub, &e);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	STRBUF_AUTO first = { 0 };
	STRBUF_AUTO second = { 0 };
	struct err e = { 0 };
	JSON_AUTO a = json_read(span_make((const char *)data, size), &e);
	JSON_AUTO b = NULL;

	if (a == NULL) {
		assert(span_starts(span_of(e.text), "JSON: line "));
		return 0;
	}
	get_all(a);
	json_write(a, JSON_SORTED, &first);
	b = json_read(strbuf_span(&first), &e);
	assert(b != NULL && json_equal(a, b));
	json_write(b, JSON_SORTED, &second);
	assert(span_eq(strbuf_span(&first), strbuf_span(&second)));
	return 0;
}
