/*
 *   ask -> compare -> fetch (one stream, then one file after the other)
 *                        -> show        each arrow may end in a failure
 *
 * What the pool works with is in `stage`, which it has alone meanwhile.
 */
#include "replicator/copy_run.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/delta.h"
#include "io/httpc.h"
#include "io/work.h"
#include "replicator/copy_flush.h"
#include "replicator/copy_pump.h"
#include "replicator/copy_stage.h"

#define MODULE "copy"
#define ASK_MS 60000
#define STALL_MS 120000
#define MANIFEST_MAX (256u << 20)
#define NONCE_BYTES 16
#define WANT_MAX 20000 /* pairs: fits the body that a site takes */

const char *const copy_phase_names[] = { "ask", "compare", "fetch", "show" };

struct copy_run {
	struct copy_run_conf conf;
	char *url;
	char *held;
	copy_run_fn *fn;
	void *ctx;
	struct copy_stage *stage;
	struct work *work;
	struct httpc *http;
	struct copy_pump *pump;
	struct copy_flush *flush;
	char nonce[2 * NONCE_BYTES + 1];
	size_t bulk;   /* of the plan: asked for so far */
	size_t single; /* likewise */
	bool whole;    /* this single one not by delta: that was wrong */
	int64_t files_then, bytes_then, wire_then; /* before this stream */
	struct copy_progress progress;
	struct copy_result result;
};

static void on_opened(void *ctx, void *job);
static void on_manifest(void *ctx, const struct httpc_answer *answer,
			const struct err *err);
static void on_compared(void *ctx, void *job);
static void on_signed(void *ctx, void *job);
static void on_progress(void *ctx, const struct copy_sink_stats *stats,
			int64_t wire_bytes);
static void on_bulk(void *ctx, int status, const struct err *err);
static void on_single(void *ctx, int status, const struct err *err);
static void on_flushed(void *ctx, const struct err *err);
static void on_shown(void *ctx, void *job);
static void fetch_next(struct copy_run *r);

static void
stage_fini(void *job)
{
	copy_stage_unref(*(struct copy_stage **)job);
}

static void
run_stage(struct copy_run *r, work_fn *fn, work_done_fn *done)
{
	r->stage->refs++;
	r->work = work_start(fn, &r->stage, sizeof(struct copy_stage *),
			     stage_fini, done, r);
}

struct copy_run *
copy_run_start(const struct copy_run_conf *conf, copy_run_fn *fn, void *ctx)
{
	struct copy_run *r = mem_new(struct copy_run);

	r->conf = *conf;
	r->url = mem_printf("%s/gsb/snapshot", conf->url);
	r->held = mem_strdup(conf->held);
	r->fn = fn;
	r->ctx = ctx;
	r->stage = copy_stage_new(conf->vault, conf->keep, conf->verify);
	r->flush = copy_flush_new(conf->vault);
	run_stage(r, copy_stage_open, on_opened);
	return r;
}

void
copy_run_cancel(struct copy_run **rp)
{
	struct copy_run *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	work_cancel(&r->work);
	httpc_cancel(&r->http);
	copy_pump_cancel(&r->pump);
	copy_flush_free(&r->flush);
	copy_stage_unref(r->stage);
	mem_free(r->url);
	mem_free(r->held);
	mem_free(r);
}

const struct copy_progress *
copy_run_progress(const struct copy_run *r)
{
	return &r->progress;
}

static void
end(struct copy_run *r, const struct err *why)
{
	copy_run_fn *fn = r->fn;
	void *ctx = r->ctx;
	struct copy_result result = r->result;
	struct err err = { 0 };

	if (why != NULL)
		err = *why;
	result.wire_in = r->progress.wire_bytes;
	copy_run_cancel(&r);
	fn(ctx, &result, why != NULL ? &err : NULL);
}

/* --- asking -----------------------------------------------------------------
 */

/* The request's body, signed; rest: bytes behind the line of JSON. */
static void
prepare(struct copy_run *r, json_t *doc, struct span rest, struct strbuf *body,
	struct strbuf *signature)
{
	json_put_int(doc, "at_us", clock_wall_us());
	json_write(doc, JSON_AS_MADE, body);
	strbuf_addc(body, '\n');
	strbuf_add_span(body, rest);
	keyring_sign(r->conf.keys, strbuf_span(body), signature);
	r->result.wire_out += (int64_t)body->len;
}

