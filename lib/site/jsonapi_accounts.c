/*
 * /v1/people that changes and lists: by site administrators, who see all of
 * the company; anybody else sees himself and changes his own names. Whoever
 * is deleted is deactivated, as by the XML API's DelUser.
 */
#include <assert.h>
#include <string.h>

#include "io/httpd.h"
#include "site/auth.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/password.h"
#include "site/store.h"
#include "site/xmlvalue.h"

static void on_listed(struct api *a, const struct account *list, size_t n,
		      int64_t total);
static void on_one(struct api *a, const struct account *list, size_t n,
		   int64_t total);
static int read_person(struct api *a, json_t *fields, struct err *e);
static int read_rights(const json_t *body, json_t *fields, struct err *e);
static int read_email(const json_t *body, json_t *fields, struct err *e);
static void write_person(struct api *a, const char *hash);
static void render(struct api *a, const struct account *account,
		   struct write_answer *out);
static void render_deleted(struct api *a, const struct account *account,
			   struct write_answer *out);

bool
jsonapi_reads_all(const struct api *a)
{
	return a->who->site_admin || a->who->ro_site_admin;
}

static bool
is_self(const struct api *a)
{
	return strcmp(jsonapi_call(a)->id, a->who->id) == 0;
}

void
jsonapi_people_list(struct api *a)
{
	struct store_account_filter f = { 0 };
	struct store_page page;
	struct err e = { 0 };

	if (jsonapi_page(a, &page, &e) < 0 ||
	    jsonapi_param(a, "email", &f.email, &e) < 0 ||
	    jsonapi_param(a, "displayName", &f.display_name, &e) < 0 ||
	    jsonapi_param(a, "id", &f.id, &e) < 0 ||
	    jsonapi_cursor_id(a, &f.after_id, &e) < 0) {
		jsonapi_invalid(a, &e);
		return;
	}
	if (!jsonapi_reads_all(a) && f.id == NULL)
		f.id = a->who->id;
	if (!jsonapi_reads_all(a) && strcmp(f.id, a->who->id) != 0)
		api_fail(a, FAULT_DENIED, NULL);
	else
		store_account_list(a, &f, &page, on_listed);
}

static void
on_listed(struct api *a, const struct account *list, size_t n, int64_t total)
{
	size_t max = (size_t)jsonapi_call(a)->max;
	json_t *items = json_array();

	for (size_t i = 0; i < n && i < max; i++)
		json_array_append_new(items, jsonapi_person(&list[i]));
	jsonapi_items(a, items, n > max ? list[max - 1].id : NULL);
}

void
jsonapi_person_get(struct api *a)
{
	struct store_account_by by = { .id = jsonapi_call(a)->id };

	if (jsonapi_reads_all(a) || is_self(a))
		store_account_get(a, &by, on_one);
	else
		api_fail(a, FAULT_DENIED, NULL);
}

static void
on_one(struct api *a, const struct account *list, size_t n, int64_t total)
{
	if (n == 0)
		api_fail(a, FAULT_NO_RECORD, NULL);
	else
		jsonapi_answer(a, jsonapi_person(list));
}

/* Names and phones are everybody's own, the rest is the administrators'. */
static int
read_person(struct api *a, json_t *fields, struct err *e)
{
	static const struct {
		const char *member, *column;
		size_t max;
	} texts[] = {
		{ "firstName", "first_name", 64 },
		{ "lastName", "last_name", 64 },
		{ "displayName", "display_name", 130 },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = NULL;

		if (jsonapi_text(a->body, texts[i].member, texts[i].max, &text,
				 e) < 0)
			return -1;
		if (text != NULL)
			json_put_str(fields, texts[i].column, text);
	}
	if (!a->who->site_admin)
		return 0;
	if (read_email(a->body, fields, e) < 0)
		return -1;
	return read_rights(a->body, fields, e);
}

/* The first of "emails". */
static int
read_email(const json_t *body, json_t *fields, struct err *e)
{
	json_t *list = NULL;
	const char *email;

	if (json_get_array(body, "emails", &list, e) < 0)
		return -1;
	if (list == NULL)
		return 0;
	email = json_string_value(json_array_get(list, 0));
	if (email == NULL || json_array_size(list) != 1)
		return err_set(e, ERR_INVALID, "emails must be one address");
	if (xmlvalue_email(email, "emails", 192, e) < 0)
		return -1;
	json_put_str(fields, "email", email);
	return 0;
}

