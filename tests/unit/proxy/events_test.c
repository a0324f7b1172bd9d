#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "proxy/events.h"
#include "proxy/share.h"

static char dir[64], file[96];

static int
set_up(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/events_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/audit.log", dir);
	return 0;
}

static int
tear_down(void **state)
{
	unlink(file);
	return rmdir(dir);
}

static void
count(void *ctx)
{
	(*(int *)ctx)++;
}

static int64_t
id_at(const json_t *list, size_t i)
{
	int64_t id = 0;

	assert_int_equal(
	    json_need_int(json_array_get(list, i), "id", &id, NULL), 0);
	return id;
}

static void
test_events_are_numbered_and_kept(void **state)
{
	struct err e = { 0 };
	struct events *ev = events_open(dir, 1 << 20, &e);
	int told = 0;

	assert_non_null(ev);
	events_observe(ev, count, &told);
	for (int i = 0; i < 3; i++)
		events_add(ev, "alarm", 7, "something", NULL);
	assert_int_equal(told, 3);
	JSON_AUTO list = events_since(ev, 1, 100);
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(id_at(list, 0), 2);
	JSON_AUTO none = events_since(ev, 3, 100);
	assert_int_equal(json_array_size(none), 0);
	events_close(&ev);
}

static void
test_memory_is_bounded(void **state)
{
	struct err e = { 0 };
	struct events *ev = events_open(dir, 1 << 20, &e);

	for (int i = 0; i < 3000; i++)
		events_add(ev, "alarm", 7, "x", NULL);
	JSON_AUTO list = events_since(ev, 0, 5000);
	assert_int_equal(json_array_size(list), 1024);
	assert_int_equal(id_at(list, 0), 3000 - 1024 + 1);
	events_close(&ev);
}

static void
test_the_file_goes_on_after_a_restart(void **state)
{
	struct err e = { 0 };
	struct events *ev = events_open(dir, 1 << 20, &e);
	FILE *f;

	events_add(ev, "record", 41, "x", NULL);
	events_add(ev, "record", 42, "y", NULL);
	events_close(&ev);
	f = fopen(file, "a");
	fputs("{\"id\":99,\"ep", f); /* a crash in the middle of a line */
	fclose(f);
	ev = events_open(dir, 1 << 20, &e);
	assert_int_equal(events_former_epoch(ev), 42);
	assert_int_equal(events_last(ev), 2);
	events_add(ev, "record", 43, "z", NULL);
	events_close(&ev);
	ev = events_open(dir, 1 << 20, &e);
	assert_int_equal(events_former_epoch(ev), 43);
	assert_int_equal(events_last(ev), 3);
	events_close(&ev);
}

static void
test_share_of_failures(void **state)
{
	struct share s = { 0 };
	int64_t now = 1000;

	assert_false(share_count(&s, 1000, 900, now)); /* before our time */
	assert_false(share_count(&s, 1100, 905, now + 100));
	now += SHARE_WINDOW_MS;
	assert_true(share_count(&s, 1200, 920, now));
	assert_true(s.high);
	assert_int_equal(s.permille, 100);
	assert_int_equal(s.seen, 200);
	now += SHARE_WINDOW_MS;
	assert_false(share_count(&s, 1300, 923, now)); /* 3 %: still */
	now += SHARE_WINDOW_MS;
	assert_true(share_count(&s, 1400, 923, now));
	assert_false(s.high);
	now += SHARE_WINDOW_MS;
	assert_false(share_count(&s, 1410, 933, now)); /* too few to say */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_events_are_numbered_and_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_is_bounded, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_file_goes_on_after_a_restart, set_up, tear_down),
		cmocka_unit_test(test_share_of_failures),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
