/*
 * Changes of the store, one at a time: content first, then, as the one writer
 * of the folder, the next version.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/vault_content.h"
#include "site/files_inner.h"

#define MODULE "files"
#define SETTINGS_MAX (1024 * 1024)
#define KEEP 3
/* Content that nobody names may be about to be named. */
#define GRACE_S 3600
#define PRUNE_MS 60000

struct files_op {
	TAILQ_ENTRY(files_op) link;
	struct files *files;
	struct change *change;
	files_done_fn *done; /* NULL: cancelled */
	void *ctx;
};

/* All that the thread needs; it ends with the work. */
struct change {
	struct vault *vault;
	bool owns, prune;
	char *who, *path, *body_file, *company;
	char *scan;
	char *body;
	size_t body_len;
	bool remove, replace;
	json_t *settings;
	struct files_view *view; /* what came of it */
	struct err err;
};

static void begin(struct files *f);
static void in_thread(void *job);
static void on_changed(void *ctx, void *job);
static void change_fini(void *job);
static int make(struct change *c, struct err *e);

struct files_op *
files_change(struct files *f, const struct files_change *from,
	     files_done_fn *done, void *ctx)
{
	struct files_op *op = mem_new(struct files_op);
	struct change *c = mem_new(struct change);

	c->vault = vault_share(f->vault);
	c->owns = f->owns;
	c->who = mem_strdup(from->who);
	c->path = mem_strdup(from->path);
	c->body_file = mem_strdup(from->body_file);
	c->company = mem_strdup(from->company);
	c->scan = mem_strdup(f->scan);
	if (from->path != NULL && from->body_file == NULL)
		c->body = mem_dup(from->body.len > 0 ? from->body.at : "",
				  from->body.len);
	c->body_len = from->body.len;
	c->remove = from->remove;
	c->replace = from->replace;
	c->settings = json_deep_copy(from->settings);
	*op = (struct files_op){
		.files = f, .change = c, .done = done, .ctx = ctx
	};
	TAILQ_INSERT_TAIL(&f->ops, op, link);
	if (f->changing == NULL)
		begin(f);
	return op;
}

void
files_cancel(struct files_op **opp)
{
	struct files_op *op = *opp;

	*opp = NULL;
	if (op != NULL)
		op->done = NULL;
}

void
files_drop_ops(struct files *f)
{
	struct files_op *op;

	/* The thread that works on the first one has that change. */
	if (f->changing != NULL)
		TAILQ_FIRST(&f->ops)->change = NULL;
	work_cancel(&f->changing);
	while ((op = TAILQ_FIRST(&f->ops)) != NULL) {
		TAILQ_REMOVE(&f->ops, op, link);
		if (op->change != NULL)
			change_fini(&op->change);
		mem_free(op);
	}
}

static void
begin(struct files *f)
{
	struct files_op *op = TAILQ_FIRST(&f->ops);

	if (op == NULL)
		return;
	/* On the other site that is for its replicator, who alone knows
	 * what has come and is not yet named. */
	op->change->prune = f->owns &&
			    clock_mono_ms() - f->pruned_ms > PRUNE_MS;
	if (op->change->prune)
		f->pruned_ms = clock_mono_ms();
	f->changing = work_start(in_thread, &op->change, sizeof(op->change),
				 change_fini, on_changed, f);
}

static void
on_changed(void *ctx, void *job)
{
	struct files *f = ctx;
	struct change *c = *(struct change **)job;
	struct files_op *op = TAILQ_FIRST(&f->ops);
	files_done_fn *done = op->done;
	void *done_ctx = op->ctx;
	struct err err = c->err;

	f->changing = NULL;
	TAILQ_REMOVE(&f->ops, op, link);
	mem_free(op);
	if (err.code != ERR_NONE)
		log_warn(MODULE, "who=\"%s\" path=\"%s\" refused=\"%s\"",
			 c->who, c->path != NULL ? c->path : "settings",
			 err_text(&err));
	else if (c->view != NULL) /* NULL: it was so already */
		log_info(MODULE, "who=\"%s\" %s=\"%s\" version=%lld", c->who,
			 c->remove ? "removed" : "changed",
			 c->path != NULL ? c->path : "settings",
			 (long long)c->view->m->version);
	if (c->view != NULL && c->view->slot != f->view->slot) {
		work_cancel(&f->loading); /* of an older one */
		files_view_set(f, c->view);
		c->view = NULL;
	}
	begin(f);
	if (done != NULL)
		done(done_ctx, f->view->m->version,
		     err.code != ERR_NONE ? &err : NULL);
}

static void
change_fini(void *job)
{
	struct change *c = *(struct change **)job;

	files_release(&c->view);
	vault_close(&c->vault);
	json_decref(c->settings);
	mem_free(c->who);
	mem_free(c->path);
	mem_free(c->body_file);
	mem_free(c->company);
	mem_free(c->scan);
	mem_free(c->body);
	mem_free(c);
}

int
files_found(struct vault *v, struct err *e)
{
	struct change c = { .vault = v,
			    .owns = true,
			    .company = (char *)FILES_SHARED,
			    .settings = json_object() };
	int rc = make(&c, e);

	files_release(&c.view);
	json_decref(c.settings);
	return rc;
}

/* --- in the thread ----------------------------------------------------------
 */

