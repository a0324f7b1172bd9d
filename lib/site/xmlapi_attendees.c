#include "site/xmlapi_attendees.h"

#include <assert.h>

#include "site/xmlapi_map.h"

static const char *const type_words[] = { "VISITOR", "MEMBER",    "PANELIST",
					  "SME",     "SALESTEAM", NULL };
static const char *const status_words[] = { "REGISTER", "INVITE", "REJECT",
					    "ACCEPT", NULL };
static const char *const role_words[] = { "ATTENDEE", "PRESENTER", "HOST",
					  "LIMITED", NULL };

/* Schema order: what stands in <person>, and what behind it. */
static const struct xmlapi_map person[] = {
	{ "name", XMLAPI_TEXT, "name", 0, 128, NULL, NULL },
	{ "firstName", XMLAPI_TEXT, "firstName", 0, 64, NULL, NULL },
	{ "lastName", XMLAPI_TEXT, "lastName", 0, 64, NULL, NULL },
	{ "title", XMLAPI_TEXT, "title", 0, 128, NULL, NULL },
	{ "company", XMLAPI_TEXT, "company", 0, 192, NULL, NULL },
	{ "webExId", XMLAPI_TEXT, "webExId", 0, 128, NULL, NULL },
	{ "email", XMLAPI_TEXT, "email", 0, 192, NULL, NULL },
	{ "notes", XMLAPI_TEXT, "notes", 0, 2000, NULL, NULL },
	{ "url", XMLAPI_TEXT, "url", 0, 512, NULL, NULL },
	{ "type", XMLAPI_WORD, "type", 0, 0, type_words, NULL },
	{ NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL },
};
static const struct xmlapi_map rest[] = {
	{ "joinStatus", XMLAPI_WORD, "joinStatus", 0, 0, status_words, NULL },
	{ "language", XMLAPI_TEXT, "language", 0, 64, NULL, NULL },
	{ "role", XMLAPI_WORD, "role", 0, 0, role_words, NULL },
	{ NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL },
};

int
xmlapi_attendees_read(const struct xml_node *body, json_t *fields,
		      struct err *e)
{
	const struct xml_node *list = xml_path(body, "participants/attendees");
	json_t *all;

	if (list == NULL)
		return 0;
	all = json_array();
	xmlapi_map_put(fields, "extra.attendees", all);
	for (const struct xml_node *n = xml_child(list, "attendee"); n != NULL;
	     n = xml_next(n, "attendee")) {
		const struct xml_node *p = xml_child(n, "person");
		json_t *one = json_object();

		assert(json_array_append_new(all, one) == 0);
		if (xmlapi_map_read(person, p != NULL ? p : n, one, e) < 0 ||
		    xmlapi_map_read(rest, n, one, e) < 0)
			return -1;
		if (json_object_get(one, "email") == NULL)
			return err_set(e, ERR_INVALID,
				       "validation: participants/attendees: "
				       "line %u: an attendee has no email",
				       n->line);
	}
	return 0;
}

void
xmlapi_attendees_put(json_t *values)
{
	const json_t *all = json_object_get(values, "extra.attendees");
	STRBUF_AUTO sb = { 0 };

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *one = json_array_get(all, i);

		xml_open(&sb, "meet:attendee");
		xml_open(&sb, "att:person");
		xmlapi_map_write(person, "com", one, &sb);
		xml_close(&sb, "att:person");
		xmlapi_map_write(rest, "att", one, &sb);
		xml_close(&sb, "meet:attendee");
	}
	if (sb.len > 0)
		json_put_str(values, "=attendees", strbuf_text(&sb));
}
