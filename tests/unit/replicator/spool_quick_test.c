/* Who writes: a thread, and on a quick disk the loop itself. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop.h"
#include "pgoutput.h"
#include "replicator/spool.h"

#define TRIES 100000

static char dir[] = "/tmp/gsb-spool-quick-XXXXXX";
static thrd_t loop_thread;
static bool is_slow, fails, was_here; /* of the last fdatasync */

int
fdatasync(int fd)
{
	(void)fd;
	was_here = thrd_equal(thrd_current(), loop_thread);
	if (is_slow)
		thrd_sleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	errno = EIO;
	return fails ? -1 : 0;
}

static void
on_durable(void *ctx)
{
	loop_stop();
}

static void
add(struct spool *s, uint64_t end)
{
	STRBUF_AUTO begin = { 0 };
	STRBUF_AUTO commit = { 0 };
	struct err e;

	pgoutput_begin(&begin, 1, 1, 1);
	pgoutput_commit(&commit, end - 1, end, 1);
	assert_int_equal(spool_message(s, strbuf_span(&begin), &e), 0);
	assert_int_equal(spool_message(s, span_of("Ixxxx"), &e), 0);
	assert_int_equal(spool_message(s, strbuf_span(&commit), &e), 0);
	loop_run();
}

static void
test_a_quick_disk_needs_no_thread(void **state)
{
	struct err e = { 0 };
	uint64_t end = 100;
	struct spool *s = spool_open(
	    &(struct spool_conf){ .dir = dir,
				  .slot = "gsb_backup",
				  .own_origin = "gsb_backup",
				  .on_durable = on_durable },
	    &e);

	assert_non_null(s);
	spool_name(s, 77, 1);
	spool_take(s, true, false);
	spool_begin(s, end);
	while (!was_here && end < 100 + 10 * TRIES) {
		add(s, end += 10);
		assert_int_equal(spool_reach(s, 100), end);
	}
	assert_true(was_here);
	assert_true(end > 100 + 10 * 10);
	/* one that is slow is the last one */
	is_slow = true;
	while (was_here)
		add(s, end += 10);
	is_slow = false;
	add(s, end += 10);
	assert_false(was_here);
	while (!was_here && end < 100 + 20 * TRIES)
		add(s, end += 10);
	assert_true(was_here);
	/* and what fails there is not acknowledged */
	fails = true;
	add(s, end + 10);
	fails = false;
	assert_int_equal(spool_reach(s, 100), end);
	assert_true(spool_has_failed(s));
	spool_close(&s);
}

static int
setup(void **state)
{
	loop_open();
	loop_thread = thrd_current();
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	char path[600];
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(dir);
	loop_close();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_quick_disk_needs_no_thread),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
