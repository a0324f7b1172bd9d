#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "site/room.h"
#include "site/room_state.h"
#include "site/room_text.h"

static struct room_enter
who(const char *id, bool owner)
{
	return (struct room_enter){ .id = id, .name = id, .owner = owner };
}

static enum room_verdict
judge(const struct room *r, const char *id, bool owner)
{
	struct room_enter w = who(id, owner);

	return room_judge(r, &w);
}

static struct room_person *
add(struct room *r, const char *id, bool owner)
{
	struct room_enter w = who(id, owner);
	enum room_verdict v = room_judge(r, &w);

	assert_true(v <= ROOM_WAITS_TO_BE_LET_IN);
	return room_add(r, &w, v != ROOM_IN);
}

static void
test_people_come_and_go(void **state)
{
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "Acme", 7), *other;
	struct room_person *h, *e;

	assert_ptr_equal(rooms_make(rs, "ACME", 7), r);
	other = rooms_make(rs, "Acme", 8);
	assert_ptr_not_equal(other, r);
	assert_int_equal(rooms_count(rs), 0);
	r->early = true;
	h = add(r, "h", true);
	e = add(r, "e", false);
	assert_int_equal(rooms_count(rs), 1);
	assert_int_equal(rooms_people(rs), 2);
	assert_ptr_equal(room_find(r, "e"), e);
	room_give_host(r, h);
	room_give_host(r, e);
	assert_false(h->host);
	assert_ptr_equal(r->host, e);
	room_remove(&e);
	assert_null(e);
	assert_null(r->host);
	assert_null(room_find(r, "e"));
	assert_int_equal(rooms_people(rs), 1);
	rooms_end(&r);
	assert_int_equal(rooms_people(rs), 0);
	rooms_free(&rs);
}

static void
test_who_may_come_in(void **state)
{
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "acme", 7);
	struct room_person *h, *e;

	assert_int_equal(judge(r, "e", false), ROOM_WAITS_FOR_HOST);
	assert_int_equal(judge(r, "h", true), ROOM_IN);
	r->early = true;
	assert_int_equal(judge(r, "e", false), ROOM_IN);
	r->lobby_on = true;
	assert_int_equal(judge(r, "e", false), ROOM_WAITS_TO_BE_LET_IN);
	e = add(r, "e", false);
	assert_true(e->waiting);
	h = add(r, "h", true);
	room_give_host(r, h);
	assert_int_equal(judge(r, "x", false), ROOM_WAITS_TO_BE_LET_IN);
	room_let_in(e);
	assert_int_equal(r->nlobby, 0);
	assert_int_equal(r->npeople, 2);
	r->locked = true;
	assert_int_equal(judge(r, "x", false), ROOM_LOCKED);
	assert_int_equal(judge(r, "o", true), ROOM_IN);
	room_expel(r, "x");
	assert_int_equal(judge(r, "x", false), ROOM_EXPELS);
	assert_int_equal(judge(r, "x", true), ROOM_EXPELS);
	room_forgive(r);
	assert_int_equal(judge(r, "x", false), ROOM_LOCKED);
	rooms_free(&rs);
}

/* The list of the expelled is bounded: the oldest is forgotten. */
static void
test_bounds(void **state)
{
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "acme", 7);
	char id[16];

	r->early = true;
	for (int i = 0; i < ROOM_PEOPLE; i++) {
		snprintf(id, sizeof(id), "p%d", i);
		add(r, id, false);
	}
	assert_int_equal(judge(r, "more", false), ROOM_FULL);
	assert_int_equal(judge(r, "owner", true), ROOM_IN);
	for (int i = 0; i <= ROOM_EXPELLED; i++) {
		snprintf(id, sizeof(id), "x%d", i);
		room_expel(r, id);
	}
	assert_false(room_has_expelled(r, "x0"));
	assert_true(room_has_expelled(r, "x1"));
	rooms_free(&rs);
}

