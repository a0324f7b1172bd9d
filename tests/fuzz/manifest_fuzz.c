/*
 * Manifests that come from the peer, and how they differ: what is read can be
 * written and read again, and holds no path that leads elsewhere.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/manifest_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_paths(const struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *path = m->files[i].path;

		assert(path[0] != '/' && strstr(path, "/../") == NULL);
		assert(strlen(path) <= MANIFEST_PATH_MAX);
		assert(manifest_path_ok(span_of(path), NULL) == 0);
		assert(m->files[i].size >= 0);
		assert(strlen(m->files[i].sha256) == MANIFEST_HASH_SIZE - 1);
		assert(manifest_find(m, path) == &m->files[i]);
	}
}

static void
check_again(const struct manifest *m)
{
	STRBUF_AUTO text = { 0 };
	STRBUF_AUTO twice = { 0 };
	struct manifest *again;
	struct err e = { 0 };

	manifest_write(m, &text);
	again = manifest_parse(strbuf_span(&text), &e);
	assert(again != NULL && strcmp(again->digest, m->digest) == 0);
	manifest_write(again, &twice);
	assert(span_eq(strbuf_span(&text), strbuf_span(&twice)));
	manifest_free(&again);
}

/* Both ways between what was read and the old one. */
static void
check_diff(const struct manifest *a, const struct manifest *b)
{
	STRBUF_AUTO diff = { 0 };
	struct manifest *c;
	struct err e = { 0 };

	manifest_diff(a, b, &diff);
	c = manifest_patch(a, strbuf_span(&diff), &e);
	assert(c != NULL && strcmp(c->digest, b->digest) == 0);
	manifest_free(&c);
}

static struct manifest *
old_one(void)
{
#define HASH                               \
	"00000000000000000000000000000000" \
	"00000000000000000000000000000000"
	struct err e = { 0 };
	struct manifest *m = manifest_parse(
	    span_of("gsb-manifest 1\nversion 1 2 primary\n"
		    "settings 2 " HASH "\n"
		    "file 755 9 " HASH " clients/a/x\n"
		    "file 644 1 " HASH " pages/a/b\n"
		    "file 644 1 " HASH " pages/a/c/d\nend 3\n"),
	    &e);

	assert(m != NULL);
	return m;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct err e = { 0 };
	struct manifest *old = old_one();
	struct manifest *m = manifest_parse(in, &e);

	if (m == NULL) {
		assert(e.code == ERR_INVALID);
		m = manifest_patch(old, in, &e);
	}
	if (m != NULL) {
		check_paths(m);
		check_again(m);
		check_diff(old, m);
		check_diff(m, old);
	} else {
		assert(e.code == ERR_INVALID);
	}
	manifest_free(&m);
	manifest_free(&old);
	return 0;
}
