/* The bytes of a spool, and which stretches of the log they make. */
#include "replicator/spool_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "replicator/spool_chain.h"

static void
make_frame(struct strbuf *out, uint64_t segment, uint64_t number,
	   const char *text)
{
	STRBUF_AUTO messages = { 0 };

	spool_frame_begin(out);
	spool_message_add(&messages, span_of("B"));
	spool_message_add(&messages, span_of(text));
	spool_chunk_add(out, 200, strbuf_span(&messages));
	spool_frame_seal(out, &(struct spool_frame){ .segment = segment,
						     .number = number,
						     .from = 100,
						     .end = 200 });
}

static void
test_a_frame(void **state)
{
	STRBUF_AUTO bytes = { 0 };
	struct spool_frame f;
	struct spool_chunk c;
	struct span one;

	make_frame(&bytes, 7, 3, "hello");
	assert_int_equal(bytes.len % 8, 0);
	assert_true(spool_frame_read(strbuf_span(&bytes), &f));
	assert_int_equal(f.segment, 7);
	assert_int_equal(f.number, 3);
	assert_int_equal(f.from, 100);
	assert_int_equal(f.end, 200);
	assert_int_equal(f.bytes, bytes.len);
	assert_true(spool_chunk_next(&f.chunks, &c));
	assert_int_equal(c.end_lsn, 200);
	assert_true(spool_message_next(&c.messages, &one));
	assert_true(span_is(one, "B"));
	assert_true(spool_message_next(&c.messages, &one));
	assert_true(span_is(one, "hello"));
	assert_false(spool_message_next(&c.messages, &one));
	assert_false(spool_chunk_next(&f.chunks, &c));
}

/* Whatever byte is another one, and wherever it ends. */
static void
test_a_frame_that_is_not_whole(void **state)
{
	STRBUF_AUTO bytes = { 0 };
	struct spool_frame f;

	make_frame(&bytes, 7, 3, "hello");
	for (size_t n = 0; n < bytes.len; n++)
		assert_false(spool_frame_read(span_make(bytes.at, n), &f));
	/* the last ones only fill up */
	for (size_t i = 0; i < bytes.len - 7; i++) {
		bytes.at[i] ^= 0x40;
		assert_false(spool_frame_read(strbuf_span(&bytes), &f));
		bytes.at[i] ^= 0x40;
	}
	assert_true(spool_frame_read(strbuf_span(&bytes), &f));
}

static void
test_a_head(void **state)
{
	struct spool_head h = { 77, 3, "gsb_backup", 9, 1000, 998 }, again;
	char bytes[SPOOL_HEAD_BYTES];

	spool_head_write(&h, bytes);
	assert_true(spool_head_read(span_make(bytes, sizeof(bytes)), &again));
	assert_true(again.system_id == 77 && again.timeline == 3);
	assert_true(again.number == 9 && again.first == 1000);
	assert_true(again.limit == 998);
	assert_string_equal(again.slot, "gsb_backup");
	bytes[20] ^= 1;
	assert_false(spool_head_read(span_make(bytes, sizeof(bytes)), &again));
}

static void
test_what_follows_a_damage(void **state)
{
	STRBUF_AUTO all = { 0 };
	STRBUF_AUTO one = { 0 };

	make_frame(&all, 7, 3, "hello");
	all.at[60] ^= 1;
	/* cut off by a stop: nothing behind it */
	assert_false(spool_frame_follows(strbuf_span(&all), 7, 3));
	/* of the file's former life */
	make_frame(&one, 6, 4, "old");
	strbuf_add_span(&all, strbuf_span(&one));
	assert_false(spool_frame_follows(strbuf_span(&all), 7, 3));
	make_frame(&one, 7, 4, "later");
	strbuf_add_span(&all, strbuf_span(&one));
	assert_true(spool_frame_follows(strbuf_span(&all), 7, 3));
}

static void
test_a_chain(void **state)
{
	struct spool_chain c = { 0 };

	assert_int_equal(spool_chain_reach(&c, 5), 5);
	spool_chain_add(&c, 10, 20);
	spool_chain_add(&c, 20, 30);
	spool_chain_add(&c, 40, 50);
	assert_int_equal(c.n, 2);
	assert_int_equal(spool_chain_reach(&c, 5), 5);
	assert_int_equal(spool_chain_reach(&c, 10), 30);
	assert_int_equal(spool_chain_reach(&c, 25), 30);
	assert_int_equal(spool_chain_reach(&c, 40), 50);
	spool_chain_cut(&c, 30);
	assert_int_equal(spool_chain_reach(&c, 45), 45);
	spool_chain_release(&c, 29);
	assert_int_equal(spool_chain_reach(&c, 29), 30);
	spool_chain_release(&c, 30);
	assert_int_equal(c.n, 0);
	spool_chain_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_frame),
		cmocka_unit_test(test_a_frame_that_is_not_whole),
		cmocka_unit_test(test_a_head),
		cmocka_unit_test(test_what_follows_a_damage),
		cmocka_unit_test(test_a_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
