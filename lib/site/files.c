#include "site/files.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/vault_content.h"
#include "site/files_inner.h"

#define MODULE "files"

/* A version on its way from the disk. */
struct load {
	struct vault *vault;
	int64_t slot;
	struct files_view *view;
	struct err err;
};

static void in_thread(void *job);
static void on_loaded(void *ctx, void *job);
static void load_fini(void *job);

/* The bytes of a JSON object; an empty version has none on the disk. */
static json_t *
load_settings(const struct vault *v, const struct manifest *m, struct err *e)
{
	STRBUF_AUTO text = { 0 };
	json_t *doc;

	if (m->version == 0)
		return json_object();
	if (vault_load(v, &m->settings, &text, e) < 0)
		return NULL;
	doc = json_read(strbuf_span(&text), e);
	if (json_is_object(doc))
		return doc;
	if (doc != NULL)
		err_set(e, ERR_INVALID, "the settings are no JSON object");
	json_decref(doc);
	return NULL;
}

struct files_view *
files_view_load(const struct vault *v, int64_t slot, struct err *e)
{
	struct files_view *view = mem_new(struct files_view);

	view->refs = 1;
	view->slot = slot;
	view->m = vault_read(v, slot, e);
	if (view->m != NULL)
		view->settings = load_settings(v, view->m, e);
	if (view->settings == NULL)
		files_release(&view);
	return view;
}

void
files_view_set(struct files *f, struct files_view *view)
{
	if (f->view != NULL)
		files_release(&f->view);
	f->view = view;
	log_info(MODULE,
		 "visible version=%lld slot=%lld files=%zu digest=%.12s",
		 (long long)view->m->version, (long long)view->slot, view->m->n,
		 view->m->digest);
}

struct files *
files_open(const char *dir, bool owns, struct err *e)
{
	struct files *f = mem_new(struct files);
	struct files_view *view = NULL;
	int64_t slot;

	f->owns = owns;
	TAILQ_INIT(&f->ops);
	f->vault = vault_open(dir, e);
	if (f->vault != NULL && vault_visible(f->vault, &slot, e) == 0 &&
	    (slot > 0 || !owns || files_found(f->vault, e) == 0) &&
	    vault_visible(f->vault, &slot, e) == 0)
		view = files_view_load(f->vault, slot, e);
	if (view == NULL) {
		files_close(&f);
		return NULL;
	}
	files_view_set(f, view);
	return f;
}

void
files_scan_by(struct files *f, const char *command)
{
	mem_free(f->scan);
	f->scan = command[0] != '\0' ? mem_strdup(command) : NULL;
}

void
files_close(struct files **fp)
{
	struct files *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	work_cancel(&f->loading);
	files_drop_ops(f);
	if (f->view != NULL)
		files_release(&f->view);
	vault_close(&f->vault);
	mem_free(f->scan);
	mem_free(f);
}

/* --- the visible version --------------------------------------------------
 */

/*
 * A newer one is read in the pool; until it is there, all of the older one
 * is served: never some of each.
 */
struct files_view *
files_hold(struct files *f)
{
	struct load l = { 0 };

	if (f->loading == NULL && vault_visible(f->vault, &l.slot, NULL) == 0 &&
	    l.slot != f->view->slot) {
		l.vault = vault_share(f->vault);
		f->loading = work_start(in_thread, &l, sizeof(l), load_fini,
					on_loaded, f);
	}
	f->view->refs++;
	return f->view;
}

void
files_release(struct files_view **vp)
{
	struct files_view *v = *vp;

	*vp = NULL;
	if (v == NULL || --v->refs > 0)
		return;
	manifest_free(&v->m);
	json_decref(v->settings);
	mem_free(v);
}

static void
in_thread(void *job)
{
	struct load *l = job;

	l->view = files_view_load(l->vault, l->slot, &l->err);
}

static void
on_loaded(void *ctx, void *job)
{
	struct files *f = ctx;
	struct load *l = job;

	f->loading = NULL;
	if (l->view == NULL) {
		log_error(MODULE, "slot=%lld why=\"%s\"", (long long)l->slot,
			  err_text(&l->err));
		return;
	}
	files_view_set(f, l->view);
	l->view = NULL;
}

