#include "base/fsm.h"

#include <stdlib.h>

#include "base/unit.h"

enum { CLOSED, OPEN, BROKEN };
enum { PUSH, PULL, SMASH };

static const char *const states[] = { "closed", "open", "broken" };
static const char *const events[] = { "push", "pull", "smash" };
static const char *const actions[] = { "-", "creak" };

static const struct fsm_row door_rows[] = {
	{ CLOSED, PUSH, OPEN, 1, "it opens inwards" },
	{ CLOSED, PULL, FSM_SAME, 0, "it is a push door" },
	{ OPEN, PUSH, FSM_SAME, 0, "it is open" },
	{ OPEN, PULL, CLOSED, 0, "it closes outwards" },
	{ FSM_ANY, SMASH, BROKEN, 0, "glass" },
	{ BROKEN, PUSH, FSM_SAME, 0, "nothing left to move" },
	{ BROKEN, PULL, FSM_SAME, 0, "nothing left to move" },
};

static struct fsm
door(const struct fsm_row *rows, size_t n)
{
	return (struct fsm){ "door",  states, 3,    events, 3,
			     actions, 2,      rows, (int)n };
}

static void
test_find(void **state)
{
	struct fsm f = door(door_rows, UNIT_COUNT(door_rows));
	const struct fsm_row *r = fsm_find(&f, CLOSED, PUSH);
	struct err e = { 0 };

	unit_works(fsm_check(&f, &e), &e);
	assert_int_equal(fsm_to(r, CLOSED), OPEN);
	assert_int_equal(r->action, 1);
	assert_int_equal(fsm_to(fsm_find(&f, CLOSED, PULL), CLOSED), CLOSED);
	assert_int_equal(fsm_to(fsm_find(&f, OPEN, SMASH), OPEN), BROKEN);
}

static void
test_own_row_wins_over_any(void **state)
{
	static const struct fsm_row rows[] = {
		{ FSM_ANY, PUSH, BROKEN, 0, "any" },
		{ CLOSED, PUSH, OPEN, 0, "own" },
	};
	struct fsm f = door(rows, 2);

	assert_string_equal(fsm_find(&f, CLOSED, PUSH)->why, "own");
	assert_string_equal(fsm_find(&f, OPEN, PUSH)->why, "any");
	assert_null(fsm_find(&f, OPEN, PULL));
}

/* The door with row i changed. */
static void
refuses(int i, struct fsm_row row, const char *part)
{
	struct fsm_row rows[UNIT_COUNT(door_rows)];
	struct fsm f = door(rows, UNIT_COUNT(rows));
	struct err e = { 0 };

	memcpy(rows, door_rows, sizeof(rows));
	rows[i] = row;
	unit_fails(fsm_check(&f, &e), &e, part);
}

static void
test_check_names_the_fault(void **state)
{
	struct fsm f = door(door_rows, UNIT_COUNT(door_rows) - 1);
	struct err e = { 0 };

	unit_fails(fsm_check(&f, &e), &e, "door: broken x pull is undecided");
	refuses(1, door_rows[0], "rows 0 and 1 decide the same");
	refuses(0, (struct fsm_row){ CLOSED, PUSH, 9, 0, "x" },
		"row 0 is out of range");
	refuses(0, (struct fsm_row){ CLOSED, 3, OPEN, 0, "x" },
		"row 0 is out of range");
	refuses(0, (struct fsm_row){ CLOSED, PUSH, OPEN, 2, "x" },
		"row 0 is out of range");
	refuses(0, (struct fsm_row){ FSM_SAME, PUSH, OPEN, 0, "x" },
		"row 0 is out of range");
	refuses(0, (struct fsm_row){ CLOSED, PUSH, OPEN, 0, "" },
		"row 0 has no why");
	refuses(0, (struct fsm_row){ CLOSED, PUSH, FSM_SAME, 0, "x" },
		"nothing leads to open");
}

static void
test_prints(void **state)
{
	struct fsm f = door(door_rows, UNIT_COUNT(door_rows));
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fsm_print(&f, to);
	fsm_print_mermaid(&f, to);
	fclose(to);
	assert_non_null(strstr(text, "closed  push   open    creak  it opens"));
	assert_non_null(strstr(text, "any     smash  broken  -      glass"));
	assert_non_null(strstr(text, "stateDiagram-v2\n    [*] --> closed\n"));
	assert_non_null(strstr(text, "closed --> open : push / creak\n"));
	assert_non_null(strstr(text, "open --> broken : smash\n"));
	assert_null(strstr(text, "broken --> broken"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_own_row_wins_over_any),
		cmocka_unit_test(test_check_names_the_fault),
		cmocka_unit_test(test_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
