/* Any body: read or refused with words, never more. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "site/xmlapi_attendees.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct xmlapi_request r;
	struct err e = { 0 };
	JSON_AUTO fields = json_object();

	if (xmlapi_request_read(span_make((const char *)data, size), arena, &r,
				&e) < 0) {
		assert(strstr(err_text(&e), "validation") != NULL);
	} else {
		assert(r.operation[0] != '\0');
		if (xmlapi_map_read(xmlapi_meeting_map, r.body, fields, &e) < 0)
			assert(strstr(err_text(&e), "validation") != NULL);
		xmlapi_attendees_read(r.body, fields);
	}
	arena_free(&arena);
	return 0;
}
