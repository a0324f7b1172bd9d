#include "io/vault_content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/vault_inner.h"
#include "io/work.h"

#define PIECE (256 * 1024)

const char *
vault_object_name(const char *hash, char out[static VAULT_NAME_SIZE])
{
	snprintf(out, VAULT_NAME_SIZE, "objects/%.2s/%.64s", hash, hash);
	return out;
}

/* All of fd into the hash; its size, -1 with errno. */
static int64_t
hash_fd(int fd, struct crypto_hash *h)
{
	char *piece = mem_alloc(PIECE);
	int64_t size = 0;
	ssize_t n;

	while ((n = read(fd, piece, PIECE)) > 0) {
		crypto_hash_add(h, span_make(piece, (size_t)n));
		size += n;
		if (work_cancelled()) {
			errno = ECANCELED;
			n = -1;
			break;
		}
	}
	mem_free(piece);
	return n < 0 ? -1 : size;
}

static int
wrong_hash(const char *hash, const char *want, struct err *e)
{
	return err_set(e, ERR_INVALID, "its SHA-256 is %.12s..., not %.12s...",
		       hash, want);
}

int
vault_new_begin(struct vault_new *n, const struct vault *v, const char *want,
		struct err *e)
{
	if (n->hash == NULL)
		n->hash = crypto_hash_new();
	n->vault = v;
	n->size = 0;
	if (want != NULL)
		snprintf(n->name, sizeof(n->name), "partial/%.64s", want);
	else
		snprintf(n->name, sizeof(n->name), "tmp/%d.%08x%08x",
			 (int)getpid(), crypto_random_u32(),
			 crypto_random_u32());
	n->fd = openat(v->fd, n->name,
		       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			   (want != NULL ? 0 : O_EXCL),
		       0600);
	if (n->fd < 0)
		return vault_fault(v, "cannot write", n->name, e);
	if (want == NULL)
		return 0;
	n->size = hash_fd(n->fd, n->hash);
	if (n->size >= 0)
		return 0;
	vault_fault(v, "cannot read", n->name, e);
	vault_new_drop(n, false);
	return -1;
}

int
vault_new_add(struct vault_new *n, struct span data, struct err *e)
{
	if (file_write_all(n->fd, data) < 0)
		return vault_fault(n->vault, "cannot write", n->name, e);
	crypto_hash_add(n->hash, data);
	n->size += (int64_t)data.len;
	return 0;
}

int
vault_new_end(struct vault_new *n, const char *want,
	      char hash[static MANIFEST_HASH_SIZE], struct err *e)
{
	char name[VAULT_NAME_SIZE];

	crypto_hash_end(n->hash, hash);
	if (want != NULL && strcmp(hash, want) != 0) {
		vault_new_drop(n, false);
		return wrong_hash(hash, want, e);
	}
	close(n->fd);
	n->fd = -1;
	if (renameat(n->vault->fd, n->name, n->vault->fd,
		     vault_object_name(hash, name)) == 0)
		return 0;
	vault_fault(n->vault, "cannot write", name, e);
	unlinkat(n->vault->fd, n->name, 0);
	return -1;
}

void
vault_new_drop(struct vault_new *n, bool keep)
{
	char unused[MANIFEST_HASH_SIZE];

	if (n->hash == NULL || n->fd < 0)
		return;
	close(n->fd);
	n->fd = -1;
	if (!keep)
		unlinkat(n->vault->fd, n->name, 0);
	crypto_hash_end(n->hash, unused);
}

void
vault_new_fini(struct vault_new *n)
{
	vault_new_drop(n, false);
	crypto_hash_free(&n->hash);
}

/* What stands in its place is damaged, or somebody is writing it. */
static int
replace(struct vault_new *n, const struct vault *v, const char *want,
	struct span data, struct err *e)
{
	char hash[MANIFEST_HASH_SIZE];

	if (vault_new_begin(n, v, NULL, e) < 0)
		return -1;
	if (vault_new_add(n, data, e) == 0)
		return vault_new_end(n, want, hash, e);
	vault_new_drop(n, false);
	return -1;
}

