#include "base/log.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unit.h"

/* What fn writes to stderr, and how its process ended. */
static int
captured(void (*fn)(void), char *out, size_t size)
{
	FILE *file = tmpfile();
	int status = 0;
	size_t n;
	pid_t pid;

	assert_non_null(file);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fileno(file), STDERR_FILENO);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rewind(file);
	n = fread(out, 1, size - 1, file);
	out[n] = '\0';
	fclose(file);
	return status;
}

static void
write_lines(void)
{
	log_debug("m", "hidden=1");
	log_info("health", "url=%s to=%s", "http://x", "up");
	log_init("gsb-proxy");
	log_warn("m", "text=\"%s\"", "two\nlines\tand \x01");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("m", "hidden=2");
	log_error("m", "shown=1");
}

static void
test_lines(void **state)
{
	char out[4096];

	assert_int_equal(captured(write_lines, out, sizeof(out)), 0);
	assert_null(strstr(out, "hidden"));
	assert_non_null(strstr(out, "Z level=info module=health url=http://x "
				    "to=up\n"));
	assert_non_null(strstr(out, " level=warn program=gsb-proxy module=m "
				    "text=\"two\\x0alines\\x09and \\x01\"\n"));
	assert_non_null(strstr(out, " level=error program=gsb-proxy module=m "
				    "shown=1\n"));
	assert_memory_equal(out, "time=20", 7);
}

static void
write_long(void)
{
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_info("m", "big=%s", big);
	log_state("m", "big=%s", big);
}

static void
test_a_long_line_is_cut(void **state)
{
	char out[8192];

	assert_int_equal(captured(write_long, out, sizeof(out)), 0);
	assert_true(strlen(out) < 4200);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

static void
die(void)
{
	log_init("gsb-test");
	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 0; i < 70; i++)
		log_state("fsm", "n=%d.", i);
	abort();
}

static void
test_abort_prints_the_kept_changes(void **state)
{
	static char out[64 * 1024];
	int status = captured(die, out, sizeof(out));

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_null(strstr(out, "n=5."));
	assert_non_null(strstr(out, "n=6."));
	assert_non_null(strstr(out, "n=69."));
	assert_true(strstr(out, "n=6.") < strstr(out, "n=69."));
	assert_non_null(strstr(out, "kept time="));
}

static void
test_levels(void **state)
{
	enum log_level level;

	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_false(log_level_parse("loud", &level));
	log_set_level(LOG_LEVEL_WARN);
	assert_false(log_enabled(LOG_LEVEL_INFO));
	assert_true(log_enabled(LOG_LEVEL_WARN));
}

static void
test_quote(void **state)
{
	char buf[12];

	assert_string_equal(log_quote(buf, sizeof(buf), "plain"), "plain");
	assert_string_equal(log_quote(buf, sizeof(buf), "a b"), "\"a b\"");
	assert_string_equal(log_quote(buf, sizeof(buf), "a=b"), "\"a=b\"");
	assert_string_equal(log_quote(buf, sizeof(buf), "\"\\"),
			    "\"\\\"\\\\\"");
	assert_string_equal(log_quote(buf, sizeof(buf), ""), "\"\"");
	assert_string_equal(log_quote(buf, sizeof(buf), NULL), "\"\"");
	log_quote(buf, sizeof(buf), "very long text \"with\" quotes");
	assert_int_equal(buf[strlen(buf) - 1], '"');
	log_quote(buf, sizeof(buf), "\"\"\"\"\"\"\"\"\"\"\"\"\"");
	assert_true(strlen(buf) < sizeof(buf));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_a_long_line_is_cut),
		cmocka_unit_test(test_abort_prints_the_kept_changes),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