static void
on_opened(void *ctx, void *job)
{
	struct copy_run *r = ctx;
	STRBUF_AUTO body = { 0 };
	STRBUF_AUTO sig = { 0 };
	STRBUF_AUTO nonce = { 0 };
	JSON_AUTO doc = json_object();
	char raw[NONCE_BYTES];

	r->work = NULL;
	if (r->stage->err.code != ERR_NONE) {
		end(r, &r->stage->err);
		return;
	}
	crypto_random(raw, sizeof(raw));
	crypto_hex(span_make(raw, sizeof(raw)), &nonce);
	span_copy(strbuf_span(&nonce), r->nonce, sizeof(r->nonce));
	json_put_str(doc, "op", "manifest");
	json_put_str(doc, "nonce", r->nonce);
	json_put_str(doc, "have", r->stage->old->digest);
	json_put_bool(doc, "diff", true);
	prepare(r, doc, (struct span){ 0 }, &body, &sig);
	r->result.asked_us = clock_wall_us();
	r->http = httpc_start(
	    &(struct httpc_request){
		.method = "POST",
		.url = r->url,
		.fields = (struct httpc_field[]){ { "GSB-Signature",
						    strbuf_text(&sig) },
						  { NULL, NULL } },
		.body = strbuf_span(&body),
		.timeout_ms = ASK_MS,
		.ca_file = r->conf.ca_file,
		.max_answer = MANIFEST_MAX,
	    },
	    on_manifest, r);
}

static int
refused(const struct httpc_answer *answer, struct err *e)
{
	JSON_AUTO doc = json_read(answer->body, NULL);
	const char *words = "";

	json_get_str(doc, "message", &words, NULL);
	return err_set(e, ERR_REFUSED, "the primary answers %d: %s",
		       answer->status, words);
}

/* It is our peer's, and an answer to this question. */
static int
check_answer(struct copy_run *r, const struct httpc_answer *answer,
	     struct err *e)
{
	struct span rest = answer->body, line = { 0 };
	JSON_AUTO head = NULL;
	const char *nonce = NULL, *digest = NULL;

	if (answer->status != 200)
		return refused(answer, e);
	if (keyring_verify(r->conf.keys, answer->body,
			   httpc_field(answer, "GSB-Signature"), e) < 0)
		return err_prefix(e, "the manifest's signature");
	span_cut(&rest, '\n', &line);
	head = json_read(line, e);
	if (head == NULL || json_need_str(head, "nonce", &nonce, e) < 0 ||
	    json_need_str(head, "digest", &digest, e) < 0 ||
	    json_need_bool(head, "same", &r->stage->same, e) < 0 ||
	    json_get_bool(head, "diff", &r->stage->diff, e) < 0)
		return err_prefix(e, "the manifest's head");
	if (strcmp(nonce, r->nonce) != 0)
		return err_set(e, ERR_REFUSED,
			       "the manifest answers another question: an old "
			       "answer was sent again");
	span_copy(span_of(digest), r->stage->digest, sizeof(r->stage->digest));
	strbuf_add_span(&r->stage->text, rest);
	return 0;
}

static void
on_manifest(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct copy_run *r = ctx;
	struct err e = { 0 };

	r->http = NULL;
	if (err != NULL) {
		e = *err;
		err_prefix(&e, "asking %s", r->conf.url);
		end(r, &e);
		return;
	}
	r->progress.wire_bytes += (int64_t)answer->body.len;
	if (check_answer(r, answer, &e) < 0) {
		end(r, &e);
		return;
	}
	r->progress.phase = COPY_COMPARE;
	run_stage(r, copy_stage_compare, on_compared);
}

static void
note_versions(struct copy_run *r)
{
	const struct copy_stage *s = r->stage;
	const char *reason = s->old->override_reason;

	r->result.same = s->same;
	r->result.version = s->to->version;
	r->result.files = (int64_t)s->to->n;
	r->result.bytes = s->to->bytes;
	r->result.slot = s->slot;
	memcpy(r->result.digest, s->to->digest, sizeof(r->result.digest));
	copy_diff(s->old, s->to, &r->result.diff);
	if (!s->same && reason != NULL)
		(void)!span_copy(span_make(reason, strnlen(reason, 255)),
				 r->result.replaced,
				 sizeof(r->result.replaced));
}

static void
on_compared(void *ctx, void *job)
{
	struct copy_run *r = ctx;
	struct copy_stage *s = r->stage;

	r->work = NULL;
	if (s->err.code != ERR_NONE) {
		end(r, &s->err);
		return;
	}
	note_versions(r);
	if (r->held != NULL && strcmp(r->held, s->to->digest) == 0) {
		r->result.held = true;
		end(r, NULL);
		return;
	}
	r->progress.phase = COPY_FETCH;
	r->progress.files_all = (int64_t)(s->plan->nbulk + s->plan->nsingle);
	r->progress.bytes_all = s->plan->bytes;
	r->result.mended = s->same && r->progress.files_all > 0;
	fetch_next(r);
}

/* --- fetching ---------------------------------------------------------------
 */

static void
start_pump(struct copy_run *r, struct copy_sink *sink, json_t *doc,
	   struct span rest, void (*on_end)(void *, int, const struct err *))
{
	STRBUF_AUTO body = { 0 };
	STRBUF_AUTO sig = { 0 };
	const struct httpc_field *fields;

