#include "site/snapshot.h"

#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/manifest_diff.h"
#include "base/mem.h"
#include "io/httpd.h"
#include "io/httpd_large.h"
#include "io/timer.h"
#include "site/files_inner.h"
#include "site/lease.h"
#include "site/signed.h"
#include "site/snapshot_source.h"

#define MODULE "snapshot"
#define HELD 4
#define HELD_MS 600000
#define TIDY_MS 60000

struct held {
	struct files_view *view; /* NULL: free */
	int64_t used_ms;
};

struct snapshot {
	struct site *site;
	struct held held[HELD];
	struct timer *tidy;
	TAILQ_HEAD(, ask) asks;
};

/* Who asks gets what is on the disk now, whoever has put it there. In the
 * request's arena. */
struct ask {
	TAILQ_ENTRY(ask) link;
	struct snapshot *snapshot;
	struct httpd_req *req;
	const char *have, *nonce;
	struct work *work;
};

/* Of the pool. */
struct fresh {
	struct vault *vault;
	int64_t known;
	char digest[MANIFEST_HASH_SIZE]; /* of known */
	char have[MANIFEST_HASH_SIZE];   /* "": a difference is of no use */
	struct manifest *base;           /* of that digest; NULL: not here */
	struct files_view *view;         /* NULL: known is the newest */
	struct err err;
};

static void on_tidy(void *ctx);
static void ask(struct snapshot *s, struct httpd_req *req, const json_t *body);
static void in_thread(void *job);
static void on_fresh(void *ctx, void *job);
static void fresh_fini(void *job);
static void answer_manifest(const struct ask *a, const struct manifest *base);
static void answer_source(struct snapshot *s, struct httpd_req *req,
			  const json_t *body, struct span rest);

struct snapshot *
snapshot_new(struct site *site)
{
	struct snapshot *s = mem_new(struct snapshot);

	s->site = site;
	TAILQ_INIT(&s->asks);
	s->tidy = timer_start(TIDY_MS, on_tidy, s);
	return s;
}

void
snapshot_free(struct snapshot **sp)
{
	struct snapshot *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < HELD; i++)
		files_release(&s->held[i].view);
	timer_cancel(&s->tidy);
	for (struct ask *a = TAILQ_FIRST(&s->asks); a != NULL;
	     a = TAILQ_NEXT(a, link))
		work_cancel(&a->work);
	mem_free(s);
}

static void
on_tidy(void *ctx)
{
	struct snapshot *s = ctx;
	int64_t before = clock_mono_ms() - HELD_MS;

	for (size_t i = 0; i < HELD; i++)
		if (s->held[i].used_ms < before)
			files_release(&s->held[i].view);
	s->tidy = timer_start(TIDY_MS, on_tidy, s);
}

/* The one that is used longest ago makes room. */
static void
hold(struct snapshot *s, struct files_view *view)
{
	struct held *to = &s->held[0];

	for (size_t i = 0; i < HELD; i++) {
		struct held *h = &s->held[i];

		if (h->view == view) {
			to = h;
			break;
		}
		if (to->view != NULL &&
		    (h->view == NULL || h->used_ms < to->used_ms))
			to = h;
	}
	if (to->view != view) {
		files_release(&to->view);
		view->refs++;
		to->view = view;
	}
	to->used_ms = clock_mono_ms();
	vault_pin(s->site->files->vault, view->slot);
}

/* Borrowed from what is held; NULL: it has gone. */
static struct files_view *
find(struct snapshot *s, const char *digest)
{
	for (size_t i = 0; i < HELD; i++) {
		struct files_view *v = s->held[i].view;

		if (v != NULL && strcmp(v->m->digest, digest) == 0) {
			hold(s, v);
			return v;
		}
	}
	return NULL;
}

void
snapshot_handle(struct snapshot *s, struct httpd_req *req)
{
	struct span rest;
	JSON_AUTO body = signed_read_line(s->site, req, &rest);
	const char *op = "";

	if (body == NULL)
		return;
	json_get_str(body, "op", &op, NULL);
	if (!s->site->role->owns_configuration)
		lease_refuse(req, 409,
			     "this site does not publish settings and files: "
			     "[copy] url must name the primary");
	else if (strcmp(op, "manifest") == 0)
		ask(s, req, body);
	else if (strcmp(op, "files") == 0 || strcmp(op, "delta") == 0)
		answer_source(s, req, body, rest);
	else
		lease_refuse(req, 400,
			     "op must be \"manifest\", \"files\" or "
			     "\"delta\"");
}

