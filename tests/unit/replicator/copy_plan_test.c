#include "replicator/copy_plan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/unit.h"
#include "io/vault_content.h"

#define LARGE (200 * 1024)

struct world {
	char dir[64];
	struct vault *v;
	struct manifest *old, *to;
};

static int
set_up(void **state)
{
	struct world *w = mem_new(struct world);
	struct err e = { 0 };

	snprintf(w->dir, sizeof(w->dir), "/tmp/plan-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->v = vault_open(w->dir, &e);
	w->old = manifest_new();
	w->to = manifest_new();
	*state = w;
	return w->v != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	manifest_free(&w->old);
	manifest_free(&w->to);
	vault_close(&w->v);
	snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0);
	mem_free(w);
	return 0;
}

/* A content of its own for each seed. here: it is in the vault; part: so
 * many bytes have come. */
static struct manifest_entry
content(const struct world *w, unsigned seed, size_t size, bool here,
	size_t part)
{
	char *bytes = mem_array(char, size + 1);
	struct manifest_entry f = { .mode = 0644, .size = (int64_t)size };
	struct vault_new n = { .fd = -1 };
	struct crypto_hash *h = crypto_hash_new();
	char unused[MANIFEST_HASH_SIZE];
	struct err e = { 0 };

	snprintf(bytes, size + 1, "%u", seed);
	crypto_hash_add(h, span_make(bytes, size));
	crypto_hash_end(h, f.sha256);
	crypto_hash_free(&h);
	if (here || part > 0) {
		unit_works(vault_new_begin(&n, w->v, f.sha256, &e), &e);
		unit_works(
		    vault_new_add(&n, span_make(bytes, here ? size : part), &e),
		    &e);
	}
	if (here)
		unit_works(vault_new_end(&n, f.sha256, unused, &e), &e);
	else
		vault_new_drop(&n, true);
	vault_new_fini(&n);
	mem_free(bytes);
	return f;
}

static void
name(struct manifest **m, const char *path, struct manifest_entry f)
{
	struct manifest *next;

	f.path = path;
	next = manifest_with(*m, path, &f);
	manifest_free(m);
	*m = next;
}

/* The settings of an empty version are never on a disk. */
static void
settings(struct world *w)
{
	struct manifest_entry s = content(w, 1, 2, true, 0);

	s.path = w->old->settings.path;
	w->old->settings = s;
	w->to->settings = s;
}

static void
test_what_differs(void **state)
{
	struct world *w = *state;
	struct manifest_entry a = content(w, 1, 10, false, 0);
	struct manifest_entry b = content(w, 2, 20, false, 0);
	struct manifest_entry run = a;
	struct copy_diff d;

	run.mode = 0755;
	name(&w->old, "pages/a/1", a);
	name(&w->old, "pages/a/2", a);
	name(&w->old, "pages/a/3", a);
	name(&w->old, "pages/a/4", a);
	name(&w->to, "pages/a/1", a);
	name(&w->to, "pages/a/2", b);
	name(&w->to, "pages/a/3", run);
	name(&w->to, "pages/a/5", b);
	name(&w->to, "pages/a/6", b);
	copy_diff(w->old, w->to, &d);
	assert_int_equal(d.added, 2);
	assert_int_equal(d.changed, 2);
	assert_int_equal(d.removed, 1);
	assert_int_equal(d.bytes, 20 + 10 + 20 + 20);
	assert_false(d.settings);
	w->to->settings.sha256[0] ^= 1;
	copy_diff(w->old, w->to, &d);
	assert_true(d.settings);
}

static void
test_each_content_comes_once_and_only_if_it_is_missing(void **state)
{
	struct world *w = *state;
	struct manifest_entry here = content(w, 10, 10, true, 0);
	struct manifest_entry new = content(w, 11, 11, false, 0);
	struct copy_plan *p;
	JSON_AUTO want = NULL;
	char *text;
	size_t next;

	settings(w);
	name(&w->to, "pages/a/1", new);
	name(&w->to, "pages/a/2", here);
	name(&w->to, "pages/a/3", new); /* the same again */
	name(&w->to, "pages/a/4", content(w, 12, 12, false, 0));
	name(&w->to, "pages/a/5", content(w, 13, 13, false, 0));
	name(&w->to, "pages/a/6", here); /* unchanged, under another name */
	name(&w->to, "pages/a/7", content(w, 14, 14, false, 0));
	p = copy_plan_new(w->v, w->old, w->to, false);
	assert_int_equal(p->nbulk, 4);
	assert_int_equal(p->nsingle, 0);
	assert_int_equal(p->bytes, 11 + 12 + 13 + 14);
	want = copy_plan_want(p, 0, 100, &next);
	assert_int_equal(next, 4);
	text = json_dumps(want, JSON_COMPACT);
	assert_string_equal(text, "[[1,1],[4,5],[7,7]]");
	free(text);
	json_decref(want);
	want = copy_plan_want(p, 0, 2, &next);
	assert_int_equal(next, 3);
	json_decref(want);
	want = copy_plan_want(p, next, 2, &next);
	assert_int_equal(next, 4);
	copy_plan_free(&p);
}

