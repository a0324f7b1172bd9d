#include "replicator/copy_pump.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/work.h"

#define PIECE (1024 * 1024)

/* Shared by the pump and the thread that works for it. */
struct shared {
	unsigned refs; /* counted on the loop */
	struct copy_sink *sink;
	struct copy_stage *stage;
};

struct job {
	struct shared *shared;
	char *at;
	size_t len;
	bool last;
	struct err err;
};

struct copy_pump {
	struct copy_pump_conf conf;
	struct shared *shared;
	struct httpc *http;
	struct work *work;
	struct strbuf next; /* what has come and is not being written */
	bool came;          /* the answer has ended, or failed so: */
	struct err lost;
	bool done; /* the sink has got all of it, or failed so: */
	struct err err;
	int status;
	int64_t wire;
};

static void on_data(void *ctx, struct span piece);
static void on_answer(void *ctx, const struct httpc_answer *answer,
		      const struct err *err);
static void in_thread(void *job);
static void on_written(void *ctx, void *job);
static void job_fini(void *job);
static void go_on(struct copy_pump *p);

static void
unref(struct shared *s)
{
	if (--s->refs > 0)
		return;
	copy_sink_free(&s->sink);
	copy_stage_unref(s->stage);
	mem_free(s);
}

struct copy_pump *
copy_pump_start(const struct copy_pump_conf *conf)
{
	struct copy_pump *p = mem_new(struct copy_pump);
	struct httpc_request request = *conf->request;

	p->conf = *conf;
	p->shared = mem_new(struct shared);
	p->shared->refs = 1;
	p->shared->sink = conf->sink;
	p->shared->stage = conf->stage;
	conf->stage->refs++;
	request.on_data = on_data;
	p->http = httpc_start(&request, on_answer, p);
	return p;
}

void
copy_pump_cancel(struct copy_pump **pp)
{
	struct copy_pump *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	httpc_cancel(&p->http);
	work_cancel(&p->work);
	unref(p->shared);
	strbuf_fini(&p->next);
	mem_free(p);
}

static void
on_data(void *ctx, struct span piece)
{
	struct copy_pump *p = ctx;

	p->wire += (int64_t)piece.len;
	strbuf_add_span(&p->next, piece);
	if (p->work == NULL)
		go_on(p);
	else if (p->next.len >= PIECE)
		httpc_pause(p->http);
}

static void
fail_status(struct copy_pump *p, const struct httpc_answer *answer)
{
	JSON_AUTO doc = json_read(answer->body, NULL);
	const char *words = "";

	json_get_str(doc, "message", &words, NULL);
	err_set(&p->lost, ERR_REFUSED, "the primary answers %d: %s",
		answer->status, words);
}

static void
on_answer(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct copy_pump *p = ctx;

	p->http = NULL;
	p->came = true;
	if (answer != NULL)
		p->status = answer->status;
	if (err != NULL)
		p->lost = *err;
	else if (answer->status != 200)
		fail_status(p, answer);
	if (p->work == NULL)
		go_on(p);
}

static void
finish(struct copy_pump *p)
{
	void (*fn)(void *, int, const struct err *) = p->conf.on_end;
	void *ctx = p->conf.ctx;
	struct err err = p->err.code != ERR_NONE ? p->err : p->lost;
	int status = p->status;

	copy_pump_cancel(&p);
	fn(ctx, status, err.code != ERR_NONE ? &err : NULL);
}

/* Nothing is being written. What came before a cut is kept as well: the next
 * try goes on behind it. */
static void
go_on(struct copy_pump *p)
{
	struct job job = { .shared = p->shared };
	bool whole = p->came && p->lost.code == ERR_NONE;

	if (p->err.code != ERR_NONE || p->done ||
	    (p->came && !whole && p->next.len == 0)) {
		finish(p);
		return;
	}
	if (p->next.len == 0 && !whole)
		return;
	job.len = p->next.len;
	job.last = whole;
	job.at = strbuf_take(&p->next);
	p->shared->refs++;
	p->work = work_start(in_thread, &job, sizeof(job), job_fini, on_written,
			     p);
	if (p->http != NULL)
		httpc_resume(p->http);
}

static void
in_thread(void *arg)
{
	struct job *job = arg;
	struct copy_sink *sink = job->shared->sink;

	if (copy_sink_add(sink, span_make(job->at, job->len), &job->err) == 0 &&
	    job->last && copy_sink_end(sink, &job->err) < 0)
		assert(job->err.code != ERR_NONE);
}

static void
on_written(void *ctx, void *arg)
{
	struct copy_pump *p = ctx;
	struct job *job = arg;
	struct copy_sink_stats stats;

	p->work = NULL;
	p->err = job->err;
	p->done = job->last;
	copy_sink_stats(p->shared->sink, &stats);
	p->conf.on_progress(p->conf.ctx, &stats, p->wire);
	go_on(p);
}

static void
job_fini(void *arg)
{
	struct job *job = arg;

	unref(job->shared);
	mem_free(job->at);
}
