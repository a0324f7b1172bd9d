#include "io/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/span.h"
#include "io/work.h"

#define WORDS_MAX 32
#define LOOK_MS 200 /* how soon it is seen that nobody waits */
#define OUT_MAX 1024

/* argv, up to a NULL. */
static void
split(const char *command, struct arena *a, char **out)
{
	struct span rest = span_of(command), word;
	size_t n = 0;

	while (n < WORDS_MAX && span_cut(&rest, ' ', &word))
		if (word.len > 0)
			out[n++] = arena_span(a, word);
	out[n] = NULL;
}

int
program_check(const char *command, struct err *e)
{
	struct arena *a = arena_new();
	char *argv[WORDS_MAX + 1];
	int rc = 0;

	split(command, a, argv);
	if (argv[0] == NULL || argv[0][0] != '/' || access(argv[0], X_OK) < 0)
		rc = err_set(e, ERR_INVALID,
			     "\"%s\": the first word must be the whole path "
			     "of a program",
			     command);
	arena_free(&a);
	return rc;
}

/* With the pipe as its output; -1: errno. */
static pid_t
spawn(char **argv, int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF |
					    POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	errno = posix_spawn(&pid, argv[0], &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return errno == 0 ? pid : -1;
}

/* Until it has closed its output; false: it took too long. */
static bool
listen_to(int fd, uint32_t timeout_ms, struct strbuf *out)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	char part[OUT_MAX];

	while (clock_mono_ms() < end && !work_cancelled()) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		n = read(fd, part, sizeof(part));
		if (n == 0)
			return true;
		if (n < 0)
			continue;
		strbuf_add(out, part, (size_t)n);
		if (out->len > OUT_MAX)
			strbuf_cut(out, out->len - OUT_MAX);
	}
	return false;
}

/* All of its group. */
static int
end(pid_t pid, bool at_once)
{
	int status = 0;

	if (at_once)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

int
program_run(const struct program_run *p, struct strbuf *out, struct err *e)
{
	struct arena *a = arena_new();
	char *argv[WORDS_MAX + 1];
	int pipes[2], status;
	pid_t pid;
	bool ended;

	split(p->command, a, argv);
	if (argv[0] == NULL || pipe2(pipes, O_CLOEXEC) < 0) {
		arena_free(&a);
		return err_set(e, ERR_IO, "%s: cannot be started", p->command);
	}
	pid = spawn(argv, p->in, pipes[1]);
	if (pid < 0)
		err_set(e, ERR_IO, "%s: %s", argv[0], strerror(errno));
	arena_free(&a);
	close(pipes[1]);
	ended = pid > 0 && listen_to(pipes[0], p->timeout_ms, out);
	close(pipes[0]);
	if (pid < 0)
		return -1;
	status = end(pid, !ended);
	if (!ended)
		return err_set(e, ERR_TIMEOUT, "%s: no end after %u ms",
			       p->command, p->timeout_ms);
	if (!WIFEXITED(status))
		return err_set(e, ERR_IO, "%s: killed by signal %d", p->command,
			       WTERMSIG(status));
	return WEXITSTATUS(status);
}
