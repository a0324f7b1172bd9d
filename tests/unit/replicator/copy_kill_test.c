/*
 * A copy without its network, killed (-9) before each call that changes the
 * disk, and within each write: what is visible is a whole version, the old
 * one or the new one, and the next copy brings the new one.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/manifest_frame.h"
#include "base/mem.h"
#include "base/unit.h"
#include "io/vault_content.h"
#include "replicator/copy_sink.h"
#include "replicator/copy_stage.h"

#define FILES 5 /* the settings, two that stay, a new one, a large new one */
#define LARGE ((1 << 20) + 5000)
#define PIECE 300000
#define KEEP 2

/* Calls that change the disk until the process dies; 0: it does not. */
static unsigned fuse;

/* --- in place of libc's ---------------------------------------------------
 */

static void
step(void)
{
	if (fuse > 0 && --fuse == 0)
		kill(getpid(), SIGKILL);
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
		step();
	}
	return (int)syscall(SYS_openat, dir, name, flags, mode);
}

ssize_t
write(int fd, const void *at, size_t len)
{
	if (fuse == 1)
		(void)!syscall(SYS_write, fd, at, len / 2);
	step();
	return syscall(SYS_write, fd, at, len);
}

int
renameat(int from, const char *was, int to, const char *name)
{
	step();
	return (int)syscall(SYS_renameat, from, was, to, name);
}

int
symlinkat(const char *to, int dir, const char *name)
{
	step();
	return (int)syscall(SYS_symlinkat, to, dir, name);
}

int
unlinkat(int dir, const char *name, int flags)
{
	step();
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

int
syncfs(int fd)
{
	step();
	return 0; /* a process that dies takes nothing with it */
}

int
fsync(int fd)
{
	step();
	return 0;
}

/* --- versions
 * ----------------------------------------------------------------
 */

/* Of file `index` in that version. */
static void
content(size_t index, int64_t version, struct strbuf *out)
{
	static char large[LARGE];

	if (index == 0)
		strbuf_addf(out, "{\"acme\":%d}", (int)version);
	else if (index < 3)
		strbuf_addf(out, "the same %zu", index);
	else
		strbuf_addf(out, "file %zu of %d", index, (int)version);
	if (index < 4)
		return;
	memset(large, 'a' + (int)(version % 26), sizeof(large));
	strbuf_add(out, large, sizeof(large));
}

static struct manifest_entry
entry(size_t index, int64_t version, const char *path)
{
	STRBUF_AUTO text = { 0 };
	struct manifest_entry f = { .path = path, .mode = 0644 };
	struct crypto_hash *h = crypto_hash_new();

	content(index, version, &text);
	crypto_hash_add(h, strbuf_span(&text));
	crypto_hash_end(h, f.sha256);
	crypto_hash_free(&h);
	f.size = (int64_t)text.len;
	return f;
}

/* A large file of another name each time: by delta it is another test's. */
static struct manifest *
make_version(int64_t version)
{
	struct manifest *m = manifest_new(), *next;
	char path[64];

	m->settings = entry(0, version, m->settings.path);
	for (size_t i = 1; i < FILES; i++) {
		struct manifest_entry f;

		snprintf(path, sizeof(path), "pages/a/%zu-%d", i,
			 i == 4 ? (int)version : 0);
		f = entry(i, version, path);
		next = manifest_with(m, path, &f);
		manifest_free(&m);
		m = next;
	}
	m->version = version;
	manifest_seal(m);
	return m;
}

/* --- a copy
 * ------------------------------------------------------------------
 */

static void
add_frame(const struct copy_need *need, int64_t version, struct strbuf *out)
{
	char head[MANIFEST_FRAME_SIZE];
	STRBUF_AUTO text = { 0 };
	struct manifest_frame f = {
		.kind = MANIFEST_FRAME_FILE,
		.index = need->index,
		.length = (uint64_t)(need->entry->size - need->have),
	};

	content(need->index, version, &text);
	manifest_frame_put(&f, head);
	strbuf_add(out, head, sizeof(head));
	strbuf_add(out, text.at + need->have, text.len - (size_t)need->have);
}

static void
fetch(struct vault *v, const struct copy_need *needs, size_t n, int64_t version)
{
	struct copy_sink *s = copy_sink_files(v, needs, n);
	struct manifest_frame end = { .kind = MANIFEST_FRAME_END };
	char head[MANIFEST_FRAME_SIZE];
	STRBUF_AUTO stream = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		add_frame(&needs[i], version, &stream);
	manifest_frame_put(&end, head);
	strbuf_add(&stream, head, sizeof(head));
	for (struct span left = strbuf_span(&stream); left.len > 0;) {
		size_t piece = left.len < PIECE ? left.len : PIECE;

		unit_works(copy_sink_add(s, span_make(left.at, piece), &e), &e);
		left = span_skip(left, piece);
	}
	unit_works(copy_sink_end(s, &e), &e);
	copy_sink_free(&s);
}

static void
must(const struct copy_stage *s)
{
	if (s->err.code != ERR_NONE)
		fail_msg("%s", err_text(&s->err));
}

static void
copy(const char *dir, int64_t version)
{
	struct err e = { 0 };
	struct vault *v = vault_open(dir, &e);
	struct copy_stage *s = copy_stage_new(v, KEEP, false);
	struct manifest *m = make_version(version);

	copy_stage_open(&s);
	must(s);
	s->same = strcmp(s->old->digest, m->digest) == 0;
	memcpy(s->digest, m->digest, sizeof(s->digest));
	manifest_write(m, &s->text);
	manifest_free(&m);
	copy_stage_compare(&s);
	must(s);
	if (s->plan->nbulk > 0)
		fetch(v, s->plan->bulk, s->plan->nbulk, version);
	for (size_t i = 0; i < s->plan->nsingle; i++)
		fetch(v, &s->plan->single[i], 1, version);
	copy_stage_show(&s);
	must(s);
	copy_stage_unref(s);
	vault_close(&v);
}

/* The number of what is visible, all of it read. */
static int64_t
visible(const char *dir)
{
	struct err e = { 0 };
	struct vault *v = vault_open(dir, &e);
	struct manifest *m;
	int64_t slot, version;

	unit_works(vault_visible(v, &slot, &e), &e);
	m = vault_read(v, slot, &e);
	if (m == NULL)
		fail_msg("%s", err_text(&e));
	assert_true(vault_has(v, &m->settings, true));
	assert_int_equal(m->n, FILES - 1);
	for (size_t i = 0; i < m->n; i++)
		assert_true(vault_has(v, &m->files[i], true));
	version = m->version;
	manifest_free(&m);
	vault_close(&v);
	return version;
}

/* Whether it lived to the end. */
static bool
dies(const char *dir, int64_t version, unsigned calls)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		fuse = calls;
		copy(dir, version);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static void
test_killed_at_every_call(void **state)
{
	char dir[] = "/tmp/copy-kill-XXXXXX", command[64];
	int64_t version = 1, seen;
	unsigned calls = 1, news = 0;

	assert_non_null(mkdtemp(dir));
	copy(dir, version);
	while (dies(dir, version + 1, calls)) {
		seen = visible(dir);
		assert_true(seen == version || seen == version + 1);
		news += seen > version;
		copy(dir, ++version);
		assert_int_equal(visible(dir), version);
		calls++;
	}
	/* one for each write of the large file alone, and behind the switch */
	assert_true(calls > LARGE / PIECE + 10);
	assert_true(news > 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
