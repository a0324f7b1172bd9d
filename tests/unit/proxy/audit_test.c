#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/audit.h"

static char dir[64];

static int
set_up(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/audit_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static const char *
file(int i)
{
	static char path[96];

	snprintf(path, sizeof(path), i > 0 ? "%s/audit.log.%d" : "%s/audit.log",
		 dir, i);
	return path;
}

static int
tear_down(void **state)
{
	for (int i = 0; i <= AUDIT_FILES; i++)
		unlink(file(i));
	return rmdir(dir);
}

static void
ignore(void *ctx, const json_t *event)
{
}

static struct audit *
opened(int64_t max_bytes)
{
	struct err e = { 0 };
	struct audit *a = audit_open(dir, max_bytes, ignore, NULL, &e);

	if (a == NULL)
		fail_msg("%s", err_text(&e));
	return a;
}

static void
append(struct audit *a, int from, int n)
{
	for (int i = from; i < from + n; i++) {
		JSON_AUTO event = json_object();

		json_put_int(event, "id", i);
		json_put_str(event, "text", "something happened");
		assert_int_equal(audit_append(a, event, NULL), 0);
	}
}

static struct audit_found
verify(const char *head)
{
	struct audit_found found;

	audit_verify(dir, head, &found);
	return found;
}

static void
bad(const char *head, const char *words)
{
	struct audit_found found = verify(head);

	assert_false(found.good);
	if (strstr(found.fault, words) == NULL)
		fail_msg("\"%s\" without \"%s\"", found.fault, words);
}

/* Ten lines; their text and the newest hash stay behind. */
static char written[8192], head[AUDIT_HASH_SIZE];

static void
write_ten(void)
{
	struct audit *a = opened(1 << 20);
	FILE *f;

	append(a, 1, 10);
	memcpy(head, audit_head(a), sizeof(head));
	audit_close(&a);
	f = fopen(file(0), "re");
	written[fread(written, 1, sizeof(written) - 1, f)] = '\0';
	fclose(f);
}

static void
rewrite(const char *text, size_t len)
{
	FILE *f = fopen(file(0), "we");

	fwrite(text, 1, len, f);
	fclose(f);
}

static void
test_what_was_written_is_whole(void **state)
{
	struct audit_found found;
	struct audit *a;

	assert_true(verify("").good == false); /* there is no file */
	write_ten();
	found = verify(head);
	assert_true(found.good);
	assert_int_equal(found.lines, 10);
	assert_int_equal(found.first, 1);
	assert_int_equal(found.last, 10);
	assert_string_equal(found.head, head);
	/* It goes on after a restart. */
	a = opened(1 << 20);
	assert_string_equal(audit_head(a), head);
	append(a, 11, 3);
	audit_close(&a);
	assert_true(verify(head).good);
}

static void
test_a_change_is_seen(void **state)
{
	char *at;

	write_ten();
	at = strstr(written, "\"id\":4");
	at[5] = '5';
	rewrite(written, strlen(written));
	bad(head, "audit.log:4: it was changed");
}

static void
test_a_line_that_is_gone_is_seen(void **state)
{
	char *from, *to;

	write_ten();
	from = strstr(written, "{\"id\":4");
	to = strstr(written, "{\"id\":5");
	memmove(from, to, strlen(to) + 1);
	rewrite(written, strlen(written));
	bad(head, "audit.log:4: the line before it");
}

static void
test_a_tail_that_is_gone_is_seen(void **state)
{
	write_ten();
	*strstr(written, "{\"id\":9") = '\0';
	rewrite(written, strlen(written));
	bad(head, "newest event");
}

static void
test_lines_without_hashes_are_only_old_ones(void **state)
{
	static const char old[] = "{\"id\":1,\"epoch\":1}\n";
	struct audit *a;

	rewrite(old, strlen(old));
	a = opened(1 << 20);
	append(a, 2, 2);
	audit_close(&a);
	assert_true(verify("").good);
	assert_int_equal(verify("").lines, 3);
	FILE *f = fopen(file(0), "ae");
	fputs("{\"id\":4,\"epoch\":1}\n", f);
	fclose(f);
	bad("", "audit.log:4: it has no hash");
}

static void
test_the_chain_goes_through_rotated_files(void **state)
{
	struct audit *a = opened(4096);
	struct audit_found found;

	append(a, 1, 400);
	memcpy(head, audit_head(a), sizeof(head));
	audit_close(&a);
	found = verify(head);
	if (!found.good)
		fail_msg("%s", found.fault);
	assert_int_equal(found.files, AUDIT_FILES + 1);
	assert_int_equal(found.last, 400);
	assert_true(found.first > 1); /* the oldest are gone */
	/* A rotation right before a restart. */
	assert_int_equal(unlink(file(0)), 0);
	a = opened(4096);
	assert_int_equal(strlen(audit_head(a)), 64);
	audit_close(&a);
	assert_int_equal(unlink(file(3)), 0);
	assert_false(verify("").good);
}

static void
test_half_a_line_goes(void **state)
{
	struct audit *a;
	FILE *f;

	write_ten();
	f = fopen(file(0), "ae");
	fputs("{\"id\":11,\"te", f);
	fclose(f);
	assert_false(verify(head).good);
	a = opened(1 << 20);
	append(a, 11, 1);
	audit_close(&a);
	assert_true(verify(head).good);
	assert_int_equal(verify(head).last, 11);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_written_is_whole),
		TEST(test_a_change_is_seen),
		TEST(test_a_line_that_is_gone_is_seen),
		TEST(test_a_tail_that_is_gone_is_seen),
		TEST(test_lines_without_hashes_are_only_old_ones),
		TEST(test_the_chain_goes_through_rotated_files),
		TEST(test_half_a_line_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
