#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "catalog_rows.h"
#include "replicator/catalog.h"

static struct tables *
declared(const char *text)
{
	struct err e = { 0 };
	struct tables *t = tables_read("t.ini", span_of(text), &e);

	if (t == NULL)
		fail_msg("%s", err_text(&e));
	return t;
}

static const char item[] = "[table item]\n"
			   "key = id\n"
			   "group.text = a, b\n"
			   "group.state = no, state\n"
			   "max.state = no, state(low < high)\n"
			   "unique.mail = owner, mail\n"
			   "fold.mail = lower\n";

static const struct column *
column(const struct table *t, const char *name)
{
	size_t at = table_column(t, name);

	assert_int_not_equal(at, TABLE_NONE);
	return &t->columns[at];
}

static void
test_columns_play_their_parts(void **state)
{
	struct tables *d = declared(item);
	struct pgresult rows = catalog_rows(item_columns);
	struct err e = { 0 };
	struct catalog *c = catalog_new(d, &rows, true, &e);
	const struct table *t;

	if (c == NULL)
		fail_msg("%s", err_text(&e));
	t = catalog_find(c, "public", "item");
	assert_non_null(t);
	assert_null(catalog_find(c, "public", "other"));
	assert_string_equal(t->rel, "public.item");
	assert_int_equal(column(t, "id")->role, COLUMN_KEY);
	assert_int_equal(column(t, "doubled")->role, COLUMN_GENERATED);
	assert_int_equal(column(t, "gsb_v_row")->role, COLUMN_ROW);
	assert_int_equal(column(t, "gsb_key_mail")->role, COLUMN_EFFECTIVE);
	assert_int_equal(column(t, "gsb_v_text")->role, COLUMN_VERSION);
	assert_int_equal(column(t, "gsb_v_text")->group, column(t, "b")->group);
	/* a unique value and what may be TOASTed are groups of their own */
	assert_string_equal(t->groups[column(t, "mail")->group].name, "mail");
	assert_string_equal(t->groups[column(t, "body")->group].name, "body");
	assert_string_equal(t->groups[column(t, "owner")->group].name, "rest");
	assert_int_equal(t->ngroups, 5);
	/* all but the effective key and the generated column */
	assert_int_equal(t->nparams, t->ncolumns - 2);
	catalog_free(&c);
	assert_null(c);
	catalog_rows_free(&rows);
	tables_free(&d);
}

static void
assert_refused(const char *text, const struct catalog_column *columns,
	       bool ready, const char *error)
{
	struct tables *d = declared(text);
	struct pgresult rows = catalog_rows(columns);
	struct err e = { 0 };

	assert_null(catalog_new(d, &rows, ready, &e));
	if (strstr(e.text, error) == NULL)
		fail_msg("\"%s\" has no \"%s\"", e.text, error);
	assert_non_null(strstr(e.text, "t.ini"));
	catalog_rows_free(&rows);
	tables_free(&d);
}

static void
test_what_cannot_replicate_is_refused(void **state)
{
	static const struct catalog_column bare[] = {
		{ "id", "uuid", "kne", 2950 },
		{ "mail", "text", "te", 25 },
		{ "owner", "integer", "e", 23 },
		{ "tags", "text[]", "ta", 1009 },
		{ 0 },
	};
	static const struct catalog_column array[] = {
		{ "id", "uuid", "kne", 2950 },
		{ "tags", "text[]", "ta", 1009 },
		{ "gsb_v_row", "bigint", "ne", 20 },
		{ "gsb_v_tags", "bigint", "ne", 20 },
		{ 0 },
	};
	static const struct catalog_column odd_key[] = {
		{ "id", "numeric", "kn", 1700 },
		{ 0 },
	};

	assert_refused("[table other]\nkey = id\n", bare, false,
		       "has no table public.other; run the schema steps");
	assert_refused("[table item]\nkey = no\n", bare, false,
		       "has no column no");
	assert_refused("[table item]\nkey = mail\n", bare, false,
		       "another primary key");
	assert_refused("[table item]\nkey = id\n", odd_key, false,
		       "numeric cannot be a replicated key");
	assert_refused("[table item]\nkey = id\n", array, true,
		       "no array of gsb.\"array_of_it\"; run");
	assert_refused("[table item]\nkey = id\nunique.m = owner, mail\n", bare,
		       false, "owner must be NOT NULL");
	assert_refused("[table item]\nkey = id\ngroup.g = mail\n"
		       "max.g = mail\n",
		       bare, false, "write mail(lowest < ... < highest)");
	assert_refused(item, bare, false, "has no column a");
}

static void
test_an_uninstalled_table_is_not_ready(void **state)
{
	static const struct catalog_column bare[] = {
		{ "id", "uuid", "kne", 2950 },
		{ "owner", "integer", "ne", 23 },
		{ 0 },
	};
	struct tables *d = declared("[table item]\nkey = id\n");
	struct pgresult rows = catalog_rows(bare);
	struct err e = { 0 };
	struct catalog *c = catalog_new(d, &rows, false, &e);

	assert_non_null(c);
	assert_int_equal(c->list[0].row, TABLE_NONE);
	assert_int_equal(c->list[0].groups[0].version, TABLE_NONE);
	catalog_free(&c);
	catalog_rows_free(&rows);
	tables_free(&d);
	assert_refused("[table item]\nkey = id\n", bare, true,
		       "run gsb-replicator install");
}

static void
test_the_parameter_names_every_table(void **state)
{
	struct tables *d = declared("[table a]\nkey = id\n"
				    "[table s.b]\nkey = id\n");
	char *text = catalog_parameter(d);

	assert_string_equal(text, "{\"public.a\",\"s.b\"}");
	free(text);
	tables_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_play_their_parts),
		cmocka_unit_test(test_what_cannot_replicate_is_refused),
		cmocka_unit_test(test_an_uninstalled_table_is_not_ready),
		cmocka_unit_test(test_the_parameter_names_every_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