static void
test_texts(void **state)
{
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "acme", 7);
	struct room_line line = { .from = "h", .name = "h", .text = "a\"b" };
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO people = { 0 };
	STRBUF_AUTO lobby = { 0 };
	struct room_person *h = add(r, "h", true);

	room_give_host(r, h);
	r->lobby_on = true;
	add(r, "e", false);
	line.at_ms = 5;
	snprintf(line.id, sizeof(line.id), "l1");
	line.n = 9;
	assert_non_null(room_chat_add(&r->chat, &line));
	room_text_welcome(h, &sb);
	assert_string_equal(
	    strbuf_text(&sb),
	    "{\"type\":\"welcome\",\"meeting\":7,\"session\":null,"
	    "\"you\":\"h\",\"host\":true,"
	    "\"room\":{\"locked\":false,\"lobby\":true},"
	    "\"roster\":[{\"id\":\"h\",\"name\":\"h\",\"host\":true,"
	    "\"guest\":false,\"presence\":\"here\",\"hand\":0,"
	    "\"muted\":false}],"
	    "\"waiting\":[{\"id\":\"e\",\"name\":\"e\",\"host\":false,"
	    "\"guest\":false,\"presence\":\"here\",\"hand\":0,"
	    "\"muted\":false}],"
	    "\"chat\":[{\"id\":\"l1\",\"n\":9,\"from\":\"h\",\"name\":\"h\","
	    "\"to\":null,\"text\":\"a\\\"b\",\"at_ms\":5}]}");
	room_text_news(r, &people, &lobby);
	assert_non_null(strstr(strbuf_text(&people), "\"id\":\"h\""));
	assert_null(strstr(strbuf_text(&people), "\"id\":\"e\""));
	assert_non_null(strstr(strbuf_text(&lobby), "\"id\":\"e\""));
	strbuf_reset(&people);
	strbuf_reset(&lobby);
	room_text_news(r, &people, &lobby);
	assert_int_equal(people.len + lobby.len, 0);

	rooms_free(&rs);
}

static void
test_news_of_who_comes_and_goes(void **state)
{
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "acme", 7);
	STRBUF_AUTO people = { 0 };
	STRBUF_AUTO lobby = { 0 };
	struct room_person *h = add(r, "h", true), *e;

	room_give_host(r, h);
	r->lobby_on = true;
	e = add(r, "e", false);
	room_text_news(r, &people, &lobby);
	strbuf_reset(&people);
	strbuf_reset(&lobby);
	room_let_in(e);
	room_text_news(r, &people, &lobby);
	assert_non_null(strstr(strbuf_text(&people), "\"id\":\"e\""));
	assert_string_equal(strbuf_text(&lobby),
			    "{\"type\":\"lobby\",\"set\":[],\"gone\":[\"e\"]}");
	strbuf_reset(&people);
	strbuf_reset(&lobby);
	room_remove(&e);
	room_text_news(r, &people, &lobby);
	assert_string_equal(strbuf_text(&people),
			    "{\"type\":\"people\",\"set\":[],\"gone\":"
			    "[\"e\"]}");
	/* who is back already is not gone */
	r->lobby_on = false;
	e = add(r, "e", false);
	room_remove(&e);
	add(r, "e", false);
	strbuf_reset(&people);
	room_text_news(r, &people, &lobby);
	assert_non_null(strstr(strbuf_text(&people), "\"gone\":[]"));
	rooms_free(&rs);
}

static void
test_lines_in_order_and_bounded(void **state)
{
	struct room_chat c;
	struct room_line line = { .from = "a", .name = "A", .text = "x" };
	const struct room_line *l, *first;
	int64_t last = 0;

	room_chat_init(&c);
	for (int i = 0; i < 3 * ROOM_CHAT_LINES; i++) {
		l = room_chat_add(&c, &line);
		assert_non_null(l);
		assert_true(l->n > last);
		last = l->n;
	}
	assert_int_equal(c.count, ROOM_CHAT_LINES);
	/* one that was there already, one that comes late, one too old */
	line = *TAILQ_LAST(&c.lines, room_lines);
	assert_null(room_chat_add(&c, &line));
	snprintf(line.id, sizeof(line.id), "late");
	line.n = last - 1;
	assert_non_null(room_chat_add(&c, &line));
	assert_string_not_equal(TAILQ_LAST(&c.lines, room_lines)->id, "late");
	first = TAILQ_FIRST(&c.lines);
	snprintf(line.id, sizeof(line.id), "old");
	line.n = first->n - 1;
	assert_null(room_chat_add(&c, &line));
	assert_int_equal(c.last, last);
	room_chat_fini(&c);
	assert_int_equal(c.count, 0);
}