static void
test_settings_are_a_file_like_others(void **state)
{
	struct world *w = *state;
	struct copy_plan *p;

	settings(w);
	p = copy_plan_new(w->v, w->old, w->to, false);
	assert_int_equal(p->nbulk, 0);
	copy_plan_free(&p);
	w->to->settings = content(w, 50, 50, false, 0);
	w->to->settings.path = w->old->settings.path;
	p = copy_plan_new(w->v, w->old, w->to, false);
	assert_int_equal(p->nbulk, 1);
	assert_int_equal(p->bulk[0].index, 0);
	copy_plan_free(&p);
}

static void
test_a_large_one_that_changed_is_a_delta(void **state)
{
	struct world *w = *state;
	struct copy_plan *p;

	settings(w);
	name(&w->old, "clients/a/big", content(w, 20, LARGE, true, 0));
	name(&w->to, "clients/a/big", content(w, 21, LARGE, false, 0));
	/* its old content has gone from the disk */
	name(&w->old, "clients/a/lost", content(w, 22, LARGE, false, 0));
	name(&w->to, "clients/a/lost", content(w, 23, LARGE, false, 0));
	/* too small to be worth it */
	name(&w->old, "clients/a/small", content(w, 24, 5000, true, 0));
	name(&w->to, "clients/a/small", content(w, 25, 5000, false, 0));
	p = copy_plan_new(w->v, w->old, w->to, false);
	assert_int_equal(p->nsingle, 1);
	assert_string_equal(p->single[0].entry->path, "clients/a/big");
	assert_ptr_equal(p->single[0].basis,
			 manifest_find(w->old, "clients/a/big"));
	assert_int_equal(p->nbulk, 2);
	copy_plan_free(&p);
}

static void
test_what_began_goes_on(void **state)
{
	struct world *w = *state;
	struct copy_plan *p;

	settings(w);
	name(&w->to, "clients/a/new", content(w, 30, 3 << 20, false, 1 << 20));
	name(&w->to, "pages/a/small", content(w, 31, 1000, false, 500));
	p = copy_plan_new(w->v, w->old, w->to, false);
	assert_int_equal(p->nsingle, 1);
	assert_int_equal(p->single[0].have, 1 << 20);
	assert_null(p->single[0].basis);
	assert_int_equal(p->nbulk, 1);
	assert_int_equal(p->bulk[0].have, 0);
	assert_int_equal(p->bytes, (2 << 20) + 1000);
	copy_plan_free(&p);
}

static void
damage(const struct world *w, const struct manifest_entry *f)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/objects/%.2s/%s", w->dir, f->sha256,
		 f->sha256);
	file = fopen(path, "r+");
	assert_non_null(file);
	fputc('X', file);
	fclose(file);
}

static void
test_whom_it_trusts(void **state)
{
	struct world *w = *state;
	struct manifest_entry known = content(w, 40, 40, true, 0);
	struct manifest_entry loose = content(w, 41, 41, true, 0);
	struct copy_plan *p;

	settings(w);
	damage(w, &known);
	damage(w, &loose);
	name(&w->old, "pages/a/1", known);
	name(&w->to, "pages/a/1", known);
	name(&w->to, "pages/a/2", loose);
	/* what the old version names has been verified; the other is read */
	p = copy_plan_new(w->v, w->old, w->to, false);
	assert_int_equal(p->nbulk, 1);
	assert_string_equal(p->bulk[0].entry->path, "pages/a/2");
	copy_plan_free(&p);
	p = copy_plan_new(w->v, w->old, w->to, true);
	assert_int_equal(p->nbulk, 2);
	copy_plan_free(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_differs),
		TEST(test_each_content_comes_once_and_only_if_it_is_missing),
		TEST(test_settings_are_a_file_like_others),
		TEST(test_a_large_one_that_changed_is_a_delta),
		TEST(test_what_began_goes_on),
		TEST(test_whom_it_trusts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
