/*
 * The generated SQL. Its meaning is tested against PostgreSQL by
 * tests/scenario/test_merge_sql*.py, which gets it from here:
 *
 *   replicator-merge_sql --print TABLES.INI CONNINFO
 *
 * prints every statement as JSON. Without arguments: that the text follows
 * from the declaration as it should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog_rows.h"
#include "io/loop.h"
#include "io/pgconn.h"
#include "replicator/merge.h"

struct printing {
	struct tables *tables;
	struct pgconn *conn;
	int status;
};

static void
put_common(json_t *to)
{
	json_put_str(to, "session", merge_session_sql);
	json_put_str(to, "guard", MERGE_GUARD_SQL);
	json_put_str(to, "tombstones", merge_tombstones_sql);
	json_put_str(to, "barrier", merge_barrier_sql);
	json_put_str(to, "tidy", merge_tidy_sql);
}

static json_t *
columns_json(const struct table *t, const size_t *list, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out,
				      json_string(t->columns[list[i]].name));
	return out;
}

static json_t *
table_json(const struct table *t)
{
	struct arena *a = arena_new();
	json_t *o = json_object(), *keys = json_array();
	bool *missing = mem_array(bool, t->ncolumns);
	size_t *columns = arena_array(a, size_t, t->ncolumns);

	json_put(o, "key", columns_json(t, t->key, t->nkey));
	json_put(o, "params", columns_json(t, t->params, t->nparams));
	json_put_str(o, "rows", merge_rows_sql(a, t, NULL));
	json_put_str(o, "partial", merge_partial_sql(a, t, NULL));
	json_put_str(o, "lacking", merge_lacking_sql(a, t));
	json_put(o, "lacking_columns",
		 columns_json(t, columns, merge_lacking_columns(t, columns)));
	json_put_str(o, "fetch", merge_fetch_sql(a, t, NULL));
	json_put_str(o, "sweep", merge_sweep_sql(a, t));
	json_put_str(o, "sweep_dead", merge_sweep_dead_sql(a, t));
	for (size_t u = 0; u < t->nuniques; u++) {
		json_array_append_new(keys,
				      json_string(merge_demote_sql(a, t, u)));
		json_array_append_new(keys,
				      json_string(merge_promote_sql(a, t, u)));
	}
	json_put(o, "keys", keys);
	/* as if the last value column were unknown to the source */
	for (size_t i = t->ncolumns; i-- > 0 && !missing[i];)
		if (t->columns[i].role == COLUMN_VALUE) {
			missing[i] = true;
			json_put_str(o, "missing", t->columns[i].name);
			json_put_str(o, "rows_missing",
				     merge_rows_sql(a, t, missing));
			break;
		}
	mem_free(missing);
	arena_free(&a);
	return o;
}

static void
print_catalog(const struct catalog *c)
{
	JSON_AUTO out = json_object();
	STRBUF_AUTO text = { 0 };
	json_t *tables = json_object();

	put_common(out);
	for (size_t i = 0; i < c->n; i++)
		json_put(tables, c->list[i].rel, table_json(&c->list[i]));
	json_put(out, "tables", tables);
	json_write(out, JSON_SORTED, &text);
	puts(strbuf_text(&text));
}

static void
on_rows(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct printing *p = ctx;
	struct err e = { 0 };
	struct catalog *c = NULL;

	if (err != NULL)
		e = *err;
	else
		c = catalog_new(p->tables, &results[0], true, &e);
	if (c != NULL)
		print_catalog(c);
	else
		fprintf(stderr, "%s\n", err_text(&e));
	p->status = c != NULL ? 0 : 1;
	catalog_free(&c);
	loop_stop();
}

static void
on_up(void *ctx)
{
	struct printing *p = ctx;
	struct pgbatch *b = pgbatch_new();
	char *names = catalog_parameter(p->tables);
	struct pgparam param = pgparam_text(names);

	pgbatch_add(b, &catalog_query, &param);
	mem_free(names);
	pgconn_run(p->conn, &b, clock_mono_ms() + 10000, on_rows, p);
}

static void
on_down(void *ctx, const struct err *why)
{
	struct printing *p = ctx;

	fprintf(stderr, "%s\n", err_text(why));
	p->status = 1;
	loop_stop();
}

