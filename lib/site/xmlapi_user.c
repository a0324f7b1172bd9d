/*
 * User operations of the XML API. An account is read by its owner and by site
 * administrators, also those who only read; changed by its owner or by a site
 * administrator, privileges and activation by the latter alone.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "site/password.h"
#include "site/record.h"
#include "site/xmlapi_fields.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

/* Of account's columns; what scrypt is given is bounded as well. */
#define WEBEXID_MAX 128
#define EMAIL_MAX 192
#define PASSWORD_BYTES 60

static void run_authenticate(struct api *a);
static void run_get(struct api *a);
static void on_got(struct api *a, const struct account *list, size_t n,
		   int64_t total);
static void run_create(struct api *a);
static void on_new_hash(struct api *a, const char *hash);
static void render_created(struct api *a, const struct account *account,
			   struct write_answer *out);
static void run_set(struct api *a);
static void on_set_hash(struct api *a, const char *hash);
static void update(struct api *a, const char *hash);
static void render_updated(struct api *a, const struct account *account,
			   struct write_answer *out);
static void run_list(struct api *a);
static int wanted_status(const struct api *a, const char **out, struct err *e);
static void on_listed(struct api *a, const struct account *list, size_t n,
		      int64_t total);

static bool find_subject(struct api *a, bool others);
static bool password_fits(struct api *a);
static int read_fields(const struct api *a, json_t *fields, struct err *e);
static int read_zone(json_t *fields, struct err *e);
static int read_rights(const struct api *a, json_t *fields, struct err *e);
static int wants_rights(struct api *a, bool *wants, struct err *e);

