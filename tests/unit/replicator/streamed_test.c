/* Blocks in, whole transactions out: what aborted is not in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pgoutput.h"
#include "replicator/streamed.h"

struct fixture {
	char dir[32];
	struct streamed *streamed;
	struct strbuf out;       /* the message to be fed */
	struct strbuf relations; /* told, one after another */
	struct strbuf voids;     /* the parts, likewise */
	struct streamed_whole whole;
	struct err e;
};

/* A block of a transaction that is streamed before its end. */
static void
pgoutput_stream_start(struct strbuf *out, uint32_t xid, bool first)
{
	strbuf_addc(out, 'S');
	pgoutput_int(out, xid, 4);
	pgoutput_int(out, first, 1);
}

static void
pgoutput_stream_commit(struct strbuf *out, uint32_t xid, uint64_t lsn,
		       uint64_t end)
{
	strbuf_addc(out, 'c');
	pgoutput_int(out, xid, 4);
	pgoutput_int(out, 0, 1);
	pgoutput_int(out, lsn, 8);
	pgoutput_int(out, end, 8);
	pgoutput_int(out, 5, 8);
}

static void
pgoutput_stream_abort(struct strbuf *out, uint32_t xid, uint32_t part)
{
	strbuf_addc(out, 'A');
	pgoutput_int(out, xid, 4);
	pgoutput_int(out, part, 4);
}

static void
on_relation(void *ctx, struct span message)
{
	struct fixture *f = ctx;

	strbuf_add_span(&f->relations, message);
	strbuf_addc(&f->relations, ';');
}

static void
on_void(void *ctx, const struct streamfile *file, uint32_t part)
{
	struct fixture *f = ctx;

	assert_non_null(file);
	strbuf_addf(&f->voids, "%u;", part);
}

static int
setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	memcpy(f->dir, "/tmp/streamed.XXXXXX", 21);
	assert_non_null(mkdtemp(f->dir));
	f->streamed = streamed_new(
	    &(struct streamed_conf){ .dir = f->dir,
				     .own_origin = "gsb_backup",
				     .on_relation = on_relation,
				     .on_void = on_void,
				     .ctx = f });
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	streamfile_free(&f->whole.file);
	streamed_free(&f->streamed);
	strbuf_fini(&f->out);
	strbuf_fini(&f->relations);
	strbuf_fini(&f->voids);
	/* empty: the files have no names */
	assert_int_equal(rmdir(f->dir), 0);
	mem_free(f);
	return 0;
}

/* From a copy of its own size that does not stay. */
static int
feed(struct fixture *f)
{
	size_t n = f->out.len;
	char *copy = mem_dup(strbuf_text(&f->out), n);
	int rc = streamed_message(f->streamed, span_make(copy, n), &f->whole,
				  &f->e);

	mem_free(copy);
	strbuf_reset(&f->out);
	return rc;
}

static void
start(struct fixture *f, uint32_t xid, bool first)
{
	pgoutput_stream_start(&f->out, xid, first);
	assert_int_equal(feed(f), STREAMED_TAKEN);
}

static void
stop(struct fixture *f)
{
	strbuf_addc(&f->out, 'E');
	assert_int_equal(feed(f), STREAMED_TAKEN);
}

static void
add(struct fixture *f, char kind, uint32_t part, const char *rest)
{
	strbuf_addc(&f->out, kind);
	pgoutput_int(&f->out, part, 4);
	strbuf_adds(&f->out, rest);
	assert_int_equal(feed(f), STREAMED_TAKEN);
}

static void
block(struct fixture *f, uint32_t xid, bool first, uint32_t part,
      const char *rest)
{
	start(f, xid, first);
	add(f, 'I', part, rest);
	stop(f);
}

static void
abort_part(struct fixture *f, uint32_t xid, uint32_t part)
{
	pgoutput_stream_abort(&f->out, xid, part);
	assert_int_equal(feed(f), STREAMED_TAKEN);
}

static void
commit(struct fixture *f, uint32_t xid)
{
	pgoutput_stream_commit(&f->out, xid, 100, 108);
	assert_int_equal(feed(f), STREAMED_WHOLE);
	assert_int_equal(f->whole.xid, xid);
}

/* All messages of f->whole, each behind a blank. */
static const char *
read_all(struct fixture *f, struct strbuf *out)
{
	struct span message;

	strbuf_reset(out);
	streamfile_rewind(f->whole.file);
	while (streamfile_next(f->whole.file, &message, &f->e) == 1) {
		strbuf_addc(out, ' ');
		strbuf_add_span(out, message);
	}
	return strbuf_text(out);
}

static void
test_blocks_of_several_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	STRBUF_AUTO text = { 0 };

	block(f, 7, true, 7, "a");
	block(f, 8, true, 8, "b");
	block(f, 7, false, 7, "c");
	commit(f, 8);
	assert_string_equal(read_all(f, &text), " Ib");
	streamfile_free(&f->whole.file);
	commit(f, 7);
	assert_int_equal(f->whole.lsn, 100);
	assert_int_equal(f->whole.end_lsn, 108);
	assert_int_equal(f->whole.time_us, 5);
	/* as often as it is wanted */
	assert_string_equal(read_all(f, &text), " Ia Ic");
	assert_string_equal(read_all(f, &text), " Ia Ic");
}

