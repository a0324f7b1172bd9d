#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replicator/tables.h"

static void
test_a_whole_declaration(void **state)
{
	static const char text[] =
	    "; comment\n"
	    "[table account]\n"
	    "key = id\n"
	    "group.status = no, active\n"
	    "max.status = no, active(active < locked < gone away)\n"
	    "unique.email = company, email\n"
	    "fold.email = lower\n"
	    "ref.of = company,other.company\n"
	    "[table other.number]\n"
	    "key = kind, number\n"
	    "[table other.company]\n"
	    "key = id\n";
	struct err e = { 0 };
	struct tables *t = tables_read("t.ini", span_of(text), &e);
	const struct table_decl *d;

	if (t == NULL)
		fail_msg("%s", err_text(&e));
	assert_int_equal(t->n, 3);
	d = &t->list[0];
	assert_string_equal(d->schema, "public");
	assert_string_equal(d->name, "account");
	assert_int_equal(d->key.n, 1);
	assert_int_equal(d->ngroups, 1);
	assert_int_equal(d->groups[0].columns.n, 2);
	assert_int_equal(d->groups[0].nranks, 2);
	assert_int_equal(d->groups[0].ranks[0].labels.n, 0);
	assert_int_equal(d->groups[0].ranks[1].labels.n, 3);
	assert_string_equal(d->groups[0].ranks[1].labels.at[2], "gone away");
	assert_int_equal(d->uniques[0].scope.n, 1);
	assert_string_equal(d->uniques[0].scope.at[0], "company");
	assert_string_equal(d->uniques[0].value, "email");
	assert_true(d->uniques[0].fold);
	assert_string_equal(d->refs[0].name, "of");
	assert_string_equal(d->refs[0].column, "company");
	assert_string_equal(d->refs[0].target, "other.company");
	assert_string_equal(t->list[1].schema, "other");
	assert_int_equal(t->list[1].key.n, 2);
	tables_free(&t);
	assert_null(t);
}

static void
test_mistakes_say_where_and_what_is_right(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "t.ini: no table; write [table NAME]" },
		{ "[tables a]\nkey = id\n", "t.ini:1: section [tables a]" },
		{ "[table a.b.c]\nkey = id\n", "t.ini:1: " },
		{ "[table a]\ngroup.x = b\n", "t.ini:1: [table a] has no key" },
		{ "[table a]\nkey = id\nref.x = b\n",
		  "t.ini:3: ref.x wants a column and the table" },
		{ "[table a]\nkey = id\nref.x = b, c\n",
		  "t.ini:3: ref.x: there is no [table public.c]" },
		{ "[table a]\nkey = b, c\nref.x = b, a\n",
		  "t.ini:3: ref.x: the key of public.a has 2 columns" },
		{ "[table a]\nkey = id\n[table a]\nkey = id\n",
		  "t.ini:3: table a is declared twice" },
		{ "[table a]\nkey = i d\n", "t.ini:2: \"i d\" is no column" },
		{ "[table a]\nkey = id, id\n", "t.ini:2: id is named twice" },
		{ "[table a]\nkey = id\nkeys = id\n",
		  "t.ini:3: \"keys\" is unknown; key, group.NAME" },
		{ "[table a]\nkey = id\ngroup.g = b, id\n",
		  "t.ini:3: id is in the key" },
		{ "[table a]\nkey = id\ngroup.g = b\ngroup.h = c, b\n",
		  "t.ini:4: b is in group.g already" },
		{ "[table a]\nkey = id\nmax.g = b\n",
		  "t.ini:3: max.g has no group.g" },
		{ "[table a]\nkey = id\ngroup.g = b\nmax.g = c\n",
		  "t.ini:4: c is not in group.g" },
		{ "[table a]\nkey = id\ngroup.g = b\nmax.g = b(x < y\n",
		  "t.ini:4: no \")\"" },
		{ "[table a]\nkey = id\ngroup.g = b\nmax.g = b(x < )\n",
		  "t.ini:4: labels of b" },
		{ "[table a]\nkey = id\ngroup.g = b, c\nunique.u = b\n",
		  "t.ini:4: b is in group.g with others" },
		{ "[table a]\nkey = id\nunique.u = id\n",
		  "t.ini:3: id is in the key" },
		{ "[table a]\nkey = id\nfold.u = lower\n",
		  "t.ini:3: fold.u has no unique.u" },
		{ "[table a]\nkey = id\nunique.u = b\nfold.u = upper\n",
		  "t.ini:4: fold.u: \"upper\" is unknown" },
		{ "[table a]\nkey = id\ngroup.g'; drop = b\n", "t.ini:3: " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		struct tables *t = tables_read("t.ini", span_of(cases[i].text),
					       &e);

		assert_null(t);
		if (strncmp(e.text, cases[i].error, strlen(cases[i].error)))
			fail_msg("\"%s\" is not \"%s\"", e.text,
				 cases[i].error);
	}
}

static void
test_the_products_own_file(void **state)
{
	struct err e = { 0 };
	struct tables *t = tables_load("lib/site/schema/tables.ini", &e);

	if (t == NULL)
		fail_msg("%s", err_text(&e));
	assert_true(t->n >= 5);
	tables_free(&t);
	assert_null(tables_load("/nonexistent/tables.ini", &e));
	assert_non_null(strstr(e.text, "/nonexistent/tables.ini"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_declaration),
		cmocka_unit_test(test_mistakes_say_where_and_what_is_right),
		cmocka_unit_test(test_the_products_own_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