/* A word in a list of them: 1 there, 0 the list is there without it. */
static int
has_word(const json_t *body, const char *name, const char *word, bool *there,
	 struct err *e)
{
	json_t *list = NULL;

	if (json_get_array(body, name, &list, e) != 1)
		return list == NULL ? 0 : -1;
	*there = false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL || strcmp(text, word) != 0)
			return err_set(e, ERR_INVALID,
				       "%s may hold only \"%s\"", name, word);
		*there = true;
	}
	return 1;
}

static int
read_rights(const json_t *body, json_t *fields, struct err *e)
{
	bool yes = false;
	int found = has_word(body, "roles", "siteAdmin", &yes, e);

	if (found == 1)
		json_put_bool(fields, "site_admin", yes);
	if (found < 0)
		return -1;
	found = has_word(body, "licenses", "MeetingCenter", &yes, e);
	if (found == 1)
		json_put_bool(fields, "host", yes);
	if (found < 0)
		return -1;
	found = json_get_bool(body, "loginEnabled", &yes, e);
	if (found == 1)
		json_put_str(fields, "active", yes ? "active" : "deactivated");
	return found < 0 ? -1 : 0;
}

/* Also the password, which only a request can hold. */
static void
start_write(struct api *a)
{
	const char *password = NULL;
	struct err e = { 0 };

	if (json_get_str(a->body, "password", &password, &e) < 0)
		jsonapi_invalid(a, &e);
	else if (password == NULL)
		write_person(a, NULL);
	else if (password[0] == '\0')
		api_fail(a, FAULT_INVALID,
			 "password must have 1 to %d characters", PASSWORD_MAX);
	else
		password_hash(a, password, write_person);
}

void
jsonapi_person_create(struct api *a)
{
	if (a->who->site_admin)
		start_write(a);
	else
		api_fail(a, FAULT_DENIED, NULL);
}

void
jsonapi_person_update(struct api *a)
{
	if (a->who->site_admin || is_self(a))
		start_write(a);
	else
		api_fail(a, FAULT_DENIED, NULL);
}

static int
complete_new(const json_t *body, json_t *fields, struct err *e)
{
	const char *email = NULL, *login = NULL;

	if (json_get_str(fields, "email", &email, e) != 1)
		return err_set(e, ERR_INVALID, "emails is missing");
	if (jsonapi_text(body, "webExId", 128, &login, e) < 0)
		return -1;
	if (login == NULL)
		login = email;
	if (login[0] == '\0' || strlen(login) > 128 ||
	    xmlvalue_login(login, "webExId", 128, e) < 0)
		return err_set(e, ERR_INVALID,
			       "webExId must have 1 to 128 characters "
			       "without blanks");
	json_put_str(fields, "webexid", login);
	return 0;
}

int
jsonapi_person_read(struct api *a, bool whole, json_t *fields, struct err *e)
{
	if (read_person(a, fields, e) < 0)
		return -1;
	return whole ? complete_new(a->body, fields, e) : 0;
}

static void
write_person(struct api *a, const char *hash)
{
	struct store_account_by by = { .id = jsonapi_call(a)->id };
	json_t *fields = json_object();
	struct err e = { 0 };

	if (hash != NULL)
		json_put_str(fields, "password_hash", hash);
	if (jsonapi_person_read(a, by.id == NULL, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	if (by.id == NULL)
		store_account_create(a, fields, render);
	else
		store_account_update(a, &by, fields, render);
}

static void
render(struct api *a, const struct account *account, struct write_answer *out)
{
	out->content = form_json_text(a, jsonapi_person(account));
}

void
jsonapi_person_delete(struct api *a)
{
	struct store_account_by by = { .id = jsonapi_call(a)->id };
	json_t *fields;

	if (!a->who->site_admin) {
		api_fail(a, FAULT_DENIED, NULL);
		return;
	}
	if (is_self(a)) {
		api_fail(a, FAULT_CONFLICT, "nobody deletes himself");
		return;
	}
	fields = json_object();
	json_put_str(fields, "active", "deactivated");
	store_account_update(a, &by, fields, render_deleted);
}

static void
render_deleted(struct api *a, const struct account *account,
	       struct write_answer *out)
{
	out->status = 204;
}
