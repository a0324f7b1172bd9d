/* The spool: what a stop leaves of it, and what is read again. */
#include "replicator/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/loop.h"
#include "pgoutput.h"

static char dir[] = "/tmp/spool-XXXXXX";
static unsigned durable, syncs;
static int64_t retry_ms;

/* The C library's, counted. */
int
fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static void
on_durable(void *ctx)
{
	durable++;
	loop_stop();
}

static struct spool *
open_it(void)
{
	struct err e = { 0 };
	struct spool *s = spool_open(
	    &(struct spool_conf){ .dir = dir,
				  .slot = "gsb_backup",
				  .own_origin = "gsb_backup",
				  .retry_ms = retry_ms,
				  .on_durable = on_durable },
	    &e);

	assert_non_null(s);
	spool_name(s, 77, 1);
	spool_take(s, true, false);
	return s;
}

static void
tell(struct spool *s, const struct strbuf *m)
{
	struct err e;

	assert_int_equal(spool_message(s, strbuf_span(m), &e), 0);
}

static void
tell_begin(struct spool *s)
{
	STRBUF_AUTO m = { 0 };

	pgoutput_begin(&m, 1, 1, 1);
	tell(s, &m);
}

static void
tell_commit(struct spool *s, uint64_t end)
{
	STRBUF_AUTO m = { 0 };

	pgoutput_commit(&m, end - 1, end, 1);
	tell(s, &m);
}

static void
tell_relation(struct spool *s, uint32_t oid)
{
	STRBUF_AUTO m = { 0 };

	pgoutput_relation(&m, oid, "t", 0);
	tell(s, &m);
}

/* What stands in it is not looked at. */
static void
tell_change(struct spool *s, char kind, size_t bytes)
{
	STRBUF_AUTO m = { 0 };

	strbuf_addc(&m, kind);
	for (size_t i = 0; i < bytes; i++)
		strbuf_addc(&m, 'x');
	tell(s, &m);
}

static void
add(struct spool *s, uint64_t end)
{
	tell_begin(s);
	tell_change(s, 'I', 20);
	tell_commit(s, end);
}

static void
wait_durable(struct spool *s, uint64_t from, uint64_t end)
{
	while (spool_reach(s, from) < end)
		loop_run();
	assert_int_equal(spool_reach(s, from), end);
}

static void
wait_failed(struct spool *s)
{
	struct spool_stats st;

	for (spool_stats(s, &st); st.failed == 0; spool_stats(s, &st))
		loop_run();
}

/* In a transaction that ends there. */
static void
fill_segment(struct spool *s, uint64_t end)
{
	tell_begin(s);
	tell_change(s, 'I', 5 << 20);
	tell_commit(s, end);
	while (spool_reach(s, end - 10) < end)
		loop_run();
}

/* How many it gives that are not known, and where the last one ends. */
static unsigned
read_all(struct spool *s, uint64_t above, uint64_t *end)
{
	struct spool_chunk c;
	unsigned n = 0;
	bool known;
	struct err e;

	spool_seek(s, above);
	while (spool_next(s, &c, &known, &e) > 0) {
		if (c.end_lsn == 0 || known)
			continue;
		assert_true(c.end_lsn > above);
		*end = c.end_lsn;
		n++;
	}
	return n;
}

static void
clear(void)
{
	char path[600];
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	closedir(d);
}

/* The newest segment's. */
static void
newest(char path[600])
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	path[0] = '\0';
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, "spool-gsb_backup.0", 18) == 0) {
			char other[600];

			snprintf(other, sizeof(other), "%s/%s", dir,
				 entry->d_name);
			if (strcmp(other, path) > 0)
				snprintf(path, 600, "%s", other);
		}
	closedir(d);
}

static int
setup(void **state)
{
	loop_open();
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	clear();
	rmdir(dir);
	loop_close();
	return 0;
}

