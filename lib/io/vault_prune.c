/* Which versions there are, and what goes. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/vault_inner.h"

#define PIN_S 600

/* Hashes that kept versions name, sorted. */
struct names {
	char (*hash)[MANIFEST_HASH_SIZE];
	size_t n, room;
};

static DIR *
open_folder(const struct vault *v, const char *name)
{
	int fd = openat(v->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t *
vault_slots(const struct vault *v, size_t *n)
{
	DIR *d = open_folder(v, "versions");
	int64_t *list = NULL, slot;
	const struct dirent *entry;

	*n = 0;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		struct span name = span_of(entry->d_name), number;

		if (!span_ends(name, ".manifest") ||
		    !span_cut(&name, '.', &number) ||
		    span_to_i64(number, &slot) < 0 || slot < 1)
			continue;
		list = mem_resize(list, *n * sizeof(*list),
				  (*n + 1) * sizeof(*list));
		list[(*n)++] = slot;
	}
	if (d != NULL)
		closedir(d);
	if (*n > 0)
		qsort(list, *n, sizeof(*list), by_number);
	return list;
}

static const char *
pin_name(int64_t slot, char out[static VAULT_NAME_SIZE])
{
	snprintf(out, VAULT_NAME_SIZE, "pins/%" PRId64, slot);
	return out;
}

void
vault_pin(const struct vault *v, int64_t slot)
{
	char name[VAULT_NAME_SIZE];
	int fd = openat(v->fd, pin_name(slot, name),
			O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return; /* then a slow fetch may have to begin anew */
	futimens(fd, NULL);
	close(fd);
}

/* Its time, 0: it has none. */
static int64_t
pinned_ns(const struct vault *v, int64_t slot)
{
	char name[VAULT_NAME_SIZE];
	struct stat st;

	if (fstatat(v->fd, pin_name(slot, name), &st, 0) < 0)
		return 0;
	return st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
}

/* When a fetch has last asked for any version: most likely the backup has
 * that one, and the next fetch is told how the newest differs from it. */
static int64_t
newest_pin_ns(const struct vault *v, const int64_t *slots, size_t n)
{
	int64_t newest = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t at = pinned_ns(v, slots[i]);

		if (at > newest)
			newest = at;
	}
	return newest;
}

static void
remove_version(const struct vault *v, int64_t slot)
{
	char name[VAULT_NAME_SIZE];

	snprintf(name, sizeof(name), "versions/%" PRId64 ".manifest", slot);
	unlinkat(v->fd, name, 0);
	unlinkat(v->fd, pin_name(slot, name), 0);
}

static void
add_name(struct names *to, const char *hash)
{
	size_t more = to->room == 0 ? 256 : 2 * to->room;

	if (to->n == to->room) {
		to->hash = mem_resize(to->hash, to->room * sizeof(*to->hash),
				      more * sizeof(*to->hash));
		to->room = more;
	}
	memcpy(to->hash[to->n++], hash, MANIFEST_HASH_SIZE);
}

static int
by_hash(const void *a, const void *b)
{
	return memcmp(a, b, MANIFEST_HASH_SIZE);
}

/* -1: a version cannot be read, so nothing may be taken for unused. */
static int
collect_names(const struct vault *v, struct names *to)
{
	size_t n;
	int64_t *slots = vault_slots(v, &n);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct manifest *m = vault_read(v, slots[i], NULL);

		rc = m != NULL ? 0 : -1;
		if (m == NULL)
			break;
		add_name(to, m->settings.sha256);
		for (size_t j = 0; j < m->n; j++)
			add_name(to, m->files[j].sha256);
		manifest_free(&m);
	}
	mem_free(slots);
	if (to->n > 0)
		qsort(to->hash, to->n, sizeof(*to->hash), by_hash);
	return rc;
}

/* used NULL: whatever is old goes. */
static void
sweep(const struct vault *v, const char *folder, const struct names *used,
      time_t before)
{
	DIR *d = open_folder(v, folder);
	const struct dirent *entry;
	char name[MANIFEST_HASH_SIZE];
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (used != NULL &&
		    (!span_copy(span_of(entry->d_name), name, sizeof(name)) ||
		     strlen(name) != sizeof(name) - 1 ||
		     bsearch(name, used->hash, used->n, sizeof(*used->hash),
			     by_hash) != NULL))
			continue;
		if (fstatat(dirfd(d), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtime <= before)
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}

void
vault_prune(const struct vault *v, unsigned keep, int64_t grace_s)
{
	struct names used = { 0 };
	int64_t visible = 0, newest, *slots;
	char folder[VAULT_NAME_SIZE];
	time_t now = time(NULL);
	size_t n;

	if (vault_visible(v, &visible, NULL) < 0)
		return;
	slots = vault_slots(v, &n);
	newest = newest_pin_ns(v, slots, n);
	for (size_t i = 0; i + keep < n; i++) {
		int64_t pin = pinned_ns(v, slots[i]);

		if (slots[i] != visible && (pin == 0 || pin < newest) &&
		    pin < (now - PIN_S) * INT64_C(1000000000))
			remove_version(v, slots[i]);
	}
	mem_free(slots);
	if (collect_names(v, &used) == 0 && used.n > 0)
		for (unsigned i = 0; i < 256; i++) {
			snprintf(folder, sizeof(folder), "objects/%02x", i);
			sweep(v, folder, &used, now - grace_s);
		}
	mem_free(used.hash);
	sweep(v, "tmp", NULL, now - 3600);
	sweep(v, "partial", NULL, now - 7 * 86400);
}
