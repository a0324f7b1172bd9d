#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/states.h"

static void
test_every_pair_is_decided(void **state)
{
	struct err e = { 0 };

	if (fsm_check(&states_fsm, &e) < 0)
		fail_msg("%s", err_text(&e));
}

static void
test_a_hole_is_seen(void **state)
{
	struct fsm holed = states_fsm;
	struct err e = { 0 };

	holed.nrows--;
	assert_int_equal(fsm_check(&holed, &e), -1);
}

/* Only a written record may move the right to serve to another site. */
static void
test_every_way_to_another_site_is_recorded(void **state)
{
	for (int i = 0; i < states_fsm.nrows; i++) {
		const struct fsm_row *r = &states_fsm.rows[i];
		const char *action = states_fsm.actions[r->action];

		if (r->to != STATE_FENCING && r->to != STATE_SWITCH)
			continue;
		if (r->from == STATE_START && r->event == EVENT_RECORD)
			continue; /* the record was read */
		assert_non_null(strstr(action, "record-"));
	}
}

static void
test_after_the_switch_is_recorded_nothing_aborts(void **state)
{
	static const int aborts[] = { EVENT_ABORT_PRIMARY, EVENT_ABORT_BACKUP,
				      EVENT_ABORT_HELD };

	for (size_t i = 0; i < 3; i++) {
		const struct fsm_row *r = fsm_find(&states_fsm, STATE_SWITCH,
						   aborts[i]);

		assert_int_equal(fsm_to(r, STATE_SWITCH), STATE_SWITCH);
		r = fsm_find(&states_fsm, STATE_SYNC, aborts[i]);
		assert_int_not_equal(fsm_to(r, STATE_SYNC), STATE_SYNC);
	}
}

static char *
diagram(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	states_diagram(f);
	fclose(f);
	return text;
}

static void
test_the_diagram_names_every_state(void **state)
{
	char *text = diagram();

	for (int i = 0; i < states_fsm.nstates; i++)
		assert_non_null(strstr(text, states_fsm.states[i]));
	free(text);
}

static char *
table(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fsm_print(&states_fsm, f);
	fclose(f);
	return text;
}

#define DOCUMENT GSB_SOURCE_DIR "/docs/failover.md"

/* text, between the line "begin" and the next "```", becomes `with`. */
static void
renew(char *page, size_t size, const char *begin, const char *with)
{
	char *from = strstr(page, begin), *to, *rest;

	assert_non_null(from);
	from += strlen(begin);
	to = strstr(from, "```");
	assert_non_null(to);
	rest = strdup(to);
	assert_true((size_t)snprintf(from, size - (size_t)(from - page), "%s%s",
				     with, rest) < size);
	free(rest);
}

/* GSB_WRITE_DOCS=1 writes it again. */
static void
test_the_document_shows_this_table(void **state)
{
	static char page[131072], right[131072];
	FILE *f = fopen(DOCUMENT, "re");
	char *picture = diagram(), *rows = table();

	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	memcpy(right, page, sizeof(page));
	renew(right, sizeof(right), "```mermaid\n", picture);
	renew(right, sizeof(right), "```text\nfrom", rows + strlen("from"));
	free(picture);
	free(rows);
	if (getenv("GSB_WRITE_DOCS") != NULL) {
		f = fopen(DOCUMENT, "we");
		assert_non_null(f);
		fputs(right, f);
		fclose(f);
		return;
	}
	if (strcmp(page, right) != 0)
		fail_msg("docs/failover.md is not what proxy/states.c says: "
			 "GSB_WRITE_DOCS=1 build/asan/bin/unit/proxy-states");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair_is_decided),
		cmocka_unit_test(test_a_hole_is_seen),
		cmocka_unit_test(test_every_way_to_another_site_is_recorded),
		cmocka_unit_test(
		    test_after_the_switch_is_recorded_nothing_aborts),
		cmocka_unit_test(test_the_diagram_names_every_state),
		cmocka_unit_test(test_the_document_shows_this_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
