#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/conf.h"

static char keys[64];

static int
set_up(void **state)
{
	int fd;

	snprintf(keys, sizeof(keys), "/tmp/conf_test.XXXXXX");
	fd = mkstemp(keys);
	assert_true(fd >= 0);
	dprintf(fd, "k1 %064d\n", 1);
	close(fd);
	return 0;
}

static int
tear_down(void **state)
{
	return unlink(keys);
}

/* Loads and checks with these overrides; the error's text, "" if good. */
static const char *
load(const char *a, const char *b, struct failover_conf *out)
{
	static struct err e;
	char file[96];
	const char *sets[] = { "proxy.state_dir=/tmp",
			       "proxy.admin=/tmp/x.sock",
			       file,
			       "primary.web=127.0.0.1:1",
			       "primary.collab=127.0.0.1:2",
			       "primary.collab_health=127.0.0.1:3",
			       "backup.web=127.0.0.1:4",
			       "backup.collab=127.0.0.1:5",
			       "backup.collab_health=127.0.0.1:6",
			       a,
			       b,
			       NULL };
	struct conf_source from = { .overrides = sets };
	struct arena *arena = arena_new();
	struct conf c = { 0 };

	err_clear(&e);
	snprintf(file, sizeof(file), "keys.file=%s", keys);
	if (conf_load(&from, conf_keys, conf_nkeys, &c, arena, &e) == 0 &&
	    conf_check(&c, &e) == 0 && out != NULL)
		conf_failover(&c, out);
	arena_free(&arena);
	return e.code == ERR_NONE ? "" : err_text(&e);
}

static void
test_defaults_are_good(void **state)
{
	struct failover_conf f;

	assert_string_equal(load(NULL, NULL, &f), "");
	assert_true(f.automatic);
	assert_int_equal(f.back, FAILOVER_AUTO);
	assert_int_equal(f.stable_ms, 60000);
	assert_int_equal(f.fail_hold_ms, 10000);
}

static void
test_window(void **state)
{
	struct failover_conf f;

	assert_string_equal(
	    load("failover.failback=window", "failover.window=22:30-04:00", &f),
	    "");
	assert_int_equal(f.window_from_min, 22 * 60 + 30);
	assert_int_equal(f.window_to_min, 4 * 60);
}

static const struct {
	const char *a, *b, *says;
} bad[] = {
	{ "failover.failback=window", NULL, "HH:MM-HH:MM" },
	{ "failover.failback=window", "failover.window=25:00-26:00", "HH:MM" },
	{ "failover.failback=window", "failover.window=01:00-01:00", "HH:MM" },
	{ "failover.failback=never", NULL, "manual" },
	{ "health.staleness=3s", NULL, "staleness" },
	{ "health.interval=1s", "health.timeout=1500ms", "health.ttl" },
	{ "health.rise=0", NULL, "rise" },
	{ "primary.web=nowhere", NULL, "primary.web" },
	{ "backup.collab_health=127.0.0.1:99999", NULL,
	  "backup.collab_health" },
	{ "proxy.state_dir=/nonexistent", NULL, "not a folder" },
	{ "keys.file=/nonexistent", NULL, "keys.file" },
	{ "dashboard.listen=nowhere", NULL, "dashboard.listen" },
	{ "dashboard.listen=:8070", NULL, "dashboard.tls" },
	{ "dashboard.listen=192.0.2.1:8070", NULL, "dashboard.tls" },
	{ "dashboard.listen=[::1]:8070", "dashboard.tls=yes",
	  "tls.certificates" },
	{ "dashboard.listen=127.0.0.1:8070",
	  "dashboard.token_file=/nonexistent", "dashboard.token_file" },
};

static void
test_mistakes_are_named(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *said = load(bad[i].a, bad[i].b, NULL);

		if (strstr(said, bad[i].says) == NULL)
			fail_msg("%s: \"%s\"", bad[i].a, said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_good),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_mistakes_are_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