	json_put_str(doc, "digest", r->stage->to->digest);
	prepare(r, doc, rest, &body, &sig);
	fields = (struct httpc_field[]){ { "GSB-Signature", strbuf_text(&sig) },
					 { NULL, NULL } };
	r->files_then = r->progress.files;
	r->bytes_then = r->progress.bytes;
	r->wire_then = r->progress.wire_bytes;
	r->pump = copy_pump_start(&(struct copy_pump_conf){
	    .request =
		&(struct httpc_request){
		    .method = "POST",
		    .url = r->url,
		    .fields = fields,
		    .body = strbuf_span(&body),
		    .stall_ms = STALL_MS,
		    .connect_timeout_ms = ASK_MS,
		    .ca_file = r->conf.ca_file,
		    .max_rate = r->conf.max_rate,
		},
	    .sink = sink,
	    .stage = r->stage,
	    .on_progress = on_progress,
	    .on_end = on_end,
	    .ctx = r,
	});
}

static void
fetch_bulk(struct copy_run *r)
{
	const struct copy_plan *p = r->stage->plan;
	size_t first = r->bulk;
	JSON_AUTO doc = json_object();

	json_put_str(doc, "op", "files");
	json_put(doc, "want", copy_plan_want(p, first, WANT_MAX, &r->bulk));
	start_pump(
	    r, copy_sink_files(r->conf.vault, p->bulk + first, r->bulk - first),
	    doc, (struct span){ 0 }, on_bulk);
}

static void
fetch_single(struct copy_run *r)
{
	const struct copy_need *need = r->stage->need;
	bool delta = need->basis != NULL;
	JSON_AUTO doc = json_object();

	json_put_str(doc, "op", delta ? "delta" : "files");
	json_put_int(doc, "from", need->have);
	json_put(doc, "want",
		 json_pack("[[i,i]]", (int)need->index, (int)need->index));
	start_pump(r,
		   delta ? copy_sink_delta(r->conf.vault, need)
			 : copy_sink_files(r->conf.vault, need, 1),
		   doc, strbuf_span(&r->stage->signature), on_single);
}

static void
fetch_next(struct copy_run *r)
{
	struct copy_stage *s = r->stage;

	if (r->bulk < s->plan->nbulk) {
		fetch_bulk(r);
		return;
	}
	if (r->single < s->plan->nsingle) {
		s->need = &s->plan->single[r->single];
		strbuf_reset(&s->signature);
		if (s->need->basis != NULL)
			run_stage(r, copy_stage_sign, on_signed);
		else
			fetch_single(r);
		return;
	}
	r->progress.phase = COPY_SHOW;
	r->result.fetched = r->progress.bytes;
	copy_flush_end(r->flush, on_flushed, r);
}

static void
on_signed(void *ctx, void *job)
{
	struct copy_run *r = ctx;

	r->work = NULL;
	if (r->stage->err.code != ERR_NONE)
		end(r, &r->stage->err);
	else
		fetch_single(r);
}

static void
on_progress(void *ctx, const struct copy_sink_stats *stats, int64_t wire_bytes)
{
	struct copy_run *r = ctx;

	r->progress.files = r->files_then + stats->files;
	r->progress.bytes = r->bytes_then + stats->bytes;
	r->progress.wire_bytes = r->wire_then + wire_bytes;
	copy_flush_note(r->flush, r->progress.bytes);
}

static void
on_bulk(void *ctx, int status, const struct err *err)
{
	struct copy_run *r = ctx;

	r->pump = NULL;
	if (err != NULL)
		end(r, err);
	else
		fetch_next(r);
}

/*
 * A delta that gives another file than announced: what it was made against
 * is damaged here. Then the file comes whole, once.
 */
static void
on_single(void *ctx, int status, const struct err *err)
{
	struct copy_run *r = ctx;
	struct copy_need *need = r->stage->need;

	r->pump = NULL;
	if (err != NULL && need->basis != NULL && err->code == ERR_INVALID) {
		log_warn(MODULE, "file=\"%s\" delta=wrong why=\"%s\"",
			 need->entry->path, err_text(err));
		need->basis = NULL;
		need->have = 0;
		copy_stage_forget(r->stage);
		fetch_next(r);
		return;
	}
	if (err != NULL) {
		end(r, err);
		return;
	}
	r->single++;
	fetch_next(r);
}

static void
on_flushed(void *ctx, const struct err *err)
{
	struct copy_run *r = ctx;

	if (err != NULL)
		end(r, err);
	else
		run_stage(r, copy_stage_show, on_shown);
}

static void
on_shown(void *ctx, void *job)
{
	struct copy_run *r = ctx;

	r->work = NULL;
	r->result.slot = r->stage->slot;
	end(r, r->stage->err.code != ERR_NONE ? &r->stage->err : NULL);
}
