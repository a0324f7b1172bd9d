#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/auth.h"
#include "site/form.h"
#include "site/jsonapi.h"

static void on_password(struct api *a);
static json_t *phones_of(const struct account *a);

/* POST /v1/access_token {"siteName", "webExId" or "email", "password"} */
void
jsonapi_token(struct api *a)
{
	const json_t *body = a->body;
	struct auth_credentials c = { 0 };
	struct err e = { 0 };

	if (json_need_str(body, "siteName", &c.site_name, &e) < 0 ||
	    json_get_str(body, "webExId", &c.webexid, &e) < 0 ||
	    json_get_str(body, "email", &c.email, &e) < 0 ||
	    json_need_str(body, "password", &c.password, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	if (c.webexid == NULL && c.email == NULL) {
		api_fail(a, FAULT_INVALID, "webExId or email is missing");
		return;
	}
	auth_start(a, &c, on_password);
}

static void
on_password(struct api *a)
{
	STRBUF_AUTO token = { 0 };
	json_t *doc = json_object();

	auth_token(a, AUTH_BEARER, AUTH_BEARER_S, &token);
	json_put_str(doc, "access_token", strbuf_text(&token));
	json_put_str(doc, "token_type", "Bearer");
	json_put_int(doc, "expires_in", AUTH_BEARER_S);
	jsonapi_answer(a, doc);
}

/* GET /v1/people/me */
void
jsonapi_me(struct api *a)
{
	jsonapi_answer(a, jsonapi_person(a->who));
}

static json_t *
texts(const char *one)
{
	json_t *list = json_array();

	if (one != NULL)
		json_array_append_new(list, json_string(one));
	return list;
}

json_t *
jsonapi_person(const struct account *a)
{
	json_t *p = json_object();
	STRBUF_AUTO name = { 0 };
	char iso[CLOCK_ISO_SIZE];
	bool active = strcmp(a->active, "active") == 0;

	strbuf_addf(&name, "%s %s", a->first_name, a->last_name);
	json_put_str(p, "id", a->id);
	json_put(p, "emails", texts(a->email));
	json_put(p, "phoneNumbers", phones_of(a));
	if (a->display_name != NULL)
		json_put_str(p, "displayName", a->display_name);
	else
		json_put_span(p, "displayName", span_trim(strbuf_span(&name)));
	json_put_str(p, "firstName", a->first_name);
	json_put_str(p, "lastName", a->last_name);
	json_put_str(p, "orgId", a->company_id);
	json_put(p, "roles", texts(a->site_admin ? "siteAdmin" : NULL));
	json_put(p, "licenses", texts(a->host ? "MeetingCenter" : NULL));
	json_put_str(p, "created", clock_iso(a->created_us, iso));
	json_put_str(p, "lastModified", clock_iso(a->modified_us, iso));
	json_put_str(p, "status", active ? "active" : "inactive");
	json_put_bool(p, "loginEnabled", active);
	json_put_str(p, "type", "person");
	return p;
}

static json_t *
phones_of(const struct account *a)
{
	static const struct {
		const char *key, *type;
	} kinds[] = { { "phone", "work" },
		      { "mobilePhone", "mobile" },
		      { "fax", "fax" } };
	JSON_AUTO phones = json_read(span_of(a->phones), NULL);
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *value = NULL;
		json_t *one;

		if (json_get_str(phones, kinds[i].key, &value, NULL) != 1)
			continue;
		one = json_object();
		json_put_str(one, "type", kinds[i].type);
		json_put_str(one, "value", value);
		json_array_append_new(list, one);
	}
	return list;
}
