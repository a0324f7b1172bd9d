#include "base/manifest.h"

#include "base/manifest_diff.h"
#include "base/manifest_frame.h"
#include "base/mem.h"
#include "base/unit.h"

#define HASH_A \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEAD "gsb-manifest 1\nversion 7 123 primary\nsettings 2 " HASH_A "\n"

static struct manifest *
parsed(const char *text)
{
	struct err e = { 0 };
	struct manifest *m = manifest_parse(span_of(text), &e);

	if (m == NULL)
		fail_msg("%s", err_text(&e));
	return m;
}

static void
refused(struct span text, const char *words)
{
	struct err e = { 0 };
	struct manifest *m = manifest_parse(text, &e);

	unit_fails(m == NULL ? -1 : 0, &e, words);
	manifest_free(&m);
}

static void
test_it_is_read_and_written(void **state)
{
	static const char text[] = HEAD
	    "file 755 9 " HASH_A " clients/acme/a b.exe\n"
	    "file 644 0 " HASH_B " pages/-/\xc3\xa4.html\n"
	    "end 2\n";
	struct manifest *m = parsed(text);
	STRBUF_AUTO out = { 0 };

	assert_int_equal(m->version, 7);
	assert_int_equal(m->made_us, 123);
	assert_int_equal(m->bytes, 9);
	assert_null(m->override_reason);
	assert_int_equal(m->files[0].mode, 0755);
	assert_ptr_equal(manifest_find(m, "pages/-/\xc3\xa4.html"),
			 &m->files[1]);
	assert_null(manifest_find(m, "pages/-/a"));
	manifest_write(m, &out);
	assert_string_equal(strbuf_text(&out), text);
	manifest_free(&m);
}

static void
test_the_digest_is_of_the_content_alone(void **state)
{
	struct manifest *a = parsed(HEAD "end 0\n");
	struct manifest *b = parsed("gsb-manifest 1\n"
				    "version 8 9 override the key leaked\n"
				    "settings 2 " HASH_A "\nend 0\n");
	struct manifest *c = parsed("gsb-manifest 1\nversion 7 123 primary\n"
				    "settings 2 " HASH_B "\nend 0\n");

	assert_string_equal(b->override_reason, "the key leaked");
	assert_string_equal(a->digest, b->digest);
	assert_string_not_equal(a->digest, c->digest);
	manifest_free(&a);
	manifest_free(&b);
	manifest_free(&c);
}

#define FILE_LINE(path) HEAD "file 644 1 " HASH_A " " path "\nend 1\n"
#define TWO_LINES(a, b)                                                       \
	HEAD "file 644 1 " HASH_A " " a "\nfile 644 1 " HASH_B " " b "\nend " \
	     "2\n"

static const struct {
	const char *text, *words;
} hostile[] = {
	/* paths */
	{ FILE_LINE("/etc/passwd"), "begins with pages/ or clients/" },
	{ FILE_LINE("pages/../../etc/passwd"), "\"..\" may not be a part" },
	{ FILE_LINE("pages/acme/.."), "\"..\" may not be a part" },
	{ FILE_LINE("pages/./x"), "\".\" may not be a part" },
	{ FILE_LINE("pages//x"), "a part of the path is empty" },
	{ FILE_LINE("pages/acme/"), "a part of the path is empty" },
	{ FILE_LINE("pages/acme"), "needs a company and a name" },
	{ FILE_LINE("pages/acme/a\\b"), "byte 13 of the path is a control" },
	{ FILE_LINE("pages/acme/a\x01"), "byte 13 of the path is a control" },
	{ FILE_LINE("pages/acme/\xff"), "the path is not UTF-8" },
	{ FILE_LINE("objects/aa/x"), "begins with pages/ or clients/" },
	{ TWO_LINES("pages/a/b", "pages/a/b"), "not in order" },
	{ TWO_LINES("pages/a/c", "pages/a/b"), "not in order" },
	{ TWO_LINES("pages/a/b", "pages/a/b/c"), "a folder of another" },
	/* what is no regular file: links and devices have other modes */
	{ HEAD "file 120777 1 " HASH_A " pages/a/l\nend 1\n", "regular file" },
	{ HEAD "file 20666 0 " HASH_A " pages/a/d\nend 1\n", "regular file" },
	{ HEAD "file 4755 0 " HASH_A " pages/a/d\nend 1\n", "regular file" },
	{ HEAD "link 777 0 " HASH_A " pages/a/d\nend 1\n", "\"file ...\"" },
	/* sizes and hashes */
	{ HEAD "file 644 -1 " HASH_A " pages/a/b\nend 1\n", "file MODE SIZE" },
	{ HEAD "file 644 9223372036854775808 " HASH_A " pages/a/b\nend 1\n",
	  "file MODE SIZE" },
	{ HEAD "file 644 4611686018427387904 " HASH_A " pages/a/b\nend 1\n",
	  "too large together" },
	{ HEAD "file 644 1 ../../../../etc/passwd pages/a/b\nend 1\n",
	  "file MODE SIZE" },
	{ HEAD "file 644 1 A" HASH_A " pages/a/b\nend 1\n", "file MODE SIZE" },
	/* its frame */
	{ "", "line 1: must be" },
	{ "gsb-manifest 2\n", "line 1: must be" },
	{ "gsb-manifest 1\nversion 1 2\n", "line 2: must be" },
	{ "gsb-manifest 1\nversion 1 2 someone\n", "the origin is" },
	{ "gsb-manifest 1\nversion 1 2 primary\nsettings 2 x\n",
	  "line 3: must be" },
	{ HEAD, "\"end COUNT\"" },
	{ HEAD "end 0", "\"end COUNT\"" },
	{ HEAD "end 1\n", "the count is wrong" },
	{ HEAD "end 0\nend 0\n", "something stands behind" },
	{ HEAD "file 644 1 " HASH_A " pages/a/b\n", "\"end COUNT\"" },
};