static void
test_long_lines_are_bounded_in_bytes(void **state)
{
	static char text[6001];
	struct room_chat c;
	struct room_line line = { .from = "a", .name = "A", .text = text };

	memset(text, 'x', sizeof(text) - 1);
	room_chat_init(&c);
	for (int i = 0; i < ROOM_CHAT_LINES; i++)
		assert_non_null(room_chat_add(&c, &line));
	assert_true(c.bytes <= ROOM_CHAT_BYTES);
	assert_true(c.count > 10);
	room_chat_fini(&c);
}

static void
test_who_sees_a_line(void **state)
{
	struct room_line l = { .from = "a" };

	assert_true(room_line_is_for(&l, "z"));
	l.to = "b";
	assert_true(room_line_is_for(&l, "a"));
	assert_true(room_line_is_for(&l, "b"));
	assert_false(room_line_is_for(&l, "z"));
}

static void
test_a_room_reappears(void **state)
{
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "acme", 7);
	struct room *again = rooms_make(rs, "acme", 8);
	struct room_person *p;
	json_t *j;

	room_give_host(r, add(r, "h", true));
	p = add(r, "e", false);
	p->muted = true;
	p->hand = ++r->hands;
	room_give_host(r, p);
	p->muted = true;
	r->locked = true;
	room_expel(r, "x");
	j = room_state(r);
	assert_int_equal(room_restore(again, j, true, 1000), 2);
	assert_true(again->locked);
	assert_true(room_has_expelled(again, "x"));
	assert_string_equal(again->host->id, "e");
	p = room_find(again, "e");
	assert_int_equal(p->presence, ROOM_LOST);
	assert_int_equal(p->lost_ms, 1000);
	assert_int_equal(p->hand, 1);
	assert_int_equal(again->hands, 1);
	assert_null(p->conn);
	assert_true(room_find(again, "h")->owner);
	/* who is there already is not touched, nor what was set meanwhile */
	p->presence = ROOM_HERE;
	again->locked = false;
	assert_int_equal(room_restore(again, j, false, 2000), 0);
	assert_int_equal(p->presence, ROOM_HERE);
	assert_false(again->locked);
	json_decref(j);
	rooms_free(&rs);
}

static void
test_any_row_is_borne(void **state)
{
	static const char *const rows[] = {
		"[]",
		"null",
		"{\"people\":7}",
		"{\"people\":[1,null,[]]}",
		"{\"people\":[{\"id\":1}],\"expelled\":[1,{}],\"locked\":3}",
		"{\"people\":[{\"id\":\"a\"}]}",
		"{\"people\":[{\"id\":\"a\",\"name\":\"n\",\"hand\":\"x\"}]}",
	};
	struct rooms *rs = rooms_new();
	struct room *r = rooms_make(rs, "acme", 7);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *j = json_read(span_of(rows[i]), NULL);

		assert_int_equal(room_restore(r, j, true, 0), 0);
		json_decref(j);
	}
	assert_int_equal(room_restore(r, NULL, true, 0), 0);
	rooms_free(&rs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people_come_and_go),
		cmocka_unit_test(test_who_may_come_in),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_news_of_who_comes_and_goes),
		cmocka_unit_test(test_lines_in_order_and_bounded),
		cmocka_unit_test(test_long_lines_are_bounded_in_bytes),
		cmocka_unit_test(test_who_sees_a_line),
		cmocka_unit_test(test_a_room_reappears),
		cmocka_unit_test(test_any_row_is_borne),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