static void
in_thread(void *job)
{
	struct change *c = *(struct change **)job;

	if (make(c, &c->err) == 0 && c->prune)
		vault_prune(c->vault, KEEP, GRACE_S);
}

static int
store(struct vault *v, struct span text, struct manifest_entry *out,
      struct err *e)
{
	struct vault_new n = { .fd = -1 };
	int rc = vault_new_begin(&n, v, NULL, e);

	if (rc == 0)
		rc = vault_new_add(&n, text, e);
	if (rc == 0) {
		out->size = n.size;
		rc = vault_new_end(&n, NULL, out->sha256, e);
	}
	vault_new_fini(&n);
	return rc;
}

/* The content of the file, if there is one to be put. */
static int
store_file(struct change *c, struct manifest_entry *out, struct err *e)
{
	struct span body = span_make(c->body, c->body_len);

	out->path = c->path;
	out->mode = 0644;
	if (c->scan != NULL && files_scan(c->scan, body, c->body_file, e) < 0)
		return -1;
	if (c->body_file != NULL)
		return vault_adopt(c->vault, c->body_file, out, e);
	return store(c->vault, body, out, e);
}

/* RFC 7396. Given. */
static json_t *
merge_patch(const json_t *target, const json_t *patch)
{
	json_t *to, *value;
	const char *key;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	to = json_is_object(target) ? json_deep_copy(target) : json_object();
	json_object_foreach((json_t *)patch, key, value)
	{
		if (json_is_null(value))
			json_object_del(to, key);
		else
			json_object_set_new(
			    to, key,
			    merge_patch(json_object_get(to, key), value));
	}
	return to;
}

static int
store_settings(struct change *c, const struct files_view *now,
	       struct manifest_entry *out, struct err *e)
{
	JSON_AUTO all = json_deep_copy(now->settings);
	STRBUF_AUTO text = { 0 };

	json_put(
	    all, c->company,
	    merge_patch(c->replace ? NULL : json_object_get(all, c->company),
			c->settings));
	json_write(all, JSON_SORTED, &text);
	if (text.len > SETTINGS_MAX)
		return err_set(e, ERR_LIMIT,
			       "the settings are larger than %d bytes",
			       SETTINGS_MAX);
	out->path = now->m->settings.path;
	out->mode = 0644;
	return store(c->vault, strbuf_span(&text), out, e);
}

/* Given: what the next version is. */
static struct manifest *
compose(struct change *c, const struct files_view *now,
	const struct manifest_entry *content, struct err *e)
{
	struct manifest *m;

	if (c->path == NULL) {
		m = manifest_with(now->m, NULL, NULL);
		m->settings = *content;
		m->settings.path = now->m->settings.path;
		return m;
	}
	if (c->remove && manifest_find(now->m, c->path) == NULL) {
		err_set(e, ERR_NOT_FOUND, "there is no %s", c->path);
		return NULL;
	}
	return manifest_with(now->m, c->path, c->remove ? NULL : content);
}

/* What a reader would refuse is not written. */
static int
check_manifest(const struct manifest *m, struct err *e)
{
	STRBUF_AUTO text = { 0 };
	struct manifest *again;

	manifest_write(m, &text);
	again = manifest_parse(strbuf_span(&text), e);
	if (again == NULL)
		return -1;
	manifest_free(&again);
	return 0;
}

static int
publish(struct change *c, struct files_view *now, struct manifest *m,
	struct err *e)
{
	char *reason = c->owns ? NULL : files_override(c->vault);
	int64_t slot;
	int rc;

	manifest_seal(m);
	if (strcmp(m->digest, now->m->digest) == 0) {
		mem_free(reason);
		return 0; /* it is so already */
	}
	m->version = now->m->version + 1;
	m->made_us = clock_wall_us();
	m->override_reason = reason;
	rc = check_manifest(m, e);
	if (rc == 0)
		rc = vault_publish(c->vault, m, &slot, e);
	if (rc == 0) {
		c->view = files_view_load(c->vault, slot, e);
		rc = c->view != NULL ? 0 : -1;
	}
	m->override_reason = NULL;
	mem_free(reason);
	return rc;
}

static int
next_version(struct change *c, const struct manifest_entry *file, struct err *e)
{
	struct files_view *now = NULL;
	struct manifest_entry settings = { 0 };
	struct manifest *m = NULL;
	int64_t slot;
	int rc = -1;

	if (vault_visible(c->vault, &slot, e) == 0)
		now = files_view_load(c->vault, slot, e);
	if (now == NULL)
		return -1;
	if (c->path != NULL || store_settings(c, now, &settings, e) == 0)
		m = compose(c, now, c->path != NULL ? file : &settings, e);
	if (m != NULL)
		rc = publish(c, now, m, e);
	manifest_free(&m);
	files_release(&now);
	return rc;
}

static int
make(struct change *c, struct err *e)
{
	struct manifest_entry file = { 0 };
	int lock, rc;

	if (files_check_change(c->vault, c->owns, e) < 0)
		return -1;
	if (c->path != NULL && manifest_path_ok(span_of(c->path), e) < 0)
		return -1;
	if (c->path != NULL && !c->remove && store_file(c, &file, e) < 0)
		return -1;
	lock = vault_lock(c->vault, e);
	if (lock < 0)
		return -1;
	rc = next_version(c, &file, e);
	vault_unlock(&lock);
	return rc;
}