static void
load_fini(void *job)
{
	struct load *l = job;

	files_release(&l->view);
	vault_close(&l->vault);
}

/* --- what is in it ----------------------------------------------------------
 */

const struct manifest *
files_manifest(const struct files_view *v)
{
	return v->m;
}

static const struct manifest_entry *
find(const struct files_view *v, const char *area, const char *company,
     const char *rest)
{
	char *path = mem_printf("%s/%s/%s", area, company, rest);
	const struct manifest_entry *f = manifest_find(v->m, path);

	mem_free(path);
	return f;
}

const struct manifest_entry *
files_find(const struct files_view *v, const char *area, const char *company,
	   const char *rest)
{
	const struct manifest_entry *f = find(v, area, company, rest);

	return f != NULL ? f : find(v, area, FILES_SHARED, rest);
}

static void
add_area(const struct files_view *v, const char *area, const char *company,
	 struct crypto_hash *h)
{
	char *prefix = mem_printf("%s/%s/", area, company);
	size_t len = strlen(prefix);

	for (size_t i = manifest_lower(v->m, prefix);
	     i < v->m->n && strncmp(v->m->files[i].path, prefix, len) == 0;
	     i++) {
		const struct manifest_entry *f = &v->m->files[i];

		crypto_hash_add(h, span_make(f->path, strlen(f->path) + 1));
		crypto_hash_add(h, span_of(f->sha256));
	}
	mem_free(prefix);
}

const char *
files_stamp(const struct files_view *v, const char *area, const char *company,
	    char out[static FILES_STAMP_SIZE])
{
	struct crypto_hash *h = crypto_hash_new();
	char hex[CRYPTO_HEX256_SIZE];

	add_area(v, area, company, h);
	add_area(v, area, FILES_SHARED, h);
	crypto_hash_end(h, hex);
	crypto_hash_free(&h);
	span_copy(span_make(hex, FILES_STAMP_SIZE - 1), out, FILES_STAMP_SIZE);
	return out;
}

static const json_t *
walk(const json_t *at, const char *path)
{
	struct span rest = span_of(path), name;
	char key[128];

	while (at != NULL && span_cut(&rest, '.', &name))
		at = span_copy(name, key, sizeof(key))
			 ? json_object_get(at, key)
			 : NULL;
	return at;
}

const json_t *
files_setting(const struct files_view *v, const char *company, const char *path)
{
	const json_t *own = walk(files_settings(v, company), path);

	return own != NULL ? own : walk(files_settings(v, FILES_SHARED), path);
}

const json_t *
files_settings(const struct files_view *v, const char *company)
{
	return json_object_get(v->settings, company);
}

/* --- whose it is
 * --------------------------------------------------------------
 */

int64_t
files_verified_us(struct files *f)
{
	STRBUF_AUTO text = { 0 };
	JSON_AUTO doc = NULL;
	int64_t at = 0;

	if (f->owns)
		return clock_wall_us();
	if (vault_note_read(f->vault, "status.json", &text, NULL) != 1)
		return -1;
	doc = json_read(strbuf_span(&text), NULL);
	if (json_get_int(doc, "verified_us", &at, NULL) < 0)
		return 0;
	return at;
}

char *
files_override(const struct vault *v)
{
	STRBUF_AUTO text = { 0 };
	JSON_AUTO doc = NULL;
	const char *reason = NULL;
	int64_t until = 0;

	if (vault_note_read(v, "override.json", &text, NULL) != 1)
		return NULL;
	doc = json_read(strbuf_span(&text), NULL);
	if (json_get_int(doc, "until_us", &until, NULL) != 1 ||
	    json_get_str(doc, "reason", &reason, NULL) != 1 ||
	    clock_wall_us() >= until)
		return NULL;
	return mem_strdup(reason);
}

int
files_check_change(const struct vault *v, bool owns, struct err *e)
{
	char *reason = owns ? NULL : files_override(v);
	bool allowed = owns || reason != NULL;

	mem_free(reason);
	if (allowed)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "This is the backup site: settings, pages and clients "
		       "belong to the primary and are copied from it every "
		       "day. Change them on the primary; in an emergency an "
		       "operator can allow it here (gsbctl copy override)");
}

int
files_may_change(struct files *f, struct err *e)
{
	return files_check_change(f->vault, f->owns, e);
}