static void
ask(struct snapshot *s, struct httpd_req *req, const json_t *body)
{
	struct ask *a = arena_make(httpd_arena(req), struct ask);
	struct fresh fresh = { .vault = vault_share(s->site->files->vault),
			       .known = s->site->files->view->slot };
	const char *have = "", *nonce = "";
	bool diff = false;

	json_get_str(body, "have", &have, NULL);
	json_get_str(body, "nonce", &nonce, NULL);
	json_get_bool(body, "diff", &diff, NULL);
	memcpy(fresh.digest, s->site->files->view->m->digest,
	       sizeof(fresh.digest));
	if (diff)
		span_copy(span_of(have), fresh.have, sizeof(fresh.have));
	a->snapshot = s;
	a->req = req;
	a->have = arena_strdup(httpd_arena(req), have);
	a->nonce = arena_strdup(httpd_arena(req), nonce);
	TAILQ_INSERT_TAIL(&s->asks, a, link);
	a->work = work_start(in_thread, &fresh, sizeof(fresh), fresh_fini,
			     on_fresh, a);
}

/* Given: the version of that digest, if it is still here. */
static struct manifest *
find_base(const struct vault *v, const char *digest)
{
	struct manifest *m = NULL;
	size_t n;
	int64_t *slots = vault_slots(v, &n);

	for (; n > 0 && m == NULL; n--) {
		m = vault_read(v, slots[n - 1], NULL);
		if (m != NULL && strcmp(m->digest, digest) != 0)
			manifest_free(&m);
	}
	mem_free(slots);
	return m;
}

static void
in_thread(void *job)
{
	struct fresh *f = job;
	int64_t slot;

	if (vault_visible(f->vault, &slot, &f->err) == 0 && slot != f->known)
		f->view = files_view_load(f->vault, slot, &f->err);
	if (f->view != NULL)
		memcpy(f->digest, f->view->m->digest, sizeof(f->digest));
	if (f->have[0] != '\0' && strcmp(f->have, f->digest) != 0)
		f->base = find_base(f->vault, f->have);
}

static void
on_fresh(void *ctx, void *job)
{
	struct ask *a = ctx;
	struct files *files = a->snapshot->site->files;
	struct fresh *f = job;

	a->work = NULL;
	TAILQ_REMOVE(&a->snapshot->asks, a, link);
	if (f->view != NULL && f->view->slot > files->view->slot) {
		files_view_set(files, f->view);
		f->view = NULL;
	}
	if (f->err.code != ERR_NONE)
		lease_refuse(a->req, 500, err_text(&f->err));
	else
		answer_manifest(a, f->base);
}

static void
fresh_fini(void *job)
{
	struct fresh *f = job;

	files_release(&f->view);
	manifest_free(&f->base);
	vault_close(&f->vault);
}

/*
 * A line of JSON, then the manifest unless the backup has it; where the one
 * that it has is known here, only how they differ. All of it is signed, and
 * the nonce makes it an answer to this question alone.
 */
static void
answer_manifest(const struct ask *a, const struct manifest *base)
{
	struct site *site = a->snapshot->site;
	struct files_view *view = files_hold(site->files);
	JSON_AUTO doc = json_object();
	STRBUF_AUTO text = { 0 };
	STRBUF_AUTO sig = { 0 };
	bool same = strcmp(a->have, view->m->digest) == 0;

	hold(a->snapshot, view);
	json_put_str(doc, "nonce", a->nonce);
	json_put_str(doc, "digest", view->m->digest);
	json_put_bool(doc, "same", same);
	json_put_bool(doc, "diff", !same && base != NULL);
	json_put_int(doc, "at_us", clock_wall_us());
	json_write(doc, JSON_AS_MADE, &text);
	strbuf_addc(&text, '\n');
	if (!same && base != NULL)
		manifest_diff(base, view->m, &text);
	else if (!same)
		manifest_write(view->m, &text);
	files_release(&view);
	keyring_sign(site->keys, strbuf_span(&text), &sig);
	httpd_reply(a->req, 200,
		    (struct httpd_field[]){
			{ "Content-Type", "application/octet-stream" },
			{ "GSB-Signature", strbuf_text(&sig) },
			{ NULL, NULL } },
		    strbuf_span(&text));
}

static void
answer_source(struct snapshot *s, struct httpd_req *req, const json_t *body,
	      struct span rest)
{
	static const struct httpd_field fields[] = {
		{ "Content-Type", "application/octet-stream" },
		{ NULL, NULL },
	};
	struct httpd_source source;
	struct err e = { 0 };
	const char *digest = NULL;
	struct files_view *view;

	if (json_need_str(body, "digest", &digest, &e) < 0) {
		lease_refuse(req, 400, err_text(&e));
		return;
	}
	view = find(s, digest);
	if (view == NULL) {
		lease_refuse(req, 410,
			     "that version is no longer held; ask for the "
			     "manifest again");
		return;
	}
	if (snapshot_source(s->site->files->vault, view, body, rest, &source,
			    &e) < 0)
		lease_refuse(req, 400, err_text(&e));
	else
		httpd_reply_source(req, 200, fields, &source);
}
