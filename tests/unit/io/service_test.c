/*
 * Each test runs a service in a child process; what its callbacks saw comes
 * back through a pipe as words.
 */
#include "io/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/timer.h"

struct conf {
	int64_t number;
	const char *word;
};

static const struct conf_key keys[] = {
	{ .section = "a",
	  .key = "number",
	  .kind = CONF_INT,
	  .offset = offsetof(struct conf, number),
	  .def = "5",
	  .help = "a number" },
	{ .section = "a",
	  .key = "word",
	  .kind = CONF_STRING,
	  .offset = offsetof(struct conf, word),
	  .def = "default",
	  .help = "a word" },
};

static const char *mode;
static int to_parent = -1;
static struct timer *timer;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char text[300];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (write(to_parent, text, (size_t)n) != n)
		abort();
}

static int
check(const void *conf, struct err *e)
{
	const struct conf *c = conf;

	if (c->number > 100)
		return err_set(e, ERR_INVALID, "number must be at most 100");
	return 0;
}

static void
on_done(void *ctx)
{
	timer = NULL;
	service_stopped(0);
}

static int
start(const void *conf, char *const *words, struct err *e)
{
	const struct conf *c = conf;

	say("start %d %s %s %s.", (int)c->number, c->word,
	    mode != NULL ? mode : "-", words[0] != NULL ? words[0] : "-");
	if (c->number == 13)
		return err_set(e, ERR_REFUSED, "thirteen");
	if (c->number == 7)
		service_stopped(3); /* a verb that is done at once */
	return 0;
}

static int
reload(const void *conf, struct err *e)
{
	const struct conf *c = conf;

	if (c->number == 66)
		return err_set(e, ERR_REFUSED, "not now");
	say("reload %d.", (int)c->number);
	return 0;
}

static void
drain(void)
{
	say("drain.");
	if (mode == NULL) /* else it never ends */
		timer = timer_start(10, on_done, NULL);
}

static void
stop(void)
{
	say("stop.");
	timer_cancel(&timer);
}

static const struct service_option options[] = {
	{ "mode", "WORD", "what it does", &mode },
	{ NULL, NULL, NULL, NULL },
};

static const struct service service = {
	.name = "gsb-test",
	.about = "tests",
	.keys = keys,
	.nkeys = sizeof(keys) / sizeof(keys[0]),
	.conf_size = sizeof(struct conf),
	.options = options,
	.check = check,
	.start = start,
	.reload = reload,
	.drain = drain,
	.stop = stop,
};

/* The child and what it said and printed. */
static struct {
	char dir[32];
	char conf[64];
	pid_t pid;
	int from;
	char said[4000];
	size_t len;
} self;

static int
set_up(void **state)
{
	memset(&self, 0, sizeof(self));
	snprintf(self.dir, sizeof(self.dir), "/tmp/gsb-service-XXXXXX");
	assert_non_null(mkdtemp(self.dir));
	snprintf(self.conf, sizeof(self.conf), "%s/c.conf", self.dir);
	return 0;
}

static int
tear_down(void **state)
{
	char *pid_file = mem_printf("%s/pid", self.dir);

	unlink(self.conf);
	assert_int_equal(access(pid_file, F_OK), -1); /* it has gone */
	mem_free(pid_file);
	return rmdir(self.dir);
}

