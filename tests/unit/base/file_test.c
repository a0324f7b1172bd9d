#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int
set_up(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/gsb-file-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int
tear_down(void **state)
{
	return unlink(path);
}

static void
test_what_is_written_is_read(void **state)
{
	STRBUF_AUTO out = { 0 };
	STRBUF_AUTO back = { 0 };
	struct err e = { 0 };
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	for (int i = 0; i < 10000; i++)
		strbuf_addf(&out, "%d,", i);
	assert_int_equal(file_write_all(fd, strbuf_span(&out)), 0);
	close(fd);
	strbuf_adds(&back, "before ");
	assert_int_equal(file_read(path, 1 << 20, &back, &e), 0);
	assert_int_equal(back.len, out.len + 7);
	assert_string_equal(strbuf_text(&back) + 7, strbuf_text(&out));
}

static void
test_limits_and_absence_are_told(void **state)
{
	STRBUF_AUTO back = { 0 };
	struct err e = { 0 };
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(file_write_all(fd, span_of("12345")), 0);
	close(fd);
	assert_int_equal(file_read(path, 4, &back, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.text, path));
	assert_non_null(strstr(e.text, "longer than 4 bytes"));
	assert_int_equal(file_read("/tmp/gsb-no-such", 4, &back, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(file_read("/tmp", 4, &back, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(file_write_all(-1, span_of("x")), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_limits_and_absence_are_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