static void
test_what_is_hostile_is_refused(void **state)
{
	static const char nul[] = FILE_LINE("pages/acme/a\0b");

	for (size_t i = 0; i < UNIT_COUNT(hostile); i++)
		refused(span_of(hostile[i].text), hostile[i].words);
	refused(span_make(nul, sizeof(nul) - 1), "a control character");
}

static void
test_what_is_huge_is_refused(void **state)
{
	STRBUF_AUTO text = { 0 };

	strbuf_adds(&text, HEAD "file 644 1 " HASH_A " pages/a");
	for (unsigned i = 0; i < 6; i++) {
		strbuf_addc(&text, '/');
		for (unsigned k = 0; k < 200; k++)
			strbuf_addc(&text, 'x');
	}
	strbuf_adds(&text, "\nend 1\n");
	refused(strbuf_span(&text), "longer than 1024 bytes");
	strbuf_reset(&text);
	strbuf_adds(&text, HEAD "file 644 1 " HASH_A " pages/a/");
	for (unsigned k = 0; k < 256; k++)
		strbuf_addc(&text, 'x');
	strbuf_adds(&text, "\nend 1\n");
	refused(strbuf_span(&text), "longer than 255 bytes");
	strbuf_reset(&text);
	strbuf_adds(&text, HEAD);
	for (unsigned i = 0; i <= MANIFEST_FILES_MAX; i++) {
		char line[] = "file 644 1 " HASH_A " pages/a/0000000\n";

		for (unsigned k = 0, n = i; n > 0; k++, n /= 10)
			line[sizeof(line) - 3 - k] += (char)(n % 10);
		strbuf_add(&text, line, sizeof(line) - 1);
	}
	strbuf_adds(&text, "end 1000001\n");
	refused(strbuf_span(&text), "too many files");
}

static void
test_one_file_is_put_changed_and_removed(void **state)
{
	struct manifest *m = parsed(TWO_LINES("pages/a/b", "pages/a/d"));
	struct manifest_entry e = m->files[0];
	struct manifest *more, *less;

	e.path = "pages/a/c";
	e.size = 40;
	more = manifest_with(m, e.path, &e);
	assert_int_equal(more->n, 3);
	assert_int_equal(more->bytes, 42);
	assert_string_equal(more->files[1].path, "pages/a/c");
	assert_string_not_equal(more->digest, m->digest);
	less = manifest_with(more, "pages/a/c", NULL);
	assert_string_equal(less->digest, m->digest);
	assert_int_equal(less->bytes, 2);
	manifest_free(&less);
	less = manifest_with(m, NULL, NULL);
	assert_string_equal(less->digest, m->digest);
	manifest_free(&less);
	manifest_free(&more);
	manifest_free(&m);
}

/* --- how two differ ---------------------------------------------------------
 */