static void
write_conf(const char *text)
{
	FILE *f = fopen(self.conf, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* stdout and stderr come through the pipe as well. */
static void
run(const char *const *args)
{
	char *argv[16] = { mem_strdup("gsb-test") };
	int fds[2], argc = 1, status;

	for (; args[argc - 1] != NULL; argc++)
		argv[argc] = mem_strdup(args[argc - 1]);
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	self.pid = fork();
	if (self.pid == 0) {
		close(fds[0]);
		to_parent = fds[1];
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		status = service_main(argc, argv, &service);
		for (int i = 0; i < argc; i++)
			mem_free(argv[i]);
		exit(status);
	}
	close(fds[1]);
	self.from = fds[0];
	for (int i = 0; i < argc; i++)
		mem_free(argv[i]);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static bool
read_more(void)
{
	ssize_t n = read(self.from, self.said + self.len,
			 sizeof(self.said) - 1 - self.len);

	if (n > 0)
		self.len += (size_t)n;
	self.said[self.len] = '\0';
	return n > 0;
}

static void
await(const char *words)
{
	while (strstr(self.said, words) == NULL)
		if (!read_more())
			fail_msg("never \"%s\", but: %s", words, self.said);
}

static void
expect_exit(int want)
{
	int status;

	while (read_more())
		;
	close(self.from);
	assert_int_equal(waitpid(self.pid, &status, 0), self.pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
		fail_msg("status %x, not %d: %s", (unsigned)status, want,
			 self.said);
}

/* It comes when the start has succeeded, in one piece. */
static FILE *
open_pid_file(const char *path)
{
	FILE *f = NULL;

	for (int i = 0; f == NULL && i < 20000; i++) {
		f = fopen(path, "re");
		if (f == NULL)
			usleep(1000);
	}
	return f;
}

static void
test_drains_and_stops(void **state)
{
	char *pid_file = mem_printf("%s/pid", self.dir);
	char text[32] = "";
	FILE *f;

	write_conf("[a]\nnumber = 6\n");
	RUN("-c", self.conf, "--set", "a.word=w", "--pid-file", pid_file);
	await("start 6 w - -.");
	f = open_pid_file(pid_file);
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(strtol(text, NULL, 10), self.pid);
	kill(self.pid, SIGTERM);
	await("drain.");
	await("stop.");
	expect_exit(0);
	mem_free(pid_file);
}

static void
test_second_signal_stops_at_once(void **state)
{
	RUN("--mode", "stuck", "word");
	await("start 5 default stuck word.");
	kill(self.pid, SIGINT);
	await("drain.");
	kill(self.pid, SIGTERM);
	await("stop.");
	expect_exit(0);
}

static void
test_reload(void **state)
{
	write_conf("[a]\nnumber = 1\n");
	RUN("--config", self.conf);
	await("start 1 default");
	write_conf("[a]\nnumber = 2\n[log]\nlevel = warn\n");
	kill(self.pid, SIGHUP);
	await("reload 2.");
	write_conf("[a]\nnumber = x\n");
	kill(self.pid, SIGHUP);
	await("c.conf:2");
	write_conf("[a]\nnumber = 101\n");
	kill(self.pid, SIGHUP);
	await("at most 100");
	write_conf("[a]\nnumber = 66\n");
	kill(self.pid, SIGHUP);
	await("not now");
	write_conf("[a]\nnumber = 3\n");
	kill(self.pid, SIGHUP);
	await("reload 3.");
	kill(self.pid, SIGTERM);
	expect_exit(0);
}

static void
test_check(void **state)
{
	char *words = mem_printf("%s: OK\n", self.conf);

	write_conf("[a]\nnumber = 1\n");
	RUN("--check", "-c", self.conf);
	await(words);
	expect_exit(0);
	assert_null(strstr(self.said, "start"));
	write_conf("[a]\nnumbr = 1\n");
	RUN("--check", "-c", self.conf);
	await("c.conf:2");
	expect_exit(1);
	RUN("--check", "-c", self.conf, "--set", "nonsense");
	expect_exit(1);
	mem_free(words);
}

static void
test_failures_to_start(void **state)
{
	RUN("--set", "a.number=13");
	await("thirteen");
	expect_exit(1);
	RUN("--no-such");
	await("--help");
	expect_exit(1);
	RUN("-c", "/no/such/file");
	await("/no/such/file");
	expect_exit(1);
	RUN("--pid-file", "/no/such/folder/pid");
	await("cannot write the process id");
	expect_exit(1);
}

static void
test_words_of_its_own(void **state)
{
	RUN("--help");
	await("--mode WORD");
	expect_exit(0);
	self.len = 0;
	RUN("--version");
	await("gsb-test " GSB_VERSION);
	expect_exit(0);
	RUN("--sample");
	await("word");
	await("[log]");
	expect_exit(0);
}

static void
test_ends_from_inside_start(void **state)
{
	RUN("--set", "a.number=7");
	await("stop.");
	expect_exit(3);
}

static void
test_notifies_the_manager(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char text[64] = "", want[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/notify", self.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	RUN("--mode", "stuck");
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	snprintf(want, sizeof(want), "READY=1\nMAINPID=%d", (int)self.pid);
	assert_string_equal(text, want);
	kill(self.pid, SIGTERM);
	memset(text, 0, sizeof(text));
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "STOPPING=1");
	kill(self.pid, SIGTERM);
	expect_exit(0);
	unsetenv("NOTIFY_SOCKET");
	unlink(a.sun_path);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_drains_and_stops),
		T(test_second_signal_stops_at_once),
		T(test_reload),
		T(test_check),
		T(test_failures_to_start),
		T(test_words_of_its_own),
		T(test_ends_from_inside_start),
		T(test_notifies_the_manager),
	};

	alarm(60); /* a child that hangs must be seen */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