/*
 * Under its name from the beginning: no version names what is not here, and
 * what nobody names is read again before it is taken for right (after a kill
 * it may be a part of it).
 */
int
vault_put(struct vault_new *n, const struct vault *v, const char *want,
	  struct span data, struct err *e)
{
	char name[VAULT_NAME_SIZE], hash[MANIFEST_HASH_SIZE];
	int fd;

	if (n->hash == NULL)
		n->hash = crypto_hash_new();
	crypto_hash_add(n->hash, data);
	crypto_hash_end(n->hash, hash);
	if (strcmp(hash, want) != 0)
		return wrong_hash(hash, want, e);
	fd = openat(v->fd, vault_object_name(hash, name),
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return replace(n, v, want, data, e);
	if (fd < 0)
		return vault_fault(v, "cannot write", name, e);
	if (file_write_all(fd, data) == 0) {
		close(fd);
		return 0;
	}
	vault_fault(v, "cannot write", name, e);
	/* By its name it may be somebody else's by now. */
	if (ftruncate(fd, 0) < 0)
		log_error("vault", "left=%s why=\"%s\"", name, strerror(errno));
	close(fd);
	return -1;
}

int
vault_adopt(const struct vault *v, const char *path, struct manifest_entry *out,
	    struct err *e)
{
	char name[VAULT_NAME_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct crypto_hash *h;

	if (fd < 0)
		return err_set(e, ERR_IO, "cannot read %s: %s", path,
			       strerror(errno));
	h = crypto_hash_new();
	out->size = hash_fd(fd, h);
	crypto_hash_end(h, out->sha256);
	crypto_hash_free(&h);
	close(fd);
	if (out->size < 0)
		return err_set(e, ERR_IO, "cannot read %s", path);
	if (renameat(AT_FDCWD, path, v->fd,
		     vault_object_name(out->sha256, name)) == 0)
		return 0;
	return vault_fault(v, "cannot write", name, e);
}

int64_t
vault_partial(const struct vault *v, const char *hash)
{
	char name[VAULT_NAME_SIZE];
	struct stat st;

	snprintf(name, sizeof(name), "partial/%.64s", hash);
	if (fstatat(v->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	return st.st_size;
}

int
vault_content(const struct vault *v, const struct manifest_entry *f,
	      struct err *e)
{
	char name[VAULT_NAME_SIZE];
	struct stat st;
	int fd = openat(v->fd, vault_object_name(f->sha256, name),
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return vault_fault(v, "cannot read", name, e);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == f->size)
		return fd;
	close(fd);
	return err_set(e, ERR_INVALID, "%s/%s is damaged: another size", v->dir,
		       name);
}

static bool
content_right(const struct vault *v, const struct manifest_entry *f)
{
	struct crypto_hash *h;
	char hash[MANIFEST_HASH_SIZE];
	int fd = vault_content(v, f, NULL);
	bool right;

	if (fd < 0)
		return false;
	h = crypto_hash_new();
	right = hash_fd(fd, h) == f->size;
	crypto_hash_end(h, hash);
	crypto_hash_free(&h);
	close(fd);
	return right && strcmp(hash, f->sha256) == 0;
}

bool
vault_has(const struct vault *v, const struct manifest_entry *f, bool deep)
{
	char name[VAULT_NAME_SIZE];
	struct stat st;

	if (fstatat(v->fd, vault_object_name(f->sha256, name), &st,
		    AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size != f->size)
		return false;
	return !deep || content_right(v, f);
}

int
vault_load(const struct vault *v, const struct manifest_entry *f,
	   struct strbuf *out, struct err *e)
{
	int fd = vault_content(v, f, e);
	size_t left = (size_t)f->size;
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	while (left > 0 && n > 0) {
		n = read(fd, strbuf_reserve(out, left), left);
		if (n > 0) {
			out->len += (size_t)n;
			left -= (size_t)n;
		}
	}
	if (out->at != NULL)
		out->at[out->len] = '\0';
	close(fd);
	if (left == 0)
		return 0;
	return err_set(e, ERR_IO, "%s: %.12s... cannot be read whole", v->dir,
		       f->sha256);
}