static void
test_aborted_parts_are_passed_over(void **state)
{
	struct fixture *f = *state;
	STRBUF_AUTO text = { 0 };

	start(f, 7, true);
	for (uint32_t part = 10; part < 20; part++)
		add(f, 'I', part, "x");
	add(f, 'R', 12, "table12");
	add(f, 'R', 13, "table13");
	add(f, 'I', 7, "kept");
	stop(f);
	for (uint32_t part = 19; part >= 10; part--)
		if (part != 13)
			abort_part(f, 7, part);
	commit(f, 7);
	assert_string_equal(read_all(f, &text), " Ix Rtable13 Ikept");
	assert_string_equal(strbuf_text(&f->relations), "Rtable13;");
	assert_string_equal(strbuf_text(&f->voids),
			    "19;18;17;16;15;14;12;11;10;");
}

static void
test_read_while_more_comes(void **state)
{
	struct fixture *f = *state;
	struct streamfile *file;
	struct span message;

	start(f, 7, true);
	add(f, 'I', 7, "a");
	file = streamed_file(f->streamed);
	assert_non_null(file);
	/* nothing is in the file yet */
	assert_int_equal(streamfile_written(file), 0);
	assert_int_equal(streamfile_next(file, &message, &f->e), 0);
	assert_false(streamfile_was_read(file));
	add(f, 'I', 8, "b");
	add(f, 'I', 9, "c");
	stop(f);
	assert_null(streamed_file(f->streamed));
	assert_int_equal(streamfile_written(file), streamfile_bytes(file));
	assert_int_equal(streamfile_next(file, &message, &f->e), 1);
	assert_true(span_is(message, "Ia"));
	assert_true(streamfile_was_read(file));
	abort_part(f, 7, 8);
	assert_int_equal(streamfile_next(file, &message, &f->e), 1);
	assert_true(span_is(message, "Ic"));
	assert_int_equal(streamfile_part(file), 9);
	assert_int_equal(streamfile_next(file, &message, &f->e), 0);
	block(f, 7, false, 7, "d");
	assert_int_equal(streamfile_next(file, &message, &f->e), 1);
	assert_true(span_is(message, "Id"));
	abort_part(f, 7, 7);
	assert_string_equal(strbuf_text(&f->voids), "8;0;");
}

static void
test_what_aborts_as_a_whole_is_gone(void **state)
{
	struct fixture *f = *state;

	block(f, 7, true, 7, "a");
	assert_true(streamed_bytes(f->streamed) > 0);
	abort_part(f, 7, 7);
	assert_int_equal(streamed_bytes(f->streamed), 0);
	/* also when nothing of it had come */
	abort_part(f, 9, 9);
	pgoutput_stream_commit(&f->out, 7, 1, 2);
	assert_int_equal(feed(f), -1);
}

static void
test_an_echo_is_dropped_as_it_comes(void **state)
{
	struct fixture *f = *state;

	start(f, 7, true);
	pgoutput_origin(&f->out, "gsb_backup_large");
	assert_int_equal(feed(f), STREAMED_TAKEN);
	add(f, 'R', 7, "table");
	add(f, 'I', 7, "a");
	stop(f);
	assert_int_equal(streamed_bytes(f->streamed), 0);
	commit(f, 7);
	assert_null(f->whole.file);
	assert_string_equal(strbuf_text(&f->relations), "Rtable;");
	block(f, 8, true, 8, "of another");
	commit(f, 8);
	assert_non_null(f->whole.file);
}

static void
test_what_is_longer_than_any_buffer(void **state)
{
	struct fixture *f = *state;
	STRBUF_AUTO text = { 0 };
	STRBUF_AUTO wanted = { 0 };
	STRBUF_AUTO more = { 0 };

	for (int i = 0; i < 200; i++)
		strbuf_addf(&more, "%01000d", i);
	start(f, 7, true);
	for (size_t n = 1; n < more.len; n = n * 3 + 1) {
		add(f, 'I', 7, strbuf_text(&more) + n);
		strbuf_addf(&wanted, " I%s", strbuf_text(&more) + n);
	}
	stop(f);
	commit(f, 7);
	assert_string_equal(read_all(f, &text), strbuf_text(&wanted));
}

static void
test_others_are_left_alone(void **state)
{
	struct fixture *f = *state;

	pgoutput_begin(&f->out, 1, 2, 3);
	assert_int_equal(feed(f), STREAMED_OTHER);
	pgoutput_origin(&f->out, "gsb_backup");
	assert_int_equal(feed(f), STREAMED_OTHER);
	assert_int_equal(feed(f), STREAMED_OTHER); /* empty */
}

static void
test_what_makes_no_sense_is_refused(void **state)
{
	struct fixture *f = *state;

	strbuf_addc(&f->out, 'E');
	assert_int_equal(feed(f), -1);
	pgoutput_stream_start(&f->out, 7, false);
	assert_int_equal(feed(f), -1);
	start(f, 7, true);
	pgoutput_stream_start(&f->out, 8, true);
	assert_int_equal(feed(f), -1);
	strbuf_adds(&f->out, "I123");
	assert_int_equal(feed(f), -1);
	pgoutput_stream_commit(&f->out, 7, 1, 2);
	assert_int_equal(feed(f), -1);
	assert_int_equal(f->e.code, ERR_INVALID);
	/* a connection later all is well */
	streamed_cut(f->streamed);
	block(f, 7, true, 7, "a");
	commit(f, 7);
}

static void
test_a_directory_that_is_not_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rmdir(f->dir), 0);
	pgoutput_stream_start(&f->out, 7, true);
	assert_int_equal(feed(f), -1);
	assert_int_equal(f->e.code, ERR_IO);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_blocks_of_several_are_kept_apart),
		T(test_aborted_parts_are_passed_over),
		T(test_read_while_more_comes),
		T(test_what_aborts_as_a_whole_is_gone),
		T(test_an_echo_is_dropped_as_it_comes),
		T(test_what_is_longer_than_any_buffer),
		T(test_others_are_left_alone),
		T(test_what_makes_no_sense_is_refused),
		T(test_a_directory_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
