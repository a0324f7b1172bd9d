#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "site/jointoken.h"
#include "site/room.h"

static struct room_enter
person(int64_t meeting, const char *id, const char *name)
{
	return (struct room_enter){
		.company = "Acme", .meeting = meeting, .id = id, .name = name
	};
}

static void
test_people_come_and_go(void **state)
{
	struct rooms *r = rooms_new();
	struct room_enter hans = person(7, "h", "Hans");
	struct room_enter eva = person(7, "e", "Eva");
	struct room_enter other = person(8, "h", "Hans");
	int conns[4];
	void *was;
	struct room_person *h, *e, *o;
	STRBUF_AUTO sb = { 0 };
	json_t *j;

	hans.host = true;
	h = rooms_enter(r, &hans, &conns[0], &was);
	assert_null(was);
	eva.company = "ACME"; /* the same company */
	e = rooms_enter(r, &eva, &conns[1], &was);
	o = rooms_enter(r, &other, &conns[2], &was);
	assert_int_equal(rooms_count(r), 2);
	assert_int_equal(rooms_people(r), 3);
	assert_ptr_equal(h->room, e->room);
	assert_ptr_not_equal(h->room, o->room);

	j = room_welcome(e);
	json_write(j, JSON_AS_MADE, &sb);
	json_decref(j);
	assert_string_equal(
	    strbuf_text(&sb),
	    "{\"type\":\"welcome\",\"meeting\":7,\"you\":\"e\",\"host\":false,"
	    "\"roster\":[{\"id\":\"h\",\"name\":\"Hans\",\"host\":true},"
	    "{\"id\":\"e\",\"name\":\"Eva\",\"host\":false}]}");

	/* the same person again takes his own place */
	assert_ptr_equal(rooms_enter(r, &hans, &conns[3], &was), h);
	assert_ptr_equal(was, &conns[0]);
	assert_int_equal(rooms_people(r), 3);

	rooms_leave(r, &e);
	assert_null(e);
	assert_ptr_equal(room_first(h->room), h);
	assert_null(h->next);
	e = rooms_enter(r, &eva, &conns[1], &was);
	assert_ptr_equal(h->next, e);
	rooms_leave(r, &h);
	rooms_leave(r, &e);
	assert_int_equal(rooms_count(r), 1);
	rooms_free(&r); /* with somebody still inside */
	assert_null(r);
}

static void
test_token_there_and_back(void **state)
{
	struct err e = { 0 };
	const char *key =
	    "k1 00112233445566778899aabbccddeeff00112233445566778899aabbccdd"
	    "eeff\n";
	struct keyring *keys = keyring_parse("test", span_of(key), &e);
	struct arena *arena = arena_new();
	const struct jointoken t = { "acme", 123456789, "p1", "Eva \"E\"",
				     true };
	struct jointoken back;
	STRBUF_AUTO sb = { 0 };

	assert_non_null(keys);
	jointoken_make(keys, &t, 1000, &sb);
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 999, arena, &back, &e), 0);
	assert_string_equal(back.company, "acme");
	assert_int_equal(back.meeting, 123456789);
	assert_string_equal(back.participant, "p1");
	assert_string_equal(back.name, "Eva \"E\"");
	assert_true(back.host);
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 1000, arena, &back, &e), -1);
	sb.at[sb.len - 1] ^= 1;
	assert_int_equal(
	    jointoken_read(keys, strbuf_span(&sb), 999, arena, &back, &e), -1);
	arena_free(&arena);
	keyring_free(&keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people_come_and_go),
		cmocka_unit_test(test_token_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