const struct xmlapi_op xmlapi_user_ops[] = {
	{ "AuthenticateUser", "user", "use", "authenticateUserResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_authenticate },
	{ "GetUser", "user", "use", "getUserResponse", XMLAPI_NEEDS_ACCOUNT,
	  run_get },
	{ "CreateUser", "user", "use", "createUserResponse", XMLAPI_NEEDS_ADMIN,
	  run_create },
	{ "SetUser", "user", "use", "setUserResponse", XMLAPI_NEEDS_ACCOUNT,
	  run_set },
	{ "LstsummaryUser", "user", "use", "lstsummaryUserResponse",
	  XMLAPI_NEEDS_READER, run_list },
	{ 0 },
};

static void
run_authenticate(struct api *a)
{
	STRBUF_AUTO sb = { 0 };
	STRBUF_AUTO ticket = { 0 };

	auth_token(a, AUTH_TICKET, AUTH_TICKET_S, &ticket);
	xml_leaf(&sb, "use:sessionTicket", strbuf_text(&ticket));
	xml_leaf_int(&sb, "use:createTime", clock_wall_us() / 1000);
	xml_leaf_int(&sb, "use:timeToLive", auth_life_s(a, AUTH_TICKET_S));
	xmlapi_answer(a, &sb);
}

static void
run_get(struct api *a)
{
	struct store_account_by by = { 0 };

	if (!find_subject(a, xmlapi_is_reader(a)))
		return;
	by.webexid = xmlapi_call(a)->subject;
	store_account_get(a, &by, on_got);
}

static void
on_got(struct api *a, const struct account *list, size_t n, int64_t total)
{
	STRBUF_AUTO sb = { 0 };
	JSON_AUTO values = NULL;

	if (n == 0) {
		api_fail(a, FAULT_NO_USER, NULL);
		return;
	}
	values = xmlapi_user_values(a, list);
	xmlapi_map_write(xmlapi_user_map, "use", values, &sb);
	xmlapi_answer(a, &sb);
}

static void
run_create(struct api *a)
{
	static const char *const needed[] = { "firstName", "lastName",
					      "webExId", "email", "password" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (xmlapi_text(a, needed[i]) == NULL) {
			api_fail(a, FAULT_INVALID,
				 "validation: %s is missing or empty",
				 needed[i]);
			return;
		}
	if (password_fits(a))
		password_hash(a, xmlapi_text(a, "password"), on_new_hash);
}

static void
on_new_hash(struct api *a, const char *hash)
{
	json_t *fields = json_object();
	struct err e;

	json_put_str(fields, "webexid", xmlapi_text(a, "webExId"));
	json_put_str(fields, "password_hash", hash);
	if (xmlvalue_login(xmlapi_text(a, "webExId"), "webExId", WEBEXID_MAX,
			   &e) < 0 ||
	    read_fields(a, fields, &e) < 0 || read_rights(a, fields, &e) < 0) {
		json_decref(fields);
		xmlapi_invalid(a, &e);
		return;
	}
	store_account_create(a, fields, render_created);
}

static void
render_created(struct api *a, const struct account *account,
	       struct write_answer *out)
{
	STRBUF_AUTO sb = { 0 };

	if (account == NULL) {
		xmlapi_refuse(out, FAULT_NO_USER);
		return;
	}
	xml_leaf_int(&sb, "use:userId", account->number);
	out->content = xmlapi_content(a, &sb);
}

static void
run_set(struct api *a)
{
	const char *password = xmlapi_text(a, "password");
	bool rights = false;
	struct err e;

	if (!find_subject(a, xmlapi_is_admin(a)))
		return;
	if (!xmlapi_is_admin(a) && wants_rights(a, &rights, &e) < 0)
		xmlapi_invalid(a, &e);
	else if (rights)
		api_fail(a, FAULT_DENIED, NULL);
	else if (password == NULL)
		update(a, NULL);
	else if (password_fits(a))
		password_hash(a, password, on_set_hash);
}

static void
on_set_hash(struct api *a, const char *hash)
{
	update(a, hash);
}

static void
update(struct api *a, const char *hash)
{
	struct store_account_by by = { .webexid = xmlapi_call(a)->subject };
	const char *webexid = xmlapi_text(a, "newWebExId");
	json_t *fields = json_object();
	struct err e;

	if (webexid != NULL)
		json_put_str(fields, "webexid", webexid);
	if (hash != NULL)
		json_put_str(fields, "password_hash", hash);
	if (xmlvalue_login(webexid, "newWebExId", WEBEXID_MAX, &e) < 0 ||
	    read_fields(a, fields, &e) < 0 ||
	    (xmlapi_is_admin(a) && read_rights(a, fields, &e) < 0)) {
		json_decref(fields);
		xmlapi_invalid(a, &e);
		return;
	}
	store_account_update(a, &by, fields, render_updated);
}

static void
render_updated(struct api *a, const struct account *account,
	       struct write_answer *out)
{
	const struct strbuf nothing = { 0 };

	if (account == NULL)
		xmlapi_refuse(out, FAULT_NO_USER);
	else
		out->content = xmlapi_content(a, &nothing);
}

static void
run_list(struct api *a)
{
	static const char *const orders[] = {
		"UID",        "number",   "WEBEXID",   "webexid", "FIRSTNAME",
		"first_name", "LASTNAME", "last_name", "EMAIL",   "email",
		"ACTIVE",     "active",   "REGDATE",   "created", NULL
	};
	const char *method = xmlapi_text(a, "listControl/listMethod");
	struct store_account_filter f = {
		.any = method != NULL && strcasecmp(method, "OR") == 0,
		.webexid = xmlapi_text(a, "webExId"),
		.email = xmlapi_text(a, "email"),
		.first_name = xmlapi_text(a, "firstName"),
		.last_name = xmlapi_text(a, "lastName"),
	};
	struct xmlapi_call *call = xmlapi_call(a);
	struct err e;

	if (wanted_status(a, &f.active, &e) < 0 ||
	    xmlapi_page_read(a, orders, &call->page, &e) < 0 ||
	    xmlapi_scope_read(a, "dataScope/regDateStart", &f.registered_from,
			      &e) < 0 ||
	    xmlapi_scope_read(a, "dataScope/regDateEnd", &f.registered_to, &e) <
		0) {
		xmlapi_invalid(a, &e);
		return;
	}
	store_account_list(a, &f, &call->page, on_listed);
}

/* The store's word for it; nobody is in REQUEST_TO_ACTIVATE. */
static int
wanted_status(const struct api *a, const char **out, struct err *e)
{
	static const char *const words[] = { "ACTIVATED",
					     "active",
					     "DEACTIVATED",
					     "deactivated",
					     "REQUEST_TO_ACTIVATE",
					     "requested",
					     NULL };
	const char *active = xmlapi_text(a, "active");

	if (active == NULL)
		return 0;
	for (size_t i = 0; words[i] != NULL; i += 2)
		if (strcasecmp(words[i], active) == 0) {
			*out = words[i + 1];
			return 0;
		}
	return err_set(e, ERR_INVALID,
		       "validation: active \"%.40s\" is not allowed, expected "
		       "ACTIVATED or DEACTIVATED",
		       active);
}

static void
on_listed(struct api *a, const struct account *list, size_t n, int64_t total)
{
	static const struct xmlapi_map item[] = {
		{ "webExId", XMLAPI_OUT, "webexid", 0, 0, NULL, NULL },
		{ "firstName", XMLAPI_OUT, "first_name", 0, 0, NULL, NULL },
		{ "lastName", XMLAPI_OUT, "last_name", 0, 0, NULL, NULL },
		{ "email", XMLAPI_OUT, "email", 0, 0, NULL, NULL },
		{ "registrationDate", XMLAPI_OUT, "=registrationDate", 0, 0,
		  NULL, NULL },
		{ "active", XMLAPI_OUT, "=active", 0, 0, NULL, NULL },
		{ "timeZoneID", XMLAPI_OUT, "timezone_id", 0, 0, NULL, NULL },
		{ NULL, XMLAPI_END, NULL, 0, 0, NULL, NULL },
	};
	STRBUF_AUTO sb = { 0 };

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		JSON_AUTO values = xmlapi_user_values(a, &list[i]);

		xml_open(&sb, "use:user");
		xmlapi_map_write(item, "use", values, &sb);
		xml_close(&sb, "use:user");
	}
	xmlapi_records(a, total, n, &sb);
	xmlapi_answer(a, &sb);
}

/* Whom the request is about: the caller unless it names somebody. False:
 * refused, and answered. */
static bool
find_subject(struct api *a, bool others)
{
	const char *id = xmlapi_text(a, "webExId");

	if (id == NULL)
		id = a->who->webexid;
	xmlapi_call(a)->subject = id;
	if (others || strcasecmp(id, a->who->webexid) == 0)
		return true;
	api_fail(a, FAULT_DENIED, NULL);
	return false;
}

static bool
password_fits(struct api *a)
{
	if (strlen(xmlapi_text(a, "password")) <= PASSWORD_BYTES)
		return true;
	api_fail(a, FAULT_INVALID,
		 "validation: password is longer than %d bytes",
		 PASSWORD_BYTES);
	return false;
}

static int
read_fields(const struct api *a, json_t *fields, struct err *e)
{
	if (xmlapi_map_read(xmlapi_user_map, xmlapi_body(a), fields, e) < 0 ||
	    xmlvalue_email(xmlapi_text(a, "email"), "email", EMAIL_MAX, e) < 0)
		return -1;
	return read_zone(fields, e);
}

static int
read_zone(json_t *fields, struct err *e)
{
	const json_t *zone = json_object_get(fields, "timezone_id");
	const struct timezone_info *tz;

	if (zone == NULL || json_integer_value(zone) == -1)
		return 0;
	tz = timezone_by_id(json_integer_value(zone));
	if (tz == NULL)
		return err_set(e, ERR_INVALID,
			       "validation: timeZoneID %" PRId64
			       " is not a time zone of LstTimeZone",
			       (int64_t)json_integer_value(zone));
	json_put_int(fields, "timezone_id", tz->id);
	json_put_str(fields, "timezone", tz->iana);
	return 0;
}

static int
read_rights(const struct api *a, json_t *fields, struct err *e)
{
	const char *active = xmlapi_text(a, "active");

	if (xmlapi_map_read(xmlapi_privilege_map, xmlapi_body(a), fields, e) <
	    0)
		return -1;
	if (active == NULL)
		return 0;
	if (strcasecmp(active, "ACTIVATED") == 0)
		json_put_str(fields, "active", "active");
	else if (strcasecmp(active, "DEACTIVATED") == 0)
		json_put_str(fields, "active", "deactivated");
	else
		return err_set(e, ERR_INVALID,
			       "validation: active \"%.40s\" is not allowed, "
			       "expected ACTIVATED or DEACTIVATED",
			       active);
	return 0;
}

/* An owner may send back what he got: only what would change something is
 * the administrators'. */
static int
wants_rights(struct api *a, bool *wants, struct err *e)
{
	const char *active = xmlapi_text(a, "active");
	JSON_AUTO has = xmlapi_user_values(a, a->who);

	*wants = active != NULL &&
		 strcasecmp(active, xmlapi_active(a->who->active)) != 0;
	for (const struct xmlapi_map *row = xmlapi_privilege_map;
	     row->kind != XMLAPI_END; row++) {
		bool old = json_is_true(json_object_get(has, row->column));
		bool new = old;

		if (xmlvalue_bool(xmlapi_text(a, row->path), row->path, &new,
				  e) < 0)
			return -1;
		*wants |= new != old;
	}
	return 0;
}