static int
print_sql(const char *path, const char *conninfo)
{
	struct printing p = { .status = 1 };
	struct err e = { 0 };

	p.tables = tables_load(path, &e);
	if (p.tables == NULL) {
		fprintf(stderr, "%s\n", err_text(&e));
		return 1;
	}
	loop_open();
	p.conn = pgconn_new(
	    &(struct pgconn_conf){ .conninfo = conninfo,
				   .setup = "SET search_path = pg_catalog",
				   .on_up = on_up,
				   .on_down = on_down,
				   .ctx = &p });
	loop_run();
	pgconn_free(&p.conn);
	loop_close();
	tables_free(&p.tables);
	return p.status;
}

static const char declared[] = "[table item]\n"
			       "key = id\n"
			       "group.text = a, b\n"
			       "group.state = no, state\n"
			       "max.state = no, state(low < high)\n"
			       "unique.mail = owner, mail\n"
			       "fold.mail = lower\n";

static int
setup(void **state)
{
	struct err e = { 0 };
	struct tables *t = tables_read("t.ini", span_of(declared), &e);

	assert_non_null(t);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct tables *t = *state;

	tables_free(&t);
	return 0;
}

static struct catalog *
item_catalog(struct tables *t)
{
	struct err e = { 0 };
	struct pgresult rows = catalog_rows(item_columns);
	struct catalog *c = catalog_new(t, &rows, true, &e);

	if (c == NULL)
		fail_msg("%s", err_text(&e));
	catalog_rows_free(&rows);
	return c;
}

#define assert_has(text, part)                                     \
	do {                                                       \
		if (strstr(text, part) == NULL)                    \
			fail_msg("no \"%s\" in:\n%s", part, text); \
	} while (0)

static void
test_rows_name_every_parameter_once(void **state)
{
	struct catalog *c = item_catalog(*state);
	const struct table *t = &c->list[0];
	const char *sql = merge_rows_sql(c->arena, t, NULL);
	char param[16];

	for (size_t i = 1; i <= t->nparams; i++) {
		snprintf(param, sizeof(param), "$%zu::", i);
		assert_has(sql, param);
	}
	snprintf(param, sizeof(param), "$%zu::", t->nparams + 1);
	assert_null(strstr(sql, param));
	assert_has(sql, "ON CONFLICT (\"id\") DO UPDATE");
	assert_has(sql, "gsb.tombstone");
	catalog_free(&c);
}

static void
test_a_missing_column_is_left_alone(void **state)
{
	struct catalog *c = item_catalog(*state);
	const struct table *t = &c->list[0];
	bool missing[32] = { 0 };
	const char *sql;

	missing[table_column(t, "b")] = true;
	sql = merge_rows_sql(c->arena, t, missing);
	assert_null(strstr(sql, "s.\"b\"")); /* it is no parameter */
	assert_has(sql, "\"b\" = CASE WHEN excluded.\"gsb_v_row\" > "
			"t.\"gsb_v_row\" THEN excluded.\"b\" ELSE t.\"b\" END");
	assert_has(sql, "s.\"a\"");
	catalog_free(&c);
}

static void
test_effective_keys_are_never_parameters(void **state)
{
	struct catalog *c = item_catalog(*state);
	const struct table *t = &c->list[0];

	for (size_t i = 0; i < t->nparams; i++)
		assert_int_not_equal(t->columns[t->params[i]].role,
				     COLUMN_EFFECTIVE);
	assert_has(merge_rows_sql(c->arena, t, NULL), "\"gsb_key_mail\"");
	catalog_free(&c);
}

static void
test_new_rows_are_plainly_inserted(void **state)
{
	struct catalog *c = item_catalog(*state);
	const char *sql = merge_new_sql(c->arena, &c->list[0], NULL);

	assert_null(strstr(sql, "ON CONFLICT"));
	assert_has(sql, "gsb.tombstone");
	assert_has(sql, "\"gsb_key_mail\"");
	catalog_free(&c);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_rows_name_every_parameter_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_missing_column_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_effective_keys_are_never_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_new_rows_are_plainly_inserted, setup, teardown),
	};

	if (argc == 4 && strcmp(argv[1], "--print") == 0)
		return print_sql(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