static void
test_it_is_there_after_a_restart(void **state)
{
	struct spool *s = open_it();
	struct stat st;
	uint64_t end = 0;
	char path[600];

	assert_int_equal(spool_begin(s, 100), 100);
	for (uint64_t i = 1; i <= 50; i++)
		add(s, 100 + i);
	/* from memory as from the file */
	assert_int_equal(read_all(s, 110, &end), 40);
	wait_durable(s, 100, 150);
	assert_int_equal(read_all(s, 110, &end), 40);
	spool_close(&s);
	newest(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_it();
	assert_int_equal(spool_begin(s, 120), 150);
	assert_int_equal(read_all(s, 120, &end), 30);
	assert_int_equal(end, 150);
	/* a database from before it began lacks something */
	assert_int_equal(spool_begin(s, 99), 99);
	spool_forget(s, 500);
	assert_int_equal(read_all(s, 0, &end), 0);
	spool_close(&s);
	clear();
}

static void
test_what_is_not_taken_is_a_gap(void **state)
{
	struct spool *s = open_it();
	uint64_t end;

	spool_begin(s, 100);
	add(s, 110);
	wait_durable(s, 100, 110);
	spool_skip(s, 120); /* a large one */
	add(s, 130);
	while (spool_reach(s, 120) < 130)
		loop_run();
	assert_int_equal(spool_reach(s, 100), 110);
	/* when that is merged, what is behind it counts */
	assert_int_equal(spool_reach(s, 120), 130);
	spool_close(&s);
	s = open_it();
	assert_int_equal(spool_begin(s, 100), 110);
	/* so what stands behind the gap comes again, and takes its place */
	add(s, 125);
	wait_durable(s, 100, 125);
	assert_int_equal(read_all(s, 100, &end), 2);
	spool_close(&s);
	s = open_it();
	assert_int_equal(spool_begin(s, 100), 125);
	assert_int_equal(read_all(s, 100, &end), 2);
	spool_close(&s);
	clear();
}

static void
test_echoes_and_empty_ones_take_no_room(void **state)
{
	struct spool *s = open_it();
	STRBUF_AUTO origin = { 0 };
	uint64_t end;

	spool_begin(s, 100);
	strbuf_addc(&origin, 'O');
	pgoutput_int(&origin, 0, 8);
	strbuf_add(&origin, "gsb_backup", 11);
	tell_begin(s);
	tell(s, &origin);
	tell_change(s, 'I', 20);
	tell_commit(s, 110);
	tell_begin(s);
	tell_commit(s, 120);
	assert_int_equal(read_all(s, 0, &end), 0);
	add(s, 130);
	wait_durable(s, 100, 130);
	/* a cut one is forgotten */
	tell_begin(s);
	tell_change(s, 'I', 20);
	spool_cut(s);
	add(s, 140);
	wait_durable(s, 100, 140);
	assert_int_equal(read_all(s, 100, &end), 2);
	spool_close(&s);
	clear();
}

static void
test_a_torn_end_is_cut_off(void **state)
{
	struct spool *s = open_it();
	char path[600];
	uint64_t end;
	int fd;

	spool_begin(s, 100);
	add(s, 110);
	wait_durable(s, 100, 110);
	add(s, 120);
	wait_durable(s, 100, 120);
	spool_close(&s);
	newest(path);
	fd = open(path, O_RDWR);
	/* not all of the second one has reached the disk */
	for (off_t at = SPOOL_HEAD_BYTES + 56 + 8;; at += 8) {
		char magic[4];

		assert_int_equal(pread(fd, magic, 4, at), 4);
		if (memcmp(magic, "gsbF", 4) == 0) {
			assert_int_equal(pwrite(fd, "?", 1, at + 70), 1);
			break;
		}
	}
	close(fd);
	s = open_it();
	assert_int_equal(spool_begin(s, 100), 110);
	add(s, 121);
	wait_durable(s, 100, 121);
	assert_int_equal(read_all(s, 100, &end), 2);
	assert_int_equal(end, 121);
	spool_close(&s);
	s = open_it();
	assert_int_equal(spool_begin(s, 100), 121);
	spool_close(&s);
	clear();
}

static void
test_segments_come_and_go(void **state)
{
	struct spool *s = open_it();
	struct spool_stats st;
	uint64_t end;

	spool_begin(s, 0);
	for (uint64_t i = 1; i <= 12; i++) {
		tell_begin(s);
		tell_change(s, 'I', 1 << 20);
		tell_commit(s, 10 * i);
		wait_durable(s, 0, 10 * i);
	}
	spool_stats(s, &st);
	assert_true(st.bytes > 12 << 20);
	assert_int_equal(read_all(s, 60, &end), 6);
	spool_close(&s);
	s = open_it();
	assert_int_equal(spool_begin(s, 60), 120);
	assert_int_equal(read_all(s, 60, &end), 6);
	spool_release(s, 110);
	spool_stats(s, &st);
	assert_true(st.bytes < 9 << 20);
	assert_int_equal(read_all(s, 110, &end), 1);
	spool_release(s, 120);
	spool_stats(s, &st);
	assert_int_equal(st.bytes, 0);
	/* in a file that was another one before */
	add(s, 130);
	wait_durable(s, 120, 130);
	spool_close(&s);
	s = open_it();
	assert_int_equal(spool_begin(s, 120), 130);
	spool_close(&s);
	clear();
}

static void
test_a_folder_that_is_gone(void **state)
{
	struct spool *s = open_it();
	char away[64];
	uint64_t end;

	snprintf(away, sizeof(away), "%s-away", dir);
	spool_begin(s, 100);
	assert_int_equal(rename(dir, away), 0);
	spool_take(s, true, true); /* nobody else has them */
	add(s, 110);
	wait_failed(s);
	assert_int_equal(spool_reach(s, 100), 100);
	add(s, 120);
	assert_int_equal(read_all(s, 100, &end), 2);
	spool_take(s, true, false);
	/* whoever read them has them; they will not be in a file */
	assert_int_equal(read_all(s, 100, &end), 0);
	assert_int_equal(rename(away, dir), 0);
	spool_close(&s);
	clear();
}

/* What could not be written is read in its place, also when what came later
 * could be. */
static void
test_it_is_written_again(void **state)
{
	struct spool *s;
	char away[64];
	uint64_t end;

	retry_ms = 50; /* the others do not come to it */
	s = open_it();
	snprintf(away, sizeof(away), "%s-away", dir);
	spool_begin(s, 100);
	spool_take(s, true, true);
	add(s, 110);
	wait_durable(s, 100, 110);
	spool_release(s, 110);
	fill_segment(s, 120); /* the next one begins a file */
	assert_int_equal(rename(dir, away), 0);
	add(s, 130);
	wait_failed(s);
	assert_int_equal(rename(away, dir), 0);
	while (spool_has_failed(s))
		;
	add(s, 140);
	add(s, 150);
	while (spool_reach(s, 130) < 150)
		loop_run();
	assert_int_equal(spool_reach(s, 110), 120);
	/* 120, and 130 that is in no file; in their order */
	assert_int_equal(read_all(s, 110, &end), 4);
	assert_int_equal(end, 150);
	/* it went with the reading, so what stands behind comes again */
	assert_int_equal(spool_begin(s, 110), 120);
	spool_close(&s);
	clear();
}

/* Whoever wrote it may have ended before it was durable, and it counts. */
static void
test_what_is_found_is_made_durable(void **state)
{
	struct spool *s = open_it();

	add(s, 110);
	wait_durable(s, 0, 110);
	spool_close(&s);
	syncs = 0;
	s = open_it();
	assert_true(syncs > 0);
	spool_close(&s);
	clear();
}

/* Relations that only the file tells are told to who reads from memory. */
static void
test_what_waits_is_read_with_its_relations(void **state)
{
	struct spool *s = open_it();
	struct spool_chunk c;
	bool known, told = false;
	struct err e;

	tell_begin(s);
	tell_relation(s, 7);
	tell_change(s, 'I', 20);
	tell_commit(s, 110);
	wait_durable(s, 0, 110);
	add(s, 120); /* on its way */
	spool_seek(s, 110);
	while (!told && spool_next(s, &c, &known, &e) > 0)
		told = memchr(c.messages.at, 'R', c.messages.len) != NULL;
	assert_true(told);
	spool_close(&s);
	clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_there_after_a_restart),
		cmocka_unit_test(test_what_is_not_taken_is_a_gap),
		cmocka_unit_test(test_echoes_and_empty_ones_take_no_room),
		cmocka_unit_test(test_a_torn_end_is_cut_off),
		cmocka_unit_test(test_segments_come_and_go),
		cmocka_unit_test(test_a_folder_that_is_gone),
		cmocka_unit_test(test_it_is_written_again),
		cmocka_unit_test(test_what_is_found_is_made_durable),
		cmocka_unit_test(test_what_waits_is_read_with_its_relations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
