#include "site/files_publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/vault_content.h"
#include "site/files_inner.h"

#define PIECE (256 * 1024)
#define TRIES 5
#define DEPTH 30
#define SETTINGS_MAX (1024 * 1024)

struct publish {
	struct vault *vault;
	struct vault_new content;
	struct manifest *m;
	size_t room;
	char *piece;
	bool has_settings;                /* of its own */
	char path[MANIFEST_PATH_MAX + 1]; /* below the folder */
};

static int add_folder(struct publish *p, int dir, unsigned depth,
		      struct err *e);

static bool
unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* 1: done, 0: it changed meanwhile, -1. */
static int
copy_once(struct publish *p, int fd, struct manifest_entry *out, struct err *e)
{
	struct stat before, after;
	ssize_t n = 0;

	if (lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, &before) < 0)
		return err_set(e, ERR_IO, "%s: %s", p->path, strerror(errno));
	if (vault_new_begin(&p->content, p->vault, NULL, e) < 0)
		return -1;
	while ((n = read(fd, p->piece, PIECE)) > 0)
		if (vault_new_add(&p->content, span_make(p->piece, (size_t)n),
				  e) < 0)
			break;
	if (n != 0 || fstat(fd, &after) < 0) {
		vault_new_drop(&p->content, false);
		return n > 0 ? -1
			     : err_set(e, ERR_IO, "%s: %s", p->path,
				       strerror(errno));
	}
	if (!unchanged(&before, &after) || p->content.size != before.st_size) {
		vault_new_drop(&p->content, false);
		return 0;
	}
	out->size = p->content.size;
	out->mode = (before.st_mode & 0111) != 0 ? 0755 : 0644;
	return vault_new_end(&p->content, NULL, out->sha256, e) < 0 ? -1 : 1;
}

static int
copy_file(struct publish *p, int dir, const char *name,
	  struct manifest_entry *out, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int done = 0;

	if (fd < 0)
		return err_set(e, ERR_IO, "%s cannot be read: %s", p->path,
			       strerror(errno));
	for (unsigned i = 0; i < TRIES && done == 0; i++)
		done = copy_once(p, fd, out, e);
	close(fd);
	if (done == 0)
		return err_set(e, ERR_REFUSED,
			       "%s changes while it is read; publish when it "
			       "is at rest",
			       p->path);
	return done < 0 ? -1 : 0;
}

static int
add_file(struct publish *p, int dir, const char *name, struct err *e)
{
	struct manifest *m = p->m;
	struct manifest_entry f = { 0 };
	size_t more = p->room == 0 ? 256 : 2 * p->room;

	if (manifest_path_ok(span_of(p->path), e) < 0)
		return err_prefix(e, "%s", p->path);
	if (copy_file(p, dir, name, &f, e) < 0)
		return -1;
	f.path = arena_strdup(m->arena, p->path);
	if (m->n == p->room) {
		m->files = mem_resize(m->files, p->room * sizeof(f),
				      more * sizeof(f));
		p->room = more;
	}
	m->files[m->n++] = f;
	m->bytes += f.size;
	return 0;
}

static int
add_entry(struct publish *p, int dir, const char *name, unsigned depth,
	  struct err *e)
{
	struct stat st;
	int sub;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_IO, "%s: %s", p->path, strerror(errno));
	if (S_ISREG(st.st_mode))
		return add_file(p, dir, name, e);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH)
		return err_set(e, ERR_INVALID,
			       "%s is %s: only regular files in folders can "
			       "be published",
			       p->path,
			       S_ISLNK(st.st_mode)   ? "a symbolic link"
			       : S_ISDIR(st.st_mode) ? "too deep"
						     : "a special file");
	sub = openat(dir, name,
		     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return err_set(e, ERR_IO, "%s cannot be read: %s", p->path,
			       strerror(errno));
	return add_folder(p, sub, depth + 1, e);
}

