#include "site/auth_check.h"

#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/work.h"
#include "site/auth_memory.h"

struct run;

struct auth_check {
	struct run *run;
	auth_check_fn *fn;
	void *ctx;
	TAILQ_ENTRY(auth_check) link;
};
TAILQ_HEAD(asked, auth_check);

/* One computation and those who wait for it; it ends even without them, what
 * it finds out is remembered. */
struct run {
	struct auth_checks *all;
	uint8_t key[CRYPTO_SHA256_SIZE];
	struct work *work;       /* NULL: done, being told */
	struct loop_call *again; /* the next one is about to be told */
	bool right;
	struct asked asked;
	TAILQ_ENTRY(run) link;
};

struct auth_checks {
	struct auth_memory *memory;
	TAILQ_HEAD(, run) runs;
};

struct job {
	char *password;
	char *stored;
	int verdict;
};

static struct run *run_new(struct auth_checks *c,
			   const struct auth_check_of *of);
static void run_job(void *job);
static void free_job(void *job);
static void on_done(void *ctx, void *job);
static void tell(void *ctx);

struct auth_checks *
auth_checks_new(struct auth_memory *m)
{
	struct auth_checks *c = mem_new(struct auth_checks);

	c->memory = m;
	TAILQ_INIT(&c->runs);
	return c;
}

static void
run_free(struct run *r)
{
	TAILQ_REMOVE(&r->all->runs, r, link);
	work_cancel(&r->work);
	loop_defer_cancel(&r->again);
	mem_free(r);
}

void
auth_checks_free(struct auth_checks **cp)
{
	struct auth_checks *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->runs))
		run_free(TAILQ_FIRST(&c->runs));
	mem_free(c);
}

static struct run *
run_find(struct auth_checks *c, const uint8_t *key)
{
	struct run *r;

	TAILQ_FOREACH(r, &c->runs, link)
	if (r->work != NULL && memcmp(r->key, key, sizeof(r->key)) == 0)
		return r;
	return NULL;
}

struct auth_check *
auth_check_start(struct auth_checks *c, const struct auth_check_of *of,
		 auth_check_fn *fn, void *ctx)
{
	struct auth_check *k = mem_new(struct auth_check);

	k->run = run_find(c, of->key);
	if (k->run == NULL)
		k->run = run_new(c, of);
	k->fn = fn;
	k->ctx = ctx;
	TAILQ_INSERT_TAIL(&k->run->asked, k, link);
	return k;
}

void
auth_check_cancel(struct auth_check **kp)
{
	struct auth_check *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	TAILQ_REMOVE(&k->run->asked, k, link);
	mem_free(k);
}

static struct run *
run_new(struct auth_checks *c, const struct auth_check_of *of)
{
	struct run *r = mem_new(struct run);
	struct job job = { .password = mem_strdup(of->password),
			   .stored = mem_strdup(of->stored) };

	r->all = c;
	memcpy(r->key, of->key, sizeof(r->key));
	TAILQ_INIT(&r->asked);
	TAILQ_INSERT_TAIL(&c->runs, r, link);
	r->work = work_start(run_job, &job, sizeof(job), free_job, on_done, r);
	return r;
}

static void
run_job(void *arg)
{
	struct job *job = arg;

	if (job->stored != NULL)
		job->verdict = crypto_scrypt_verify(span_of(job->password),
						    job->stored, NULL);
}

static void
free_job(void *arg)
{
	struct job *job = arg;

	explicit_bzero(job->password, strlen(job->password));
	mem_free(job->password);
	mem_free(job->stored);
}

static void
on_done(void *ctx, void *arg)
{
	struct run *r = ctx;
	const struct job *job = arg;

	r->work = NULL;
	if (job->verdict < 0)
		log_error("auth", "a stored password hash is malformed");
	r->right = job->verdict == 1;
	if (r->right)
		auth_memory_learn(r->all->memory, r->key, clock_mono_us());
	tell(r);
}

/* One per turn: whoever is told may cancel others, or end everything. */
static void
tell(void *ctx)
{
	struct run *r = ctx;
	struct auth_check *k = TAILQ_FIRST(&r->asked);
	struct auth_check told;
	bool right = r->right;

	r->again = NULL;
	if (k == NULL) {
		run_free(r);
		return;
	}
	told = *k;
	auth_check_cancel(&k);
	if (TAILQ_EMPTY(&r->asked))
		run_free(r);
	else
		r->again = loop_defer(tell, r);
	told.fn(told.ctx, right);
}
