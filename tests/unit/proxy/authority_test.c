#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "proxy/authority.h"

/* The disk: while it is stuck, nothing gets onto it. */
static atomic_bool stuck, waits;

int
fsync(int fd)
{
	while (atomic_load(&stuck)) {
		atomic_store(&waits, true);
		usleep(1000);
	}
	return fdatasync(fd);
}

static const struct authority_record sample = {
	.epoch = 12,
	.active = ROUTE_BACKUP,
	.held = true,
	.degraded = true,
	.degraded_us = 1234000,
	.paused_until_us = 99,
	.failovers = { 7, 5 },
	.who = "ann",
	.why = "the \"night\" shift",
	.when_us = 1234567,
};

struct place {
	char dir[64];
	char *file;
	struct authority *a;
};

static int
set_up(void **state)
{
	struct place *p = mem_new(struct place);
	struct err e;

	snprintf(p->dir, sizeof(p->dir), "/tmp/authority_test.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->file = mem_printf("%s/authority.json", p->dir);
	p->a = authority_open(p->dir, &e);
	assert_non_null(p->a);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	char *lock = mem_printf("%s/authority.lock", p->dir);

	authority_close(&p->a);
	unlink(p->file);
	unlink(lock);
	assert_int_equal(rmdir(p->dir), 0);
	mem_free(lock);
	mem_free(p->file);
	mem_free(p);
	return 0;
}

static void
spoil(const char *file, const char *from, const char *to)
{
	char text[4096] = { 0 };
	FILE *f = fopen(file, "r+");
	char *at;

	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	at = strstr(text, from);
	assert_non_null(at);
	fseek(f, at - text, SEEK_SET);
	fputs(to, f);
	fclose(f);
}

static void
test_what_is_stored_is_read(void **state)
{
	struct place *p = *state;
	struct authority_record r;
	struct err e = { 0 };

	assert_int_equal(authority_load(p->a, &r, &e), 0);
	assert_int_equal(authority_store(p->a, &sample, &e), 0);
	assert_int_equal(authority_load(p->a, &r, &e), 1);
	assert_memory_equal(&r, &sample, sizeof(r));
	assert_int_equal(authority_confirm(p->a, &e), 0);
}

static void
test_damage_is_seen(void **state)
{
	struct place *p = *state;
	struct authority_record r;
	struct err e = { 0 };

	assert_int_equal(authority_store(p->a, &sample, &e), 0);
	spoil(p->file, "\"epoch\":12", "\"epoch\":11");
	assert_int_equal(authority_load(p->a, &r, &e), -1);
	assert_non_null(strstr(err_text(&e), "checksum"));
	assert_non_null(strstr(err_text(&e), p->file));
	assert_int_equal(truncate(p->file, 20), 0);
	assert_int_equal(authority_load(p->a, &r, &e), -1);
	assert_int_equal(truncate(p->file, 0), 0);
	assert_int_equal(authority_load(p->a, &r, &e), -1);
}

static void
test_a_foreign_write_is_seen(void **state)
{
	struct place *p = *state;
	struct err e = { 0 };
	FILE *f;

	assert_int_equal(authority_store(p->a, &sample, &e), 0);
	f = fopen(p->file, "a");
	fputc('\n', f);
	fclose(f);
	assert_int_equal(authority_confirm(p->a, &e), -1);
	unlink(p->file);
	assert_int_equal(authority_confirm(p->a, &e), -1);
	assert_int_equal(authority_store(p->a, &sample, &e), 0);
	assert_int_equal(authority_confirm(p->a, &e), 0);
}

struct slow {
	struct place *place;
	struct timer *timer;
	bool stored;
};

static void
on_stored(void *ctx, const struct err *err)
{
	struct slow *s = ctx;

	assert_null(err);
	assert_false(atomic_load(&stuck));
	s->stored = true;
	loop_stop();
}

static void
on_look(void *ctx)
{
	struct slow *s = ctx;
	struct err e;

	s->timer = NULL; /* it has fired */
	assert_false(s->stored);
	/* Grants go on meanwhile, by the record that was there. */
	assert_int_equal(authority_confirm(s->place->a, &e), 0);
	if (!atomic_load(&waits)) {
		s->timer = timer_start(1, on_look, s);
		return;
	}
	atomic_store(&stuck, false);
}

static void
test_the_loop_goes_on_while_the_disk_is_stuck(void **state)
{
	struct slow s = { .place = *state };
	struct authority_record r;
	struct err e;

	loop_open();
	atomic_store(&waits, false);
	atomic_store(&stuck, true);
	authority_store_start(s.place->a, &sample, on_stored, &s);
	s.timer = timer_start(0, on_look, &s);
	loop_run();
	assert_true(s.stored);
	assert_int_equal(authority_load(s.place->a, &r, &e), 1);
	assert_memory_equal(&r, &sample, sizeof(r));
	assert_int_equal(authority_confirm(s.place->a, &e), 0);
	loop_close();
}

static void
not_expected(void *ctx, const struct err *err)
{
	(void)ctx;
	(void)err;
	fail();
}

static void *
unstick(void *arg)
{
	(void)arg;
	usleep(50000);
	atomic_store(&stuck, false);
	return NULL;
}

/* Else it would be written after somebody else has got the lock. */
static void
test_closing_waits_for_the_disk(void **state)
{
	struct place *p = *state;
	pthread_t thread;
	struct err e;

	loop_open();
	atomic_store(&waits, false);
	atomic_store(&stuck, true);
	authority_store_start(p->a, &sample, not_expected, p);
	while (!atomic_load(&waits))
		usleep(1000);
	assert_int_equal(pthread_create(&thread, NULL, unstick, NULL), 0);
	authority_close(&p->a);
	assert_int_equal(access(p->file, F_OK), 0);
	pthread_join(thread, NULL);
	p->a = authority_open(p->dir, &e);
	assert_non_null(p->a);
	loop_close();
}

static void
test_a_second_proxy_is_refused(void **state)
{
	struct place *p = *state;
	struct err e = { 0 };

	assert_null(authority_open(p->dir, &e));
	assert_int_equal(e.code, ERR_REFUSED);
}

static void
test_a_folder_that_is_not_there(void **state)
{
	struct err e = { 0 };

	assert_null(authority_open("/nonexistent/gsb", &e));
	assert_non_null(strstr(err_text(&e), "/nonexistent/gsb"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_stored_is_read,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_is_seen, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_foreign_write_is_seen,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_loop_goes_on_while_the_disk_is_stuck, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_closing_waits_for_the_disk,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_second_proxy_is_refused,
						set_up, tear_down),
		cmocka_unit_test(test_a_folder_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
