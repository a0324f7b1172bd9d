#include "io/delta.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/unit.h"

#define SIZE (300 * 1024)

/* An open file without a name. */
static int
file_of(struct span data)
{
	char name[] = "/tmp/delta-test-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, data.at, data.len), (ssize_t)data.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static uint32_t
dice(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void
fill(char *at, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (char)dice(&seed);
}

static void
signature_of(struct span old, struct strbuf *out)
{
	int fd = file_of(old);
	struct err e = { 0 };

	unit_works(delta_signature(fd, (int64_t)old.len, out, &e), &e);
	close(fd);
}

/* What a delta has, read in pieces of `piece`. */
static void
delta_of(struct span signature, struct span new, int64_t from, size_t piece,
	 struct strbuf *out)
{
	struct err e = { 0 };
	struct delta_make *m = delta_make_new(signature, file_of(new), from,
					      &e);
	ssize_t n;

	if (m == NULL)
		fail_msg("%s", err_text(&e));
	while ((n = delta_make_read(m, strbuf_reserve(out, piece), piece, &e)) >
	       0)
		out->len += (size_t)n;
	assert_int_equal(n, 0);
	delta_make_free(&m);
}

static int
take(void *ctx, struct span piece, struct err *e)
{
	strbuf_add_span(ctx, piece);
	return 0;
}

static int
patched(struct span old, struct span delta, size_t piece, struct strbuf *out,
	struct err *e)
{
	int fd = file_of(old), rc = 0;
	struct delta_patch *p = delta_patch_new(fd, take, out);

	for (size_t at = 0; at < delta.len && rc == 0; at += piece) {
		struct span rest = span_skip(delta, at);

		rest.len = rest.len < piece ? rest.len : piece;
		rc = delta_patch_add(p, rest, e);
	}
	if (rc == 0)
		rc = delta_patch_end(p, e);
	delta_patch_free(&p);
	close(fd);
	return rc;
}

/* All the way round; the sizes of what goes over the wire. */
static void
round_trip(struct span old, struct span new, int64_t from, size_t piece,
	   size_t *wire)
{
	STRBUF_AUTO sig = { 0 };
	STRBUF_AUTO delta = { 0 };
	STRBUF_AUTO got = { 0 };
	struct err e = { 0 };

	signature_of(old, &sig);
	delta_of(strbuf_span(&sig), new, from, piece, &delta);
	unit_works(patched(old, strbuf_span(&delta), piece, &got, &e), &e);
	assert_true(span_eq(strbuf_span(&got), span_skip(new, (size_t)from)));
	*wire = sig.len + delta.len;
}

static void
test_the_new_file_comes_out(void **state)
{
	static char old[SIZE], new[SIZE];
	static const size_t pieces[] = { 1, 7, 4096, 1 << 20 };
	size_t wire;

	fill(old, SIZE, 1);
	memcpy(new, old, SIZE);
	fill(new + SIZE / 2, 1000, 2);
	for (size_t i = 0; i < UNIT_COUNT(pieces); i++) {
		round_trip(span_make(old, SIZE), span_make(new, SIZE), 0,
			   pieces[i], &wire);
		assert_in_range(wire, 1000, SIZE / 20);
	}
	/* from an offset, as a copy goes on that was cut */
	round_trip(span_make(old, SIZE), span_make(new, SIZE), 12345, 4096,
		   &wire);
	round_trip(span_make(old, SIZE), span_make(new, SIZE), SIZE, 4096,
		   &wire);
	/* shorter, longer, moved, empty, all other bytes */
	round_trip(span_make(old, SIZE), span_make(new, SIZE / 3), 0, 4096,
		   &wire);
	round_trip(span_make(old, SIZE / 3), span_make(new, SIZE), 0, 4096,
		   &wire);
	round_trip(span_make(old, SIZE), span_make(new + 777, SIZE - 777), 0,
		   4096, &wire);
	assert_in_range(wire, 1000, SIZE / 20);
	round_trip(span_make(old, SIZE), span_make(new, 0), 0, 4096, &wire);
	fill(new, SIZE, 3);
	round_trip(span_make(old, SIZE), span_make(new, SIZE), 0, 4096, &wire);
}

/* Holes: a large file costs the test nothing on the disk. */
static void
test_a_signature_of_a_large_file_is_bounded(void **state)
{
	char name[] = "/tmp/delta-test-XXXXXX";
	int fd = mkstemp(name);
	int64_t size = INT64_C(1) << 40;
	STRBUF_AUTO sig = { 0 };
	struct err e = { 0 };

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	/* Blocks as for a file of 1 TiB, of which this is 1/16384. */
	unit_works(delta_signature(fd, size, &sig, &e), &e);
	assert_true(sig.len < DELTA_SIGNATURE_MAX / 16384 + 100);
	strbuf_reset(&sig);
	unit_works(delta_signature(fd, 64 << 20, &sig, &e), &e);
	assert_true(sig.len < DELTA_SIGNATURE_MAX);
	close(fd);
}

static void
test_a_wrong_signature_is_refused(void **state)
{
	static const char nonsense[] = "this is no signature of a file";
	struct err e = { 0 };
	int fd = file_of(span_of("new"));

	assert_null(delta_make_new(span_of(nonsense), fd, 0, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_non_null(strstr(err_text(&e), "the signature is not one"));
}

static void
test_a_wrong_delta_is_refused(void **state)
{
	static char old[SIZE];
	STRBUF_AUTO sig = { 0 };
	STRBUF_AUTO delta = { 0 };
	STRBUF_AUTO got = { 0 };
	struct span whole;
	struct err e = { 0 };

	fill(old, SIZE, 1);
	signature_of(span_make(old, SIZE), &sig);
	delta_of(strbuf_span(&sig), span_make(old, SIZE), 0, 4096, &delta);
	whole = strbuf_span(&delta);
	/* cut at each byte of its head, and before its end */
	for (size_t len = 0; len < whole.len; len++) {
		unit_fails(patched(span_make(old, SIZE),
				   span_make(whole.at, len), 4096, &got, &e),
			   &e, "delta");
		if (len == 16)
			len = whole.len > 32 ? whole.len - 16 : len;
	}
	/* what it copies is not there */
	unit_fails(patched(span_make(old, 10), whole, 4096, &got, &e), &e,
		   "delta");
	unit_fails(patched(span_make(old, SIZE), span_of("rs and nonsense"),
			   4096, &got, &e),
		   &e, "delta");
	strbuf_addc(&delta, 'x');
	unit_fails(
	    patched(span_make(old, SIZE), strbuf_span(&delta), 4096, &got, &e),
	    &e, "something stands behind the delta");
}

static int
refuse(void *ctx, struct span piece, struct err *e)
{
	return err_set(e, ERR_LIMIT, "the disk is full");
}

static void
test_what_cannot_be_written_is_told(void **state)
{
	static char old[SIZE];
	STRBUF_AUTO sig = { 0 };
	STRBUF_AUTO delta = { 0 };
	struct err e = { 0 };
	struct delta_patch *p;
	int fd;

	fill(old, SIZE, 1);
	signature_of(span_make(old, SIZE), &sig);
	delta_of(strbuf_span(&sig), span_make(old, SIZE), 0, 4096, &delta);
	fd = file_of(span_make(old, SIZE));
	p = delta_patch_new(fd, refuse, NULL);
	unit_fails(delta_patch_add(p, strbuf_span(&delta), &e), &e,
		   "the disk is full");
	assert_int_equal(e.code, ERR_LIMIT);
	delta_patch_free(&p);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_new_file_comes_out),
		cmocka_unit_test(test_a_signature_of_a_large_file_is_bounded),
		cmocka_unit_test(test_a_wrong_signature_is_refused),
		cmocka_unit_test(test_a_wrong_delta_is_refused),
		cmocka_unit_test(test_what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
