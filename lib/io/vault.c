#include "io/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/vault_inner.h"

#define CURRENT "current"
#define LOCK_MS 10000
#define MANIFEST_MAX (512u << 20)

int
vault_fault(const struct vault *v, const char *what, const char *name,
	    struct err *e)
{
	int why = errno;

	return err_set(e,
		       why == ENOSPC || why == EDQUOT ? ERR_LIMIT
		       : why == ENOENT                ? ERR_NOT_FOUND
						      : ERR_IO,
		       "%s %s/%s: %s", what, v->dir, name, strerror(why));
}

static int
make_folders(const struct vault *v, struct err *e)
{
	static const char *const names[] = { "objects", "partial", "versions",
					     "pins", "tmp" };
	char name[VAULT_NAME_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mkdirat(v->fd, names[i], 0700) < 0 && errno != EEXIST)
			return vault_fault(v, "cannot make", names[i], e);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "objects/%02x", i);
		if (mkdirat(v->fd, name, 0700) < 0 && errno != EEXIST)
			return vault_fault(v, "cannot make", name, e);
	}
	return 0;
}

struct vault *
vault_open(const char *dir, struct err *e)
{
	struct vault *v = mem_new(struct vault);

	atomic_init(&v->holders, 1);
	v->dir = mem_strdup(dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		err_set(e, ERR_IO, "cannot make %s: %s", dir, strerror(errno));
	v->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->fd < 0)
		err_set(e, ERR_IO, "cannot open %s: %s", dir, strerror(errno));
	if (v->fd < 0 || make_folders(v, e) < 0)
		vault_close(&v);
	return v;
}

void
vault_close(struct vault **vp)
{
	struct vault *v = *vp;

	*vp = NULL;
	if (v == NULL || atomic_fetch_sub(&v->holders, 1) > 1)
		return;
	if (v->fd >= 0)
		close(v->fd);
	mem_free(v->dir);
	mem_free(v);
}

struct vault *
vault_share(struct vault *v)
{
	atomic_fetch_add(&v->holders, 1);
	return v;
}

const char *
vault_dir(const struct vault *v)
{
	return v->dir;
}

