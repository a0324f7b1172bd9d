#include "site/xmlapi_attendees.h"

#include <assert.h>

#include "site/xmlapi_map.h"
#include "site/xmlvalue.h"

#define EMAIL_MAX 192

static const char *const type_words[] = { "VISITOR", "MEMBER",    "PANELIST",
					  "SME",     "SALESTEAM", NULL };
static const char *const status_words[] = { "REGISTER", "INVITE", "REJECT",
					    "ACCEPT", NULL };
static const char *const role_words[] = { "ATTENDEE", "PRESENTER", "HOST",
					  "LIMITED", NULL };
static const char *const address_words[] = { "PERSONAL", "GLOBAL", NULL };

#define TEXT(path, column, max)                               \
	{                                                     \
		path, XMLAPI_TEXT, column, 0, max, NULL, NULL \
	}
#define WORD(path, column, words)                            \
	{                                                    \
		path, XMLAPI_WORD, column, 0, 0, words, NULL \
	}
#define END                                              \
	{                                                \
		NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL \
	}

/* Schema order: what stands in <person>, and what behind it. */
static const struct xmlapi_map person[] = {
	TEXT("name", "name", 128),
	TEXT("firstName", "firstName", 64),
	TEXT("lastName", "lastName", 64),
	TEXT("title", "title", 128),
	TEXT("company", "company", 192),
	TEXT("webExId", "webExId", 128),
	WORD("address/addressType", "address.addressType", address_words),
	TEXT("address/address1", "address.address1", 192),
	TEXT("address/address2", "address.address2", 192),
	TEXT("address/city", "address.city", 192),
	TEXT("address/state", "address.state", 192),
	TEXT("address/zipCode", "address.zipCode", 192),
	TEXT("address/country", "address.country", 192),
	TEXT("phones/phone", "phones.phone", 64),
	TEXT("phones/mobilePhone", "phones.mobilePhone", 64),
	TEXT("phones/fax", "phones.fax", 64),
	TEXT("email", "email", EMAIL_MAX),
	TEXT("notes", "notes", 2000),
	TEXT("url", "url", 512),
	WORD("type", "type", type_words),
	END,
};
static const struct xmlapi_map rest[] = {
	{ "contactID", XMLAPI_INT, "contactID", 0, INT64_MAX, NULL, NULL },
	WORD("joinStatus", "joinStatus", status_words),
	{ "meetingKey", XMLAPI_OUT, "meetingKey", 0, 0, NULL, NULL },
	{ "sessionKey", XMLAPI_OUT, "sessionKey", 0, 0, NULL, NULL },
	TEXT("language", "language", 64),
	WORD("role", "role", role_words),
	{ "emailInvitations", XMLAPI_BOOL, "emailInvitations", 0, 0, NULL,
	  NULL },
	TEXT("locale", "locale", 32),
	{ "timeZoneID", XMLAPI_INT, "timeZoneID", -1, 1000, NULL, NULL },
	{ "languageID", XMLAPI_INT, "languageID", -1, INT32_MAX, NULL, NULL },
	END,
};

json_t *
xmlapi_attendee_read(const struct xml_node *node, struct err *e)
{
	const struct xml_node *p = xml_child(node, "person");
	json_t *one = json_object();
	const char *email = NULL;

	if (p == NULL)
		p = node;
	if (xmlapi_map_read(person, p, one, e) == 0 &&
	    xmlapi_map_read(rest, node, one, e) == 0) {
		if (json_get_str(one, "email", &email, NULL) != 1)
			err_set(e, ERR_INVALID,
				"validation: line %u: an attendee has no email",
				node->line);
		else if (xmlvalue_email(email, "email", EMAIL_MAX, e) == 0)
			return one;
	}
	json_decref(one);
	return NULL;
}

int
xmlapi_attendees_read(const struct xml_node *body, json_t *fields,
		      struct err *e)
{
	const struct xml_node *list = xml_path(body, "participants/attendees");
	json_t *all, *one;

	if (list == NULL)
		return 0;
	all = json_array();
	json_put(fields, "attendees", all);
	for (const struct xml_node *n = xml_child(list, "attendee"); n != NULL;
	     n = xml_next(n, "attendee")) {
		if (json_array_size(all) == XMLAPI_ATTENDEES_MAX)
			return err_set(e, ERR_INVALID,
				       "validation: participants/attendees: "
				       "more than %d attendees",
				       XMLAPI_ATTENDEES_MAX);
		one = xmlapi_attendee_read(n, e);
		if (one == NULL)
			return -1;
		assert(json_array_append_new(all, one) == 0);
	}
	return 0;
}

void
xmlapi_attendee_write(const json_t *one, struct strbuf *out)
{
	xml_open(out, "att:person");
	xmlapi_map_write(person, "com", one, out);
	xml_close(out, "att:person");
	xmlapi_map_write(rest, "att", one, out);
}

void
xmlapi_attendee_short(const json_t *one, const char *prefix, struct strbuf *out)
{
	static const struct xmlapi_map rows[] = {
		TEXT("name", "name", 128),
		TEXT("firstName", "firstName", 64),
		TEXT("lastName", "lastName", 64),
		TEXT("email", "email", EMAIL_MAX),
		{ "phones/phone", XMLAPI_TEXT, "phones.phone", 0, 64, NULL,
		  "com" },
		{ "phones/mobilePhone", XMLAPI_TEXT, "phones.mobilePhone", 0,
		  64, NULL, "com" },
		{ "phones/fax", XMLAPI_TEXT, "phones.fax", 0, 64, NULL, "com" },
		END,
	};
	xmlapi_map_write(rows, prefix, one, out);
}

void
xmlapi_attendees_put(const json_t *all, json_t *values)
{
	STRBUF_AUTO sb = { 0 };

	for (size_t i = 0; i < json_array_size(all); i++) {
		xml_open(&sb, "meet:attendee");
		xmlapi_attendee_write(json_array_get(all, i), &sb);
		xml_close(&sb, "meet:attendee");
	}
	if (sb.len > 0)
		json_put_str(values, "=attendees", strbuf_text(&sb));
}
