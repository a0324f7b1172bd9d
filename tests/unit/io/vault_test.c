#include "io/vault_content.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/unit.h"

#define GRACE_S (-1) /* what is this young goes as well */

struct folder {
	char dir[64];
	struct vault *v;
};

static int
set_up(void **state)
{
	struct folder *f = mem_new(struct folder);
	struct err e = { 0 };

	snprintf(f->dir, sizeof(f->dir), "/tmp/vault-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->v = vault_open(f->dir, &e);
	if (f->v == NULL)
		fail_msg("%s", err_text(&e));
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct folder *f = *state;
	char command[128];

	vault_close(&f->v);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
	mem_free(f);
	return 0;
}

/* Puts a content into the vault. */
static struct manifest_entry
put(const struct vault *v, const char *path, const char *text)
{
	struct vault_new n = { .fd = -1 };
	struct manifest_entry f = { .path = path,
				    .mode = 0644,
				    .size = (int64_t)strlen(text) };
	struct err e = { 0 };

	unit_works(vault_new_begin(&n, v, NULL, &e), &e);
	unit_works(vault_new_add(&n, span_of(text), &e), &e);
	unit_works(vault_new_end(&n, NULL, f.sha256, &e), &e);
	vault_new_fini(&n);
	return f;
}

/* Makes it a version of one page; its slot. */
static int64_t
publish(const struct vault *v, int64_t number, const char *text)
{
	struct manifest *empty = manifest_new(), *m;
	struct manifest_entry f = put(v, "pages/a/x", text);
	int64_t slot = 0;
	struct err e = { 0 };

	(void)put(v, "settings.json", "{}");
	m = manifest_with(empty, f.path, &f);
	m->version = number;
	unit_works(vault_publish(v, m, &slot, &e), &e);
	manifest_free(&empty);
	manifest_free(&m);
	return slot;
}

/* What a reader of that slot finds in the page. */
static void
shows(const struct vault *v, int64_t slot, const char *text)
{
	struct err e = { 0 };
	struct manifest *m = vault_read(v, slot, &e);
	STRBUF_AUTO got = { 0 };

	if (m == NULL)
		fail_msg("%s", err_text(&e));
	unit_works(vault_load(v, manifest_find(m, "pages/a/x"), &got, &e), &e);
	assert_string_equal(strbuf_text(&got), text);
	manifest_free(&m);
}

static int64_t
visible(const struct vault *v)
{
	int64_t slot = -1;
	struct err e = { 0 };

	unit_works(vault_visible(v, &slot, &e), &e);
	return slot;
}

static size_t
count(const struct vault *v)
{
	size_t n;

	mem_free(vault_slots(v, &n));
	return n;
}

static void
test_versions_come_and_are_kept(void **state)
{
	const struct folder *f = *state;
	struct manifest *m;
	struct err e = { 0 };

	assert_int_equal(visible(f->v), 0);
	m = vault_read(f->v, 0, &e);
	assert_int_equal(m->n, 0);
	manifest_free(&m);
	assert_int_equal(publish(f->v, 10, "one"), 1);
	assert_int_equal(publish(f->v, 20, "two"), 2);
	assert_int_equal(visible(f->v), 2);
	shows(f->v, 1, "one");
	shows(f->v, 2, "two");
	unit_works(vault_show(f->v, 1, &e), &e);
	assert_int_equal(visible(f->v), 1);
	/* the next one is counted on, not over */
	assert_int_equal(publish(f->v, 30, "three"), 3);
	unit_fails(vault_show(f->v, 9, &e), &e, "no version");
	assert_int_equal(visible(f->v), 3);
	assert_null(vault_read(f->v, 9, &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void
test_what_nobody_names_goes(void **state)
{
	const struct folder *f = *state;
	struct manifest_entry one = put(f->v, "pages/a/x", "1");
	struct manifest_entry loose = put(f->v, "pages/a/y", "loose");

	for (int64_t i = 1; i <= 5; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", (int)i);
		(void)publish(f->v, i, text);
	}
	vault_prune(f->v, 3, 3600); /* too young */
	assert_int_equal(count(f->v), 3);
	assert_true(vault_has(f->v, &one, true));
	vault_prune(f->v, 3, GRACE_S);
	assert_false(vault_has(f->v, &one, false));
	assert_false(vault_has(f->v, &loose, false));
	for (int64_t i = 3; i <= 5; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", (int)i);
		shows(f->v, i, text);
	}
}

static void
age_pin(const struct folder *f, int64_t slot, int64_t by_s)
{
	char path[96];
	struct timespec times[2];
	struct stat st;

	snprintf(path, sizeof(path), "%s/pins/%d", f->dir, (int)slot);
	assert_int_equal(stat(path, &st), 0);
	times[0] = times[1] = st.st_mtim;
	times[0].tv_sec = times[1].tv_sec -= by_s;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool
has_slot(const struct vault *v, int64_t slot)
{
	struct manifest *m = vault_read(v, slot, NULL);
	bool is = m != NULL;

	manifest_free(&m);
	return is;
}

static void
test_the_visible_and_pinned_ones_stay(void **state)
{
	const struct folder *f = *state;
	struct err e = { 0 };

	for (int64_t i = 1; i <= 8; i++)
		(void)publish(f->v, i, "x");
	vault_pin(f->v, 1);
	age_pin(f, 1, 86400); /* asked for yesterday */
	vault_pin(f->v, 2);
	age_pin(f, 2, 700); /* the last one that was asked for */
	unit_works(vault_show(f->v, 3, &e), &e);
	vault_prune(f->v, 2, GRACE_S);
	assert_false(has_slot(f->v, 1));
	assert_true(has_slot(f->v, 2));
	assert_true(has_slot(f->v, 3));
	assert_false(has_slot(f->v, 4));
	assert_true(has_slot(f->v, 7) && has_slot(f->v, 8));
	/* a later fetch: the first pin holds for ten minutes */
	vault_pin(f->v, 2);
	vault_pin(f->v, 7);
	vault_prune(f->v, 1, GRACE_S);
	assert_true(has_slot(f->v, 2) && has_slot(f->v, 7));
	age_pin(f, 2, 700);
	vault_prune(f->v, 1, GRACE_S);
	assert_false(has_slot(f->v, 2));
	assert_true(has_slot(f->v, 7));
}

static void
test_wrong_content_gets_no_name(void **state)
{
	const struct folder *f = *state;
	struct manifest_entry want = put(f->v, "pages/a/x", "right");
	struct vault_new n = { .fd = -1 };
	char hash[MANIFEST_HASH_SIZE];
	struct err e = { 0 };

	unit_works(vault_new_begin(&n, f->v, want.sha256, &e), &e);
	unit_works(vault_new_add(&n, span_of("wrong"), &e), &e);
	unit_fails(vault_new_end(&n, want.sha256, hash, &e), &e, "SHA-256");
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(vault_partial(f->v, want.sha256), 0);
	assert_true(vault_has(f->v, &want, true));
	/* the same structure begins again */
	unit_works(vault_new_begin(&n, f->v, want.sha256, &e), &e);
	unit_works(vault_new_add(&n, span_of("right"), &e), &e);
	unit_works(vault_new_end(&n, want.sha256, hash, &e), &e);
	vault_new_fini(&n);
}

static void
test_what_has_come_is_kept(void **state)
{
	const struct folder *f = *state;
	struct manifest_entry want = put(f->v, "pages/a/x", "half and half");
	struct vault_new n = { .fd = -1 };
	char hash[MANIFEST_HASH_SIZE];
	struct err e = { 0 };

	unit_works(vault_new_begin(&n, f->v, want.sha256, &e), &e);
	unit_works(vault_new_add(&n, span_of("half "), &e), &e);
	vault_new_drop(&n, true);
	vault_new_fini(&n);
	assert_int_equal(vault_partial(f->v, want.sha256), 5);
	unit_works(vault_new_begin(&n, f->v, want.sha256, &e), &e);
	assert_int_equal(n.size, 5);
	unit_works(vault_new_add(&n, span_of("and half"), &e), &e);
	unit_works(vault_new_end(&n, want.sha256, hash, &e), &e);
	vault_new_fini(&n);
	assert_int_equal(vault_partial(f->v, want.sha256), 0);
}

static void
object_path(const struct folder *f, const struct manifest_entry *m, char *out,
	    size_t size)
{
	snprintf(out, size, "%s/objects/%.2s/%s", f->dir, m->sha256, m->sha256);
}

static void
test_damage_is_noticed(void **state)
{
	const struct folder *f = *state;
	struct manifest_entry one = put(f->v, "pages/a/x", "content");
	char path[256];
	struct err e = { 0 };
	int fd;

	object_path(f, &one, path, sizeof(path));
	fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, "X", 1), 1);
	close(fd);
	assert_true(vault_has(f->v, &one, false));
	assert_false(vault_has(f->v, &one, true));
	assert_int_equal(truncate(path, 3), 0);
	assert_false(vault_has(f->v, &one, false));
	assert_int_equal(vault_content(f->v, &one, &e), -1);
	assert_non_null(strstr(err_text(&e), "is damaged: another size"));
	/* neither a link nor a folder is content */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_false(vault_has(f->v, &one, false));
	assert_int_equal(vault_content(f->v, &one, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(vault_has(f->v, &one, false));
	assert_int_equal(vault_content(f->v, &one, &e), -1);
}

static void
test_a_link_elsewhere_is_no_version(void **state)
{
	const struct folder *f = *state;
	static const char *const wrong[] = { "/etc/passwd", "versions/x",
					     "versions/-1.manifest",
					     "versions/0.manifest",
					     "../1.manifest" };
	char path[96];
	int64_t slot;
	struct err e = { 0 };

	snprintf(path, sizeof(path), "%s/current", f->dir);
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
		assert_int_equal(symlink(wrong[i], path), 0);
		unit_fails(vault_visible(f->v, &slot, &e), &e,
			   "leads to no version");
		assert_int_equal(slot, 0);
		assert_int_equal(unlink(path), 0);
	}
}

static void
test_one_writer(void **state)
{
	const struct folder *f = *state;
	struct err e = { 0 };
	int lock = vault_lock(f->v, &e), other;

	assert_true(lock >= 0);
	vault_unlock(&lock);
	assert_int_equal(lock, -1);
	other = vault_lock(f->v, &e);
	assert_true(other >= 0);
	vault_unlock(&other);
}

static void
test_notes(void **state)
{
	const struct folder *f = *state;
	STRBUF_AUTO text = { 0 };
	struct err e = { 0 };

	assert_int_equal(vault_note_read(f->v, "status.json", &text, &e), 0);
	unit_works(vault_note_write(f->v, "status.json", span_of("a"), &e), &e);
	unit_works(vault_note_write(f->v, "status.json", span_of("b"), &e), &e);
	assert_int_equal(vault_note_read(f->v, "status.json", &text, &e), 1);
	assert_string_equal(strbuf_text(&text), "b");
	vault_note_remove(f->v, "status.json");
	assert_int_equal(vault_note_read(f->v, "status.json", &text, &e), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_versions_come_and_are_kept),
		TEST(test_what_nobody_names_goes),
		TEST(test_the_visible_and_pinned_ones_stay),
		TEST(test_wrong_content_gets_no_name),
		TEST(test_what_has_come_is_kept),
		TEST(test_damage_is_noticed),
		TEST(test_a_link_elsewhere_is_no_version),
		TEST(test_one_writer),
		TEST(test_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
