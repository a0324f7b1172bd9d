#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "site/xmlapi_attendees.h"
#include "site/xmlapi_fields.h"

static struct arena *arena;
static struct err fault;

static json_t *
read_meeting(const char *text)
{
	struct xml_limits limits = XML_LIMITS_DEFAULT;
	struct xml_node *node = xml_parse(span_of(text), &limits, arena,
					  &fault);
	json_t *fields = json_object();

	assert_non_null(node);
	if (xmlapi_map_read(xmlapi_meeting_map, node, fields, &fault) < 0) {
		json_decref(fields);
		return NULL;
	}
	assert_int_equal(xmlapi_attendees_read(node, fields, &fault), 0);
	return fields;
}

static int
setup(void **state)
{
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(&arena);
	return 0;
}

static void
test_elements_become_columns(void **state)
{
	JSON_AUTO f = read_meeting(
	    "<b><metaData><confName>Team</confName><agenda/></metaData>"
	    "<schedule><duration>30</duration><openTime>300</openTime>"
	    "</schedule><enableOptions><chat>1</chat><poll>FALSE</poll>"
	    "</enableOptions><telephony><telephonySupport>callin"
	    "</telephonySupport></telephony><repeat><repeatType>WEEKLY"
	    "</repeatType><dayInWeek><day>MONDAY</day><day>FRIDAY</day>"
	    "</dayInWeek></repeat><unknown>x</unknown></b>");
	STRBUF_AUTO sb = { 0 };

	assert_non_null(f);
	json_write(f, JSON_SORTED, &sb);
	assert_string_equal(
	    strbuf_text(&sb),
	    "{\"confname\":\"Team\",\"duration\":30,\"open_time\":300,"
	    "\"options\":{\"chat\":true,\"poll\":false},\"recurrence\":"
	    "{\"day\":[\"MONDAY\",\"FRIDAY\"],\"repeatType\":\"WEEKLY\"},"
	    "\"telephony\":{\"telephonySupport\":\"CALLIN\"}}");
}

static void
test_bad_values_are_named(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "<b><schedule><duration>x</duration></schedule></b>",
		  "schedule/duration \"x\"" },
		{ "<b><schedule><duration>1441</duration></schedule></b>",
		  "from 1 to 1440" },
		{ "<b><enableOptions><chat>maybe</chat></enableOptions></b>",
		  "expected true or false" },
		{ "<b><repeat><repeatType>OFTEN</repeatType></repeat></b>",
		  "repeat/repeatType \"OFTEN\"" },
		{ "<b><accessControl><meetingPassword>12345678901234567"
		  "</meetingPassword></accessControl></b>",
		  "longer than 16 characters" },
		{ "<b><repeat><dayInWeek><day>MONDAY</day><day>NODAY</day>"
		  "</dayInWeek></repeat></b>",
		  "repeat/dayInWeek/day \"NODAY\"" },
		{ "<b><repeat><expirationDate>then</expirationDate></repeat>"
		  "</b>",
		  "repeat/expirationDate \"then\" is not a date" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(read_meeting(rows[i].text));
		assert_non_null(strstr(err_text(&fault), rows[i].says));
	}
	/* sixteen characters, not sixteen bytes */
	json_decref(read_meeting("<b><accessControl><meetingPassword>"
				 "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				 "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				 "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				 "\xc3\xa4</meetingPassword></accessControl>"
				 "</b>"));
}

static void
test_dates_and_lists_are_kept_as_they_are_written(void **state)
{
	JSON_AUTO f = read_meeting(
	    "<b><repeat><dayInWeek><day>monday</day><day/><day>Friday</day>"
	    "</dayInWeek><expirationDate>6/9/2030 5:4:3</expirationDate>"
	    "</repeat></b>");
	JSON_AUTO v = json_object();
	STRBUF_AUTO kept = { 0 };
	STRBUF_AUTO sb = { 0 };

	json_write(json_object_get(f, "recurrence"), JSON_SORTED, &kept);
	xmlapi_map_put_json(v, "recurrence", strbuf_text(&kept));
	xmlapi_map_write(xmlapi_meeting_map, "meet", v, &sb);
	assert_string_equal(
	    strbuf_text(&sb),
	    "<meet:repeat><meet:dayInWeek><meet:day>MONDAY</meet:day>"
	    "<meet:day>FRIDAY</meet:day></meet:dayInWeek>"
	    "<meet:expirationDate>06/09/2030 05:04:03</meet:expirationDate>"
	    "</meet:repeat>");
}

static void
assert_attendees_say(const char *attendee, const char *says)
{
	struct xml_limits limits = XML_LIMITS_DEFAULT;
	char text[512];
	struct xml_node *node;
	JSON_AUTO fields = json_object();

	snprintf(text, sizeof(text),
		 "<b><participants><attendees>\n<attendee>%s</attendee>"
		 "</attendees></participants></b>",
		 attendee);
	node = xml_parse(span_of(text), &limits, arena, &fault);
	assert_non_null(node);
	assert_int_equal(xmlapi_attendees_read(node, fields, &fault), -1);
	assert_non_null(strstr(err_text(&fault), says));
}

static void
test_attendees_are_checked(void **state)
{
	assert_attendees_say("<person><name>N</name></person>",
			     "line 2: an attendee has no email");
	assert_attendees_say("<email>n@x</email><role>KING</role>",
			     "role \"KING\"");
	assert_attendees_say("<person><email>n@x</email><type>x</type>"
			     "</person>",
			     "type \"x\"");
}

static void
test_values_become_elements_in_schema_order(void **state)
{
	JSON_AUTO all = json_pack("[{s:s,s:s,s:s}]", "name", "N", "email",
				  "n@x", "role", "ATTENDEE");
	JSON_AUTO v = json_object();
	STRBUF_AUTO sb = { 0 };

	json_put_int(v, "number", 123456789);
	json_put_str(v, "confname", "A & <B>");
	xmlapi_map_put_json(v, "options", "{\"chat\":true}");
	xmlapi_map_put_json(v, "recurrence",
			    "{\"repeatType\":\"WEEKLY\",\"day\":[\"MONDAY\"]}");
	xmlapi_map_put_json(v, "extra", "{\"tracking.trackingCode2\":\"t\"}");
	xmlapi_attendees_put(all, v);
	xmlapi_map_write(xmlapi_meeting_map, "meet", v, &sb);
	assert_string_equal(
	    strbuf_text(&sb),
	    "<meet:metaData><meet:confName>A &amp; &lt;B&gt;</meet:confName>"
	    "</meet:metaData><meet:participants><meet:attendees>"
	    "<meet:attendee><att:person><com:name>N</com:name><com:email>n@x"
	    "</com:email></att:person><att:role>ATTENDEE</att:role>"
	    "</meet:attendee></meet:attendees></meet:participants>"
	    "<meet:enableOptions><meet:chat>true</meet:chat>"
	    "</meet:enableOptions><meet:tracking><com:trackingCode2>t"
	    "</com:trackingCode2></meet:tracking><meet:repeat>"
	    "<meet:repeatType>WEEKLY</meet:repeatType><meet:dayInWeek>"
	    "<meet:day>MONDAY</meet:day></meet:dayInWeek></meet:repeat>"
	    "<meet:meetingkey>123456789</meet:meetingkey><meet:eventID>"
	    "123456789</meet:eventID>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elements_become_columns),
		cmocka_unit_test(test_bad_values_are_named),
		cmocka_unit_test(
		    test_dates_and_lists_are_kept_as_they_are_written),
		cmocka_unit_test(test_attendees_are_checked),
		cmocka_unit_test(test_values_become_elements_in_schema_order),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
