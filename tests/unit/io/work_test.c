/*
 * Work that nobody waits for any more ends early: a program that is told to
 * end does not read a terabyte first.
 */
#include "io/work.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/unit.h"
#include "io/delta.h"
#include "io/loop.h"
#include "io/vault_content.h"

/* Without blocks on the disk; hours of reading. */
#define HUGE_BYTES (INT64_C(1) << 40)
/* A test that would read it all is ended by the alarm. */
#define ENOUGH_S 300

struct huge {
	char dir[64], path[80];
	int fd;
	struct vault *vault;
};

/* What the thread says. */
struct told {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool begun, over;
	int rc;
	struct err err;
};

struct job {
	const struct huge *huge;
	int (*run)(const struct huge *h, struct err *e);
	struct told *told;
};

static void
say(struct told *t, bool *what)
{
	pthread_mutex_lock(&t->lock);
	*what = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static void
in_thread(void *arg)
{
	struct job *j = arg;

	say(j->told, &j->told->begun);
	j->told->rc = j->run(j->huge, &j->told->err);
	say(j->told, &j->told->over);
}

static void
on_done(void *ctx, void *job)
{
	fail_msg("a cancelled job was told of");
}

static int
set_up(void **state)
{
	struct huge *h = calloc(1, sizeof(*h));
	struct err e = { 0 };

	alarm(ENOUGH_S);
	snprintf(h->dir, sizeof(h->dir), "/tmp/work-test-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->path, sizeof(h->path), "%s/huge", h->dir);
	h->fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(h->fd >= 0);
	assert_int_equal(ftruncate(h->fd, HUGE_BYTES), 0);
	h->vault = vault_open(h->dir, &e);
	if (h->vault == NULL)
		fail_msg("%s", err_text(&e));
	*state = h;
	return 0;
}

static int
tear_down(void **state)
{
	struct huge *h = *state;
	char command[128];

	vault_close(&h->vault);
	close(h->fd);
	snprintf(command, sizeof(command), "rm -r %s", h->dir);
	assert_int_equal(system(command), 0);
	free(h);
	alarm(0);
	return 0;
}

/* It begins, is cancelled, and the loop can be closed. */
static void
ends_early(const struct huge *h, int (*run)(const struct huge *, struct err *))
{
	struct told t = { .lock = PTHREAD_MUTEX_INITIALIZER,
			  .changed = PTHREAD_COND_INITIALIZER };
	struct job j = { .huge = h, .run = run, .told = &t };
	struct work *w;

	loop_open();
	w = work_start(in_thread, &j, sizeof(j), NULL, on_done, NULL);
	pthread_mutex_lock(&t.lock);
	while (!t.begun)
		pthread_cond_wait(&t.changed, &t.lock);
	pthread_mutex_unlock(&t.lock);
	work_cancel(&w);
	loop_close();
	assert_true(t.over);
	assert_int_equal(t.rc, -1);
	assert_int_equal(t.err.code, ERR_IO);
}

static int
adopt(const struct huge *h, struct err *e)
{
	struct manifest_entry f = { 0 };

	return vault_adopt(h->vault, h->path, &f, e);
}

static void
test_hashing(void **state)
{
	const struct huge *h = *state;

	ends_early(h, adopt);
	assert_int_equal(access(h->path, F_OK), 0); /* not taken half read */
}

static int
sign(const struct huge *h, struct err *e)
{
	STRBUF_AUTO out = { 0 };

	return delta_signature(h->fd, HUGE_BYTES, &out, e);
}

static void
test_a_signature(void **state)
{
	ends_early(*state, sign);
}

/* Against an old file of zeros as well. */
static int
make_delta(const struct huge *h, struct err *e)
{
	STRBUF_AUTO signature = { 0 };
	char name[96], buf[65536];
	struct delta_make *m = NULL;
	ssize_t n = -1;
	int fd;

	snprintf(name, sizeof(name), "%s/old", h->dir);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && ftruncate(fd, 1 << 20) == 0 &&
	    delta_signature(fd, 1 << 20, &signature, e) == 0)
		m = delta_make_new(strbuf_span(&signature), dup(h->fd), 0, e);
	close(fd);
	if (m == NULL)
		return -1;
	do
		n = delta_make_read(m, buf, sizeof(buf), e);
	while (n > 0);
	delta_make_free(&m);
	return (int)n;
}

static void
test_a_delta(void **state)
{
	ends_early(*state, make_delta);
}

static int
on_piece(void *ctx, struct span piece, struct err *e)
{
	return 0;
}

/* One command: copy all of the old file. */
static int
put_together(const struct huge *h, struct err *e)
{
	static const char delta[] = "rs\2\66"
				    "\x54\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0";
	struct delta_patch *p = delta_patch_new(h->fd, on_piece, NULL);
	int rc = delta_patch_add(p, span_make(delta, sizeof(delta) - 1), e);

	delta_patch_free(&p);
	return rc;
}

static void
test_putting_together(void **state)
{
	ends_early(*state, put_together);
}

static void
test_outside_of_a_job_nothing_is_cancelled(void **state)
{
	assert_false(work_cancelled());
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_hashing),
		T(test_a_signature),
		T(test_a_delta),
		T(test_putting_together),
		cmocka_unit_test(test_outside_of_a_job_nothing_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