/* Takes dir. */
static int
add_folder(struct publish *p, int dir, unsigned depth, struct err *e)
{
	size_t len = strlen(p->path);
	DIR *d = fdopendir(dir);
	const struct dirent *entry;
	int rc = 0;

	if (d == NULL) {
		close(dir);
		return err_set(e, ERR_IO, "%s: %s", p->path, strerror(errno));
	}
	while (rc == 0 && (entry = readdir(d)) != NULL) {
		size_t name = strlen(entry->d_name);

		if (span_is(span_of(entry->d_name), ".") ||
		    span_is(span_of(entry->d_name), ".."))
			continue;
		if (len + 1 + name > MANIFEST_PATH_MAX) {
			rc = err_set(e, ERR_INVALID, "%s: a path is too long",
				     p->path);
			break;
		}
		p->path[len] = '/';
		memcpy(p->path + len + 1, entry->d_name, name + 1);
		rc = add_entry(p, dirfd(d), entry->d_name, depth, e);
		p->path[len] = '\0';
	}
	closedir(d);
	return rc;
}

/* pages or clients; there need not be both. */
static int
add_area(struct publish *p, int root, const char *area, struct err *e)
{
	int fd = openat(root, area,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, ERR_IO, "%s cannot be read: %s", area,
			       strerror(errno));
	span_copy(span_of(area), p->path, sizeof(p->path));
	return add_folder(p, fd, 0, e);
}

static int
check_settings(const struct publish *p, const struct manifest_entry *f,
	       struct err *e)
{
	STRBUF_AUTO text = { 0 };
	JSON_AUTO doc = NULL;

	if (f->size > SETTINGS_MAX)
		return err_set(e, ERR_LIMIT, "they are larger than %d bytes",
			       SETTINGS_MAX);
	if (vault_load(p->vault, f, &text, e) < 0)
		return -1;
	doc = json_read(strbuf_span(&text), e);
	if (doc == NULL)
		return -1;
	if (!json_is_object(doc))
		return err_set(e, ERR_INVALID,
			       "they must be a JSON object, "
			       "one member for each company");
	return 0;
}

static int
add_settings(struct publish *p, int root, struct err *e)
{
	struct manifest_entry f = p->m->settings;

	span_copy(span_of("settings.json"), p->path, sizeof(p->path));
	if (faccessat(root, p->path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (copy_file(p, root, p->path, &f, e) < 0)
		return -1;
	if (check_settings(p, &f, e) < 0)
		return err_prefix(e, "%s", p->path);
	p->has_settings = true;
	f.path = p->m->settings.path;
	p->m->settings = f;
	return 0;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct manifest_entry *)a)->path,
		      ((const struct manifest_entry *)b)->path);
}

/* Content first, without the lock: others may go on meanwhile. */
static int
read_all(struct publish *p, const char *dir, struct err *e)
{
	int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (root < 0)
		return err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
	rc = add_area(p, root, "pages", e);
	if (rc == 0)
		rc = add_area(p, root, "clients", e);
	if (rc == 0)
		rc = add_settings(p, root, e);
	close(root);
	if (rc < 0)
		return err_prefix(e, "%s", dir);
	if (p->m->n > 0)
		qsort(p->m->files, p->m->n, sizeof(*p->m->files), by_path);
	return 0;
}

static int
publish(struct publish *p, bool owns, int64_t *version, struct err *e)
{
	struct manifest *now = NULL;
	char *reason = owns ? NULL : files_override(p->vault);
	int64_t slot;
	int rc = -1;

	if (vault_visible(p->vault, &slot, e) == 0)
		now = vault_read(p->vault, slot, e);
	if (now != NULL) {
		if (!p->has_settings) {
			p->m->settings = now->settings;
			p->m->settings.path = "settings.json";
		}
		p->m->version = now->version + 1;
		p->m->made_us = clock_wall_us();
		p->m->override_reason = reason;
		*version = p->m->version;
		rc = vault_publish(p->vault, p->m, &slot, e);
		p->m->override_reason = NULL;
	}
	manifest_free(&now);
	mem_free(reason);
	return rc;
}

int
files_publish(const char *store, bool owns, const char *dir, int64_t *version,
	      struct err *e)
{
	struct publish p = { .content = { .fd = -1 } };
	int lock, rc = -1;

	p.vault = vault_open(store, e);
	if (p.vault == NULL)
		return -1;
	p.m = manifest_new();
	p.piece = mem_alloc(PIECE);
	if (files_check_change(p.vault, owns, e) == 0)
		rc = read_all(&p, dir, e);
	lock = rc == 0 ? vault_lock(p.vault, e) : -1;
	if (lock >= 0)
		rc = publish(&p, owns, version, e);
	else
		rc = -1;
	vault_unlock(&lock);
	vault_new_fini(&p.content);
	manifest_free(&p.m);
	mem_free(p.piece);
	vault_close(&p.vault);
	return rc;
}
