#include "site/xmlapi_attendees.h"

#include <stdio.h>
#include <string.h>

#include "site/xmlapi_map.h"

/* Schema order; person's first. */
static const char *const person[] = { "name",  "firstName", "lastName",
				      "title", "company",   "webExId",
				      "email", "notes",     "url",
				      "type",  NULL };
static const char *const rest[] = { "joinStatus", "language", "role", NULL };

static void read_texts(const struct xml_node *node, const char *const *names,
		       json_t *out);
static void write_texts(const json_t *from, const char *prefix,
			const char *const *names, struct strbuf *out);

void
xmlapi_attendees_read(const struct xml_node *body, json_t *fields)
{
	const struct xml_node *list = xml_path(body, "participants/attendees");
	json_t *all;

	if (list == NULL)
		return;
	all = json_array();
	for (const struct xml_node *n = xml_child(list, "attendee"); n != NULL;
	     n = xml_next(n, "attendee")) {
		const struct xml_node *p = xml_child(n, "person");
		json_t *one = json_object();

		read_texts(p != NULL ? p : n, person, one);
		read_texts(n, rest, one);
		json_array_append_new(all, one);
	}
	xmlapi_map_put(fields, "extra.attendees", all);
}

static void
read_texts(const struct xml_node *node, const char *const *names, json_t *out)
{
	for (; *names != NULL; names++) {
		const char *text = xml_child_text(node, *names);

		if (text != NULL)
			json_put_str(out, *names, text);
	}
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
		write_texts(one, "com", person, &sb);
		xml_close(&sb, "att:person");
		write_texts(one, "att", rest, &sb);
		xml_close(&sb, "meet:attendee");
	}
	if (sb.len > 0)
		json_put_str(values, "=attendees", strbuf_text(&sb));
}

static void
write_texts(const json_t *from, const char *prefix, const char *const *names,
	    struct strbuf *out)
{
	char name[64];

	for (; *names != NULL; names++) {
		const char *text = json_string_value(
		    json_object_get(from, *names));

		snprintf(name, sizeof(name), "%s:%s", prefix, *names);
		if (text != NULL)
			xml_leaf(out, name, text);
	}
}
