#include "proxy/frames.h"

#include "base/unit.h"

/* Frames of every length form, masked and not; ends[i]: where one ends. */
static char bytes[300000];
static bool ends[300000];
static size_t size;

static void
add(int first, size_t len, bool masked)
{
	int mask = masked ? 0x80 : 0;

	bytes[size++] = (char)first;
	if (len < 126) {
		bytes[size++] = (char)(mask | (int)len);
	} else if (len < 65536) {
		bytes[size++] = (char)(mask | 126);
		bytes[size++] = (char)(len >> 8);
		bytes[size++] = (char)len;
	} else {
		bytes[size++] = (char)(mask | 127);
		for (int i = 7; i >= 0; i--)
			bytes[size++] = (char)((uint64_t)len >> (8 * i));
	}
	if (masked)
		size += 4;
	memset(bytes + size, 0x88, len);
	size += len;
	ends[size] = true;
}

static int
setup(void **state)
{
	static const size_t lengths[] = { 0, 1, 125, 126, 127, 65535, 65536 };

	for (size_t i = 0; i < UNIT_COUNT(lengths); i++)
		for (int masked = 0; masked < 2; masked++)
			add(i == 0 ? 0x89 : 0x82, lengths[i] % 66000, masked);
	ends[0] = true;
	return 0;
}

static void
test_boundaries(void **state)
{
	struct frames f = { 0 };

	for (size_t i = 0; i < size; i++) {
		if (frames_between(&f) != ends[i])
			fail_msg("byte %zu of %zu", i, size);
		assert_int_equal(frames_follow(&f, bytes + i, 1, false), 1);
	}
	assert_true(frames_between(&f));
	assert_false(f.closed);
}

static void
test_all_at_once(void **state)
{
	struct frames f = { 0 };

	assert_int_equal(frames_follow(&f, bytes, size, false), size);
	assert_true(frames_between(&f));
	frames_follow(&f, "\x88", 1, false);
	assert_true(f.closed);
	assert_false(frames_between(&f));
}

/* From anywhere it stops at the next end. */
static void
test_stop(void **state)
{
	for (size_t from = 0; from < size; from += 97) {
		struct frames f = { 0 };
		size_t next = from;

		frames_follow(&f, bytes, from, false);
		while (!ends[next])
			next++;
		assert_int_equal(
		    frames_follow(&f, bytes + from, size - from, true),
		    next - from);
		assert_true(frames_between(&f));
	}
}

static void
test_close(void **state)
{
	char out[FRAMES_CLOSE_MAX];

	assert_int_equal(frames_close(1012, "moves", out), 9);
	assert_memory_equal(out, "\x88\x07\x03\xf4moves", 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