static uint32_t
dice(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* Some of 40 paths, each with one of three contents. */
static struct manifest *
random_manifest(uint32_t *seed)
{
	STRBUF_AUTO text = { 0 };
	unsigned n = 0;

	strbuf_addf(&text,
		    "gsb-manifest 1\nversion %u 5 primary\nsettings %u " HASH_A
		    "\n",
		    dice(seed), dice(seed) % 2);
	for (unsigned i = 0; i < 40; i++) {
		unsigned roll = dice(seed) % 5;

		if (roll < 2)
			continue;
		strbuf_addf(&text, "file 644 %u " HASH_B " pages/a/%02u\n",
			    roll, i);
		n++;
	}
	strbuf_addf(&text, "end %u\n", n);
	return parsed(strbuf_text(&text));
}

static void
test_a_difference_gives_the_other_one(void **state)
{
	uint32_t seed = 1;

	for (unsigned i = 0; i < 100; i++) {
		struct manifest *a = random_manifest(&seed);
		struct manifest *b = random_manifest(&seed), *c;
		STRBUF_AUTO diff = { 0 };
		STRBUF_AUTO want = { 0 };
		STRBUF_AUTO got = { 0 };
		struct err e = { 0 };

		manifest_diff(a, b, &diff);
		c = manifest_patch(a, strbuf_span(&diff), &e);
		if (c == NULL)
			fail_msg("%s", err_text(&e));
		manifest_write(b, &want);
		manifest_write(c, &got);
		assert_string_equal(strbuf_text(&got), strbuf_text(&want));
		assert_string_equal(c->digest, b->digest);
		manifest_free(&a);
		manifest_free(&b);
		manifest_free(&c);
	}
}

static void
test_a_difference_is_small(void **state)
{
	struct manifest *a = parsed(TWO_LINES("pages/a/b", "pages/a/d"));
	struct manifest *b = manifest_with(a, "pages/a/b", NULL);
	STRBUF_AUTO diff = { 0 };

	manifest_diff(a, b, &diff);
	assert_string_equal(strbuf_text(&diff),
			    "gsb-manifest-diff 1\ngone 1\npages/a/b\n" HEAD
			    "end 0\n");
	manifest_free(&a);
	manifest_free(&b);
}

#define DIFF "gsb-manifest-diff 1\n"

static const struct {
	const char *text, *words;
} wrong_diffs[] = {
	{ "", "line 1 must be" },
	{ "gsb-manifest 1\n", "line 1 must be" },
	{ DIFF, "line 2 must be" },
	{ DIFF "gone -1\n" HEAD "end 0\n", "line 2 must be" },
	{ DIFF "gone 9223372036854775807\npages/a/b\n", "it ends among" },
	{ DIFF "gone 1\npages/a/x\n" HEAD "end 0\n", "was not there" },
	{ DIFF "gone 2\npages/a/d\npages/a/b\n" HEAD "end 0\n",
	  "out of order" },
	{ DIFF "gone 2\npages/a/b\npages/a/b\n" HEAD "end 0\n",
	  "was not there" },
	/* gone and there again */
	{ DIFF "gone 1\npages/a/b\n" FILE_LINE("pages/a/b"), "was not there" },
	/* what is there only becomes wrong together with the old */
	{ DIFF "gone 0\n" FILE_LINE("pages/a/b/c"), "a folder of another" },
	{ DIFF "gone 0\n" FILE_LINE("/etc/passwd"), "begins with pages/" },
	{ DIFF "gone 0\n" HEAD "end 1\n", "the count is wrong" },
};

static void
test_a_wrong_difference_is_refused(void **state)
{
	struct manifest *a = parsed(TWO_LINES("pages/a/b", "pages/a/d"));

	for (size_t i = 0; i < UNIT_COUNT(wrong_diffs); i++) {
		struct err e = { 0 };
		struct manifest *m = manifest_patch(
		    a, span_of(wrong_diffs[i].text), &e);

		unit_fails(m == NULL ? -1 : 0, &e, wrong_diffs[i].words);
		manifest_free(&m);
	}
	manifest_free(&a);
}

/* --- the frames of a stream -------------------------------------------------
 */

static void
test_frames(void **state)
{
	struct manifest_frame in = { MANIFEST_FRAME_FILE, 0xfedcba98,
				     UINT64_C(0x123456789abcdef0) };
	struct manifest_frame out;
	char raw[MANIFEST_FRAME_SIZE];
	struct err e = { 0 };

	manifest_frame_put(&in, raw);
	unit_works(manifest_frame_get(raw, &out, &e), &e);
	assert_int_equal(out.kind, in.kind);
	assert_int_equal(out.index, in.index);
	assert_true(out.length == in.length);
	raw[0] = 'Q';
	assert_int_equal(manifest_frame_get(raw, &out, &e), -1);
	raw[0] = 'F';
	raw[2] = 1;
	assert_int_equal(manifest_frame_get(raw, &out, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_read_and_written),
		cmocka_unit_test(test_the_digest_is_of_the_content_alone),
		cmocka_unit_test(test_what_is_hostile_is_refused),
		cmocka_unit_test(test_what_is_huge_is_refused),
		cmocka_unit_test(test_one_file_is_put_changed_and_removed),
		cmocka_unit_test(test_a_difference_gives_the_other_one),
		cmocka_unit_test(test_a_difference_is_small),
		cmocka_unit_test(test_a_wrong_difference_is_refused),
		cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
