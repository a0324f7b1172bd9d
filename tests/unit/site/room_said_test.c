#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "site/room_said.h"

static const char *
read_as(const char *text, struct room_said *out)
{
	static json_t *hold;
	struct err e = { 0 };
	const char *code;

	json_decref(hold);
	hold = NULL;
	code = text != NULL ? room_said_read(span_of(text), &hold, out, &e)
			    : NULL;
	assert_true(code == NULL || err_text(&e)[0] != '\0');
	return code;
}

static void
test_what_can_be_said(void **state)
{
	struct room_said s;

	assert_null(read_as("{\"type\":\"ping\"}", &s));
	assert_int_equal(s.kind, ROOM_PING);
	assert_null(read_as("{\"type\":\"chat\",\"text\":\"hi\",\"to\":null,"
			    "\"ref\":\"7\",\"more\":[]}",
			    &s));
	assert_int_equal(s.kind, ROOM_CHAT);
	assert_null(s.id);
	assert_string_equal(s.text, "hi");
	assert_string_equal(s.ref, "7");
	assert_null(
	    read_as("{\"type\":\"chat\",\"text\":\"hi\",\"to\":\"x\"}", &s));
	assert_string_equal(s.id, "x");
	assert_null(
	    read_as("{\"type\":\"presence\",\"presence\":\"away\"}", &s));
	assert_true(s.on);
	assert_null(read_as("{\"type\":\"hand\",\"up\":true}", &s));
	assert_true(s.on);
	assert_null(read_as("{\"type\":\"admit\"}", &s));
	assert_null(s.id);
	assert_null(
	    read_as("{\"type\":\"mute\",\"id\":\"x\",\"muted\":true}", &s));
	assert_null(read_as("{\"type\":\"expel\",\"id\":\"x\"}", &s));
	assert_true(s.kind > ROOM_ADMIT);
	assert_null(read_as("{\"type\":\"lock\",\"locked\":false}", &s));
	assert_null(read_as("{\"type\":\"end\"}", &s));
	read_as(NULL, &s);
}

static void
test_what_cannot(void **state)
{
	static const struct {
		const char *text, *code;
	} bad[] = {
		{ "", "bad_json" },
		{ "{", "bad_json" },
		{ "{\"type\":\"ping\"}x", "bad_json" },
		{ "{\"type\":\"ping\",\"type\":\"end\"}", "bad_json" },
		{ "{\"type\":\"\xff\"}", "bad_json" },
		{ "{\"type\":\"chat\",\"text\":\"a\\u0000b\"}", "bad_json" },
		{ "[]", "bad_message" },
		{ "null", "bad_message" },
		{ "{}", "bad_message" },
		{ "{\"type\":1}", "bad_message" },
		{ "{\"type\":\"nothing\"}", "unknown_type" },
		{ "{\"type\":\"chat\"}", "bad_message" },
		{ "{\"type\":\"chat\",\"text\":\"\"}", "bad_message" },
		{ "{\"type\":\"chat\",\"text\":\" \\n\"}", "bad_message" },
		{ "{\"type\":\"chat\",\"text\":\"x\",\"to\":1}",
		  "bad_message" },
		{ "{\"type\":\"chat\",\"text\":\"x\",\"to\":\"\"}",
		  "bad_message" },
		{ "{\"type\":\"presence\",\"presence\":\"lost\"}",
		  "bad_message" },
		{ "{\"type\":\"hand\",\"up\":1}", "bad_message" },
		{ "{\"type\":\"expel\"}", "bad_message" },
		{ "{\"type\":\"ping\",\"ref\":7}", "bad_message" },
	};
	struct room_said s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *code = read_as(bad[i].text, &s);

		assert_non_null(code);
		assert_string_equal(code, bad[i].code);
	}
	/* the ref comes back although the rest is wrong */
	assert_non_null(read_as("{\"type\":\"chat\",\"ref\":\"r\"}", &s));
	assert_string_equal(s.ref, "r");
	read_as(NULL, &s);
}

/* Characters count, not bytes. */
static void
test_lengths(void **state)
{
	STRBUF_AUTO sb = { 0 };
	struct room_said s;

	strbuf_adds(&sb, "{\"type\":\"chat\",\"text\":\"");
	for (int i = 0; i < ROOM_CHAT_CHARS; i++)
		strbuf_adds(&sb, "\u00e9");
	strbuf_adds(&sb, "\"}");
	assert_null(read_as(strbuf_text(&sb), &s));
	strbuf_cut(&sb, sb.len - 2);
	strbuf_adds(&sb, "x\"}");
	assert_string_equal(read_as(strbuf_text(&sb), &s), "too_long");
	strbuf_reset(&sb);
	for (int i = 0; i < 8000; i++)
		strbuf_addc(&sb, '[');
	assert_string_equal(read_as(strbuf_text(&sb), &s), "bad_json");
	read_as(NULL, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_can_be_said),
		cmocka_unit_test(test_what_cannot),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
