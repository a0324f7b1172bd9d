/* Any body: read or refused with words, never more. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "site/xmlapi_attendees.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also what was read is written again, as a later answer does. */
static void
read_fields(const struct xml_node *body, const struct xmlapi_map *rows)
{
	JSON_AUTO fields = json_object();
	STRBUF_AUTO out = { 0 };
	struct err e = { 0 };

	if (xmlapi_map_read(rows, body, fields, &e) < 0 ||
	    xmlapi_attendees_read(body, fields, &e) < 0)
		assert(strstr(err_text(&e), "validation") != NULL);
	xmlapi_attendees_put(json_object_get(fields, "attendees"), fields);
	xmlapi_map_write(rows, "meet", fields, &out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct xmlapi_request r;
	struct err e = { 0 };

	if (xmlapi_request_read(span_make((const char *)data, size), arena, &r,
				&e) < 0) {
		assert(strstr(err_text(&e), "validation") != NULL);
	} else {
		assert(r.operation[0] != '\0');
		read_fields(r.body, xmlapi_meeting_map);
		read_fields(r.body, xmlapi_user_map);
		read_fields(r.body, xmlapi_privilege_map);
	}
	arena_free(&arena);
	return 0;
}
