#include "site/password.h"

#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "io/work.h"
#include "site/api.h"
#include "site/record.h"
#include "site/settings.h"

struct password {
	struct api *api;
	struct work *work;
	bool uncommon;       /* it must be */
	password_fn *hashed; /* one of the two */
	password_judged_fn *judged;
};

struct job {
	char *password;
	char *word; /* NULL: none */
	bool judge, hash;
	bool uncommon;
	enum strength strength;
	char scrypt[CRYPTO_SCRYPT_SIZE];
};

static void start(struct password *p, const char *password);
static void run(void *job);
static void on_done(void *ctx, void *job);
static void free_job(void *job);

void
password_hash(struct api *a, const char *password, password_fn *fn)
{
	struct password *p;
	bool uncommon = false;

	if (!settings_let_password(a, password, &uncommon))
		return;
	p = mem_new(struct password);
	p->api = a;
	p->uncommon = uncommon;
	p->hashed = fn;
	start(p, password);
}

void
password_judge(struct api *a, const char *password, password_judged_fn *fn)
{
	struct password *p = mem_new(struct password);

	p->api = a;
	p->judged = fn;
	start(p, password);
}

static void
start(struct password *p, const char *password)
{
	struct api *a = p->api;
	struct job job = {
		.password = mem_strdup(password),
		.word = a->company != NULL ? mem_strdup(a->company->name)
					   : NULL,
		.judge = p->judged != NULL || p->uncommon,
		.hash = p->hashed != NULL,
		.uncommon = p->uncommon,
	};

	assert(a->password == NULL);
	a->password = p;
	p->work = work_start(run, &job, sizeof(job), free_job, on_done, p);
}

void
password_cancel(struct password **pp)
{
	struct password *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	work_cancel(&p->work);
	mem_free(p);
}

static bool
is_refused(const struct job *job)
{
	return job->uncommon && job->strength < STRENGTH_FAIR;
}

static void
run(void *arg)
{
	struct job *job = arg;

	if (job->judge)
		job->strength = strength_of(job->password, job->word);
	if (job->hash && !is_refused(job))
		crypto_scrypt_hash(NULL, span_of(job->password), job->scrypt);
}

static void
on_done(void *ctx, void *arg)
{
	struct password *p = ctx;
	struct api *a = p->api;
	const struct job *job = arg;
	password_fn *hashed = p->hashed;
	password_judged_fn *judged = p->judged;

	p->work = NULL;
	password_cancel(&a->password);
	if (judged != NULL)
		judged(a, job->strength);
	else if (is_refused(job))
		settings_refuse_password(a, "password is too easily guessed: "
					    "take a longer or a rarer one");
	else
		hashed(a, arena_strdup(a->arena, job->scrypt));
}

static void
free_job(void *arg)
{
	struct job *job = arg;

	explicit_bzero(job->password, strlen(job->password));
	mem_free(job->password);
	mem_free(job->word);
}