int64_t
vault_free(const struct vault *v)
{
	struct statvfs st;

	if (fstatvfs(v->fd, &st) < 0)
		return 0;
	return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

/* --- notes ------------------------------------------------------------------
 */

static int
read_all(int fd, size_t max, struct strbuf *out)
{
	ssize_t n;

	do {
		n = read(fd, strbuf_reserve(out, 65536), 65536);
		if (n > 0)
			out->len += (size_t)n;
		if (out->len > max) {
			errno = EFBIG;
			return -1;
		}
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (out->at != NULL)
		out->at[out->len] = '\0';
	return n < 0 ? -1 : 0;
}

static int
read_file(const struct vault *v, const char *name, struct strbuf *out,
	  struct err *e)
{
	int fd = openat(v->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	if (fd < 0)
		return vault_fault(v, "cannot read", name, e);
	rc = read_all(fd, MANIFEST_MAX, out);
	if (rc < 0)
		vault_fault(v, "cannot read", name, e);
	close(fd);
	return rc;
}

int
vault_note_read(const struct vault *v, const char *name, struct strbuf *out,
		struct err *e)
{
	struct err why = { 0 };

	if (read_file(v, name, out, &why) == 0)
		return 1;
	if (why.code == ERR_NOT_FOUND)
		return 0;
	return err_set(e, why.code, "%s", err_text(&why));
}

/* Whole or not at all, and for good. */
int
vault_note_write(const struct vault *v, const char *name, struct span text,
		 struct err *e)
{
	char tmp[VAULT_NAME_SIZE];
	int fd;

	snprintf(tmp, sizeof(tmp), "tmp/note.%d.%08x", (int)getpid(),
		 crypto_random_u32());
	fd = openat(v->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return vault_fault(v, "cannot write", tmp, e);
	if (file_write_all(fd, text) < 0 || fsync(fd) < 0) {
		vault_fault(v, "cannot write", name, e);
		close(fd);
		unlinkat(v->fd, tmp, 0);
		return -1;
	}
	close(fd);
	if (renameat(v->fd, tmp, v->fd, name) == 0)
		return 0;
	vault_fault(v, "cannot write", name, e);
	unlinkat(v->fd, tmp, 0);
	return -1;
}

void
vault_note_remove(const struct vault *v, const char *name)
{
	unlinkat(v->fd, name, 0);
}

/* --- versions
 * -----------------------------------------------------------------
 */

int
vault_visible(const struct vault *v, int64_t *slot, struct err *e)
{
	char to[VAULT_NAME_SIZE];
	ssize_t n = readlinkat(v->fd, CURRENT, to, sizeof(to));
	struct span name, number;

	*slot = 0;
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return vault_fault(v, "cannot read", CURRENT, e);
	name = span_make(to, (size_t)n);
	if (!span_starts(name, "versions/") || !span_ends(name, ".manifest"))
		return err_set(e, ERR_INVALID, "%s/%s leads to no version",
			       v->dir, CURRENT);
	number = span_skip(name, strlen("versions/"));
	number.len -= strlen(".manifest");
	if (span_to_i64(number, slot) == 0 && *slot > 0)
		return 0;
	*slot = 0;
	return err_set(e, ERR_INVALID, "%s/%s leads to no version", v->dir,
		       CURRENT);
}

static const char *
slot_name(int64_t slot, char out[static VAULT_NAME_SIZE])
{
	snprintf(out, VAULT_NAME_SIZE, "versions/%" PRId64 ".manifest", slot);
	return out;
}

struct manifest *
vault_read(const struct vault *v, int64_t slot, struct err *e)
{
	char name[VAULT_NAME_SIZE];
	STRBUF_AUTO text = { 0 };
	struct manifest *m;

	if (slot == 0)
		return manifest_new();
	if (read_file(v, slot_name(slot, name), &text, e) < 0)
		return NULL;
	m = manifest_parse(strbuf_span(&text), e);
	if (m == NULL)
		err_prefix(e, "%s/%s", v->dir, name);
	return m;
}

static void
sync_folder(const struct vault *v, const char *name)
{
	int fd = openat(v->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int
vault_show(const struct vault *v, int64_t slot, struct err *e)
{
	char name[VAULT_NAME_SIZE], tmp[VAULT_NAME_SIZE];

	slot_name(slot, name);
	if (faccessat(v->fd, name, R_OK, 0) < 0)
		return vault_fault(v, "no version", name, e);
	snprintf(tmp, sizeof(tmp), "tmp/current.%d.%08x", (int)getpid(),
		 crypto_random_u32());
	if (symlinkat(name, v->fd, tmp) < 0)
		return vault_fault(v, "cannot make", tmp, e);
	if (renameat(v->fd, tmp, v->fd, CURRENT) < 0) {
		vault_fault(v, "cannot replace", CURRENT, e);
		unlinkat(v->fd, tmp, 0);
		return -1;
	}
	sync_folder(v, ".");
	return 0;
}

/* One call for thousands of files. */
int
vault_sync(const struct vault *v, struct err *e)
{
	return syncfs(v->fd) < 0 ? vault_fault(v, "cannot sync", "", e) : 0;
}

int
vault_publish(const struct vault *v, struct manifest *m, int64_t *slot,
	      struct err *e)
{
	char name[VAULT_NAME_SIZE];
	STRBUF_AUTO text = { 0 };
	size_t n;
	int64_t *slots = vault_slots(v, &n);

	*slot = n > 0 ? slots[n - 1] + 1 : 1;
	mem_free(slots);
	manifest_seal(m);
	manifest_write(m, &text);
	/* All that they hold before any of them can be seen. */
	if (vault_sync(v, e) < 0)
		return -1;
	if (vault_note_write(v, slot_name(*slot, name), strbuf_span(&text), e) <
	    0)
		return -1;
	sync_folder(v, "versions");
	return vault_show(v, *slot, e);
}

/* --- one writer
 * -----------------------------------------------------------------
 */

int
vault_lock(const struct vault *v, struct err *e)
{
	int64_t until = clock_mono_ms() + LOCK_MS;
	struct timespec pause = { .tv_nsec = 10000000 };
	int fd = openat(v->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return vault_fault(v, "cannot open", "lock", e);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK && clock_mono_ms() < until) {
			nanosleep(&pause, NULL);
			continue;
		}
		close(fd);
		return err_set(e, ERR_TIMEOUT,
			       "%s: another change is under way", v->dir);
	}
	return fd;
}

void
vault_unlock(int *lock)
{
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
}
