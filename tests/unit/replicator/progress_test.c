/* Where we stand: the file, and the verdict on a new connection. */
#include "replicator/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void
test_the_file_is_read_again(void **state)
{
	char dir[] = "/tmp/progress-XXXXXX", path[64];
	struct progress_record r = {
		7710828532411354937u, 3, 0x1234, 0x5678, { 4294967295u, -1 }
	};
	struct progress *p;
	struct err e;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/progress-gsb_backup", dir);
	p = progress_open(dir, "gsb_backup", &e);
	assert_non_null(p);
	assert_true(progress_record(p)->system_id == 0);
	progress_save(p, &r);
	r.acked = 0x9999;
	progress_save(p, &r);
	progress_close(&p);
	p = progress_open(dir, "gsb_backup", &e);
	assert_true(progress_record(p)->system_id == r.system_id);
	assert_int_equal(progress_record(p)->timeline, 3);
	assert_true(progress_record(p)->applied == 0x1234);
	assert_true(progress_record(p)->acked == 0x9999);
	assert_true(progress_record(p)->last.xid == 4294967295u);
	assert_true(progress_record(p)->last.time_us == -1);
	progress_close(&p);
	/* a line that is not whole counts for nothing */
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, 20, SEEK_SET);
	fputc('F', f);
	fclose(f);
	p = progress_open(dir, "gsb_backup", &e);
	assert_true(progress_record(p)->system_id == 0);
	progress_close(&p);
	unlink(path);
	rmdir(dir);
	assert_null(progress_open(dir, "gsb_backup", &e));
	assert_non_null(strstr(e.text, "state_dir"));
}

struct row {
	const char *name;
	struct stream_peer peer;
	uint64_t applied;
	struct progress_record known;
	enum progress_verdict verdict;
	uint64_t start;
};

#define PEER(id, tl, current, confirmed)                                 \
	{                                                                \
		.system_id = id, .timeline = tl, .current_lsn = current, \
		.slot_found = true, .confirmed_lsn = confirmed           \
	}

static const struct row rows[] = {
	{ "first time", PEER(1, 1, 900, 500), 0, { 0 }, PROGRESS_FRESH, 0 },
	{ "goes on",
	  PEER(1, 1, 900, 500),
	  500,
	  { 1, 1, 500, 500, { 0 } },
	  PROGRESS_CONTINUE,
	  500 },
	{ "behind us: skips",
	  PEER(1, 1, 900, 400),
	  500,
	  { 1, 1, 500, 500, { 0 } },
	  PROGRESS_REDELIVERY,
	  500 },
	{ "acknowledged beyond, nothing was there",
	  PEER(1, 1, 900, 700),
	  500,
	  { 1, 1, 500, 700, { 0 } },
	  PROGRESS_CONTINUE,
	  500 },
	{ "applied since the file was written",
	  PEER(1, 1, 900, 700),
	  600,
	  { 1, 1, 500, 700, { 0 } },
	  PROGRESS_CONTINUE,
	  600 },
	{ "acknowledged, never applied anything",
	  PEER(1, 1, 900, 700),
	  0,
	  { 1, 1, 0, 700, { 0 } },
	  PROGRESS_FRESH,
	  0 },
	{ "this database was restored",
	  PEER(1, 1, 900, 700),
	  300,
	  { 1, 1, 500, 700, { 0 } },
	  PROGRESS_GAP,
	  300 },
	{ "restored to before the first",
	  PEER(1, 1, 900, 700),
	  0,
	  { 1, 1, 500, 700, { 0 } },
	  PROGRESS_GAP,
	  0 },
	{ "more is gone than we knew",
	  PEER(1, 1, 900, 800),
	  500,
	  { 1, 1, 500, 700, { 0 } },
	  PROGRESS_GAP,
	  500 },
	{ "the peer was restored",
	  PEER(1, 1, 400, 300),
	  500,
	  { 1, 1, 500, 500, { 0 } },
	  PROGRESS_BEHIND,
	  0 },
	{ "the peer was restored and has written much since",
	  { .system_id = 1,
	    .timeline = 1,
	    .current_lsn = 900,
	    .slot_found = true,
	    .confirmed_lsn = 300,
	    .other_history = true },
	  500,
	  { 1, 1, 500, 500, { 0 } },
	  PROGRESS_BEHIND,
	  0 },
	{ "another cluster",
	  PEER(2, 1, 900, 500),
	  500,
	  { 1, 1, 500, 500, { 0 } },
	  PROGRESS_OTHER,
	  0 },
	{ "promoted",
	  PEER(1, 2, 900, 500),
	  500,
	  { 1, 1, 500, 500, { 0 } },
	  PROGRESS_OTHER,
	  500 },
	{ "no slot", { .system_id = 1 }, 500, { 0 }, PROGRESS_NO_SLOT, 0 },
	{ "lost slot",
	  { .slot_found = true, .slot_lost = true },
	  500,
	  { 0 },
	  PROGRESS_LOST_SLOT,
	  0 },
};

static void
test_verdicts(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint64_t start = 77;

		if (progress_judge(&r->peer, r->applied, r->applied, &r->known,
				   &start) != r->verdict ||
		    start != r->start)
			fail_msg("%s", r->name);
		assert_true((progress_alarm(r->verdict) == NULL) ==
			    (r->verdict <= PROGRESS_REDELIVERY));
	}
}

static void
test_verdicts_with_a_spool(void **state)
{
	const struct progress_record known = { 1, 1, 650, 700, { 0 } };
	struct stream_peer peer = PEER(1, 1, 900, 700);
	uint64_t start;

	/* what was acknowledged is in the spool, and was nothing from there */
	assert_int_equal(progress_judge(&peer, 500, 650, &known, &start),
			 PROGRESS_CONTINUE);
	assert_int_equal(start, 650);
	/* it was lost */
	assert_int_equal(progress_judge(&peer, 500, 500, &known, &start),
			 PROGRESS_GAP);
	/* the peer has forgotten what is in the spool */
	peer.current_lsn = 600;
	peer.confirmed_lsn = 500;
	assert_int_equal(progress_judge(&peer, 500, 650, &known, &start),
			 PROGRESS_BEHIND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_file_is_read_again),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_verdicts_with_a_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
