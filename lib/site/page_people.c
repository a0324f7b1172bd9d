/* Accounts: my own, and by site administrators all of the company. */
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "http/url.h"
#include "site/auth.h"
#include "site/form.h"
#include "site/jsonapi.h"
#include "site/page_meeting.h"
#include "site/page_session.h"
#include "site/page_view.h"
#include "site/password.h"
#include "site/record.h"
#include "site/timezone.h"
#include "site/xmlvalue.h"

#define PAGE_ACCOUNTS 25

static void show_profile(struct api *a);
static void save_profile(struct api *a);
static void on_checked(struct api *a);
static void write_profile(struct api *a, const char *hash);
static void judge(struct api *a);
static void on_judged(struct api *a, enum strength s);
static void list_accounts(struct api *a);
static void on_listed(struct api *a, const struct account *list, size_t n,
		      int64_t total);
static void show_new(struct api *a);
static void show_account(struct api *a);
static void on_account(struct api *a, const struct account *list, size_t n,
		       int64_t total);
static void save_account(struct api *a);
static void write_account(struct api *a, const char *hash);

const struct page_route page_people_routes[] = {
	{ "GET", "profile", PAGE_ACCOUNT, show_profile },
	{ "POST", "profile", PAGE_ACCOUNT, save_profile },
	{ "POST", "strength", PAGE_ACCOUNT, judge },
	{ "GET", "admin/accounts", PAGE_READER, list_accounts },
	{ "GET", "admin/accounts/new", PAGE_ADMIN, show_new },
	{ "POST", "admin/accounts/new", PAGE_ADMIN, save_account },
	{ "GET", "admin/accounts/:", PAGE_READER, show_account },
	{ "POST", "admin/accounts/:", PAGE_ADMIN, save_account },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static const struct {
	const char *field, *member;
} names[] = { { "first", "firstName" },
	      { "last", "lastName" },
	      { "display", "displayName" } };
#define NAMES (sizeof(names) / sizeof(names[0]))

/* --- my own ------------------------------------------------------------ */

static void
put_zones(struct api *a, json_t *data, const char *chosen)
{
	json_t *list = json_array();
	const struct timezone_info *tz;
	unsigned n;

	tz = timezone_table(&n);
	for (unsigned i = 0; i < n; i++)
		page_option(list, arena_printf(a->arena, "%d", tz[i].id),
			    tz[i].text, chosen);
	json_put(data, "zones", list);
}

static void
put_names(json_t *data, const struct account *of)
{
	json_put_str(data, "first", of->first_name);
	json_put_str(data, "last", of->last_name);
	json_put_str(data, "display", of->display_name);
	json_put_str(data, "email", of->email);
	json_put_str(data, "user", of->webexid);
}

static void
show_profile(struct api *a)
{
	struct timezone_info tz = page_zone(a);
	json_t *data = json_object();

	put_names(data, a->who);
	put_zones(a, data, arena_printf(a->arena, "%d", tz.id));
	page_show(a, "profile.html", "My profile", data);
}

static void
put_members(struct api *a)
{
	for (size_t i = 0; i < NAMES; i++)
		json_put_str(a->body, names[i].member,
			     page_text(a, names[i].field));
}

/* A new password needs the present one: a browser left open is not enough. */
static void
save_profile(struct api *a)
{
	struct auth_credentials c = { .site_name = a->company->name,
				      .webexid = a->who->webexid,
				      .password = page_text(a, "present") };
	json_t *data = json_object();

	json_put_str(data, "email", a->who->email);
	json_put_str(data, "user", a->who->webexid);
	for (size_t i = 0; i < NAMES; i++)
		json_put_str(data, names[i].field,
			     page_text(a, names[i].field));
	put_zones(a, data, page_text(a, "zone"));
	page_again(a, "profile.html", "My profile", data);
	put_members(a);
	if (page_text(a, "password")[0] == '\0')
		write_profile(a, NULL);
	else if (strcmp(page_text(a, "password"), page_text(a, "repeat")) != 0)
		api_fail(a, FAULT_INVALID, "The new passwords differ");
	else
		auth_start(a, &c, on_checked);
}

static void
on_checked(struct api *a)
{
	password_hash(a, page_text(a, "password"), write_profile);
}

static void
render_profile(struct api *a, const struct account *account,
	       struct write_answer *out)
{
	bool ended = page_text(a, "password")[0] != '\0';

	page_went(a, out, ended ? "login?said=password" : "profile?said=saved");
}

static void
write_profile(struct api *a, const char *hash)
{
	struct store_account_by by = { .id = a->who->id };
	const struct timezone_info *tz;
	json_t *fields = json_object();
	struct err e = { 0 };
	int64_t id = -1;

	if (jsonapi_person_read(a, false, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	span_to_i64(span_of(page_text(a, "zone")), &id);
	tz = timezone_by_id(id);
	if (tz != NULL) {
		json_put_int(fields, "timezone_id", tz->id);
		json_put_str(fields, "timezone", tz->iana);
	}
	if (hash != NULL)
		json_put_str(fields, "password_hash", hash);
	store_account_update(a, &by, fields, render_profile);
}

/* For the page's script: how a new password that is being typed would do. */
static void
judge(struct api *a)
{
	const char *password = page_text(a, "password");

	a->form = &form_json;
	if (xmlvalue_characters(password) > PASSWORD_MAX)
		api_fail(a, FAULT_INVALID,
			 "A password has at most %d characters", PASSWORD_MAX);
	else
		password_judge(a, password, on_judged);
}

static void
on_judged(struct api *a, enum strength s)
{
	json_t *doc = json_object();

	json_put_int(doc, "strength", s);
	json_put_str(doc, "words", strength_words(s));
	api_answer(a, 200, form_json_text(a, doc));
}

/* --- all of the company ------------------------------------------------ */

static void
list_accounts(struct api *a)
{
	const char *find = page_param(a, "find");
	struct store_account_filter f = { .any = true };
	struct store_page page = {
		.skip = (page_view_number(a) - 1) * PAGE_ACCOUNTS,
		.max = PAGE_ACCOUNTS + 1,
		.order = { "webexid" },
	};

	if (find != NULL && find[0] != '\0') {
		f.webexid = find;
		f.email = find;
		f.first_name = find;
		f.last_name = find;
	}
	store_account_list(a, &f, &page, on_listed);
}

static json_t *
row(struct api *a, const struct account *of)
{
	json_t *one = json_object();

	put_names(one, of);
	json_put_str(one, "id", of->id);
	json_put_str(
	    one, "name",
	    arena_printf(a->arena, "%s %s", of->first_name, of->last_name));
	json_put_bool(one, "isHost", of->host);
	json_put_bool(one, "isAdmin", of->site_admin);
	json_put_str(one, "active",
		     strcmp(of->active, "active") == 0 ? NULL : of->active);
	return one;
}

/* What is looked for, also as the links to other pages of it name it. */
static void
put_find(struct api *a, json_t *data, const char *find)
{
	STRBUF_AUTO pair = { 0 };

	if (find == NULL || find[0] == '\0')
		return;
	strbuf_adds(&pair, "&find=");
	url_encode(span_of(find), &pair);
	json_put_str(data, "find", find);
	json_put_str(data, "finding", strbuf_text(&pair));
}

static void
on_listed(struct api *a, const struct account *list, size_t n, int64_t total)
{
	json_t *data = json_object(), *rows = json_array();
	int64_t page = page_view_number(a);

	for (size_t i = 0; i < n && i < PAGE_ACCOUNTS; i++)
		json_array_append_new(rows, row(a, &list[i]));
	json_put(data, "accounts", rows);
	put_find(a, data, page_param(a, "find"));
	page_view_pages(data, page, n > PAGE_ACCOUNTS);
	page_show(a, "accounts.html", "Accounts", data);
}

static void
put_frame(struct api *a, json_t *data, const char *id)
{
	json_put_bool(data, "fresh", id == NULL);
	json_put_str(data, "heading", id == NULL ? "New account" : "Account");
	json_put_str(data, "action",
		     arena_printf(a->arena, "admin/accounts/%s",
				  id != NULL ? id : "new"));
}

static void
show_new(struct api *a)
{
	json_t *data = json_object();

	put_frame(a, data, NULL);
	json_put_bool(data, "isHost", true);
	json_put_bool(data, "isActive", true);
	page_show(a, "account.html", "New account", data);
}

static void
show_account(struct api *a)
{
	struct store_account_by by = { .id = page_call(a)->arg };

	store_account_get(a, &by, on_account);
}

static void
on_account(struct api *a, const struct account *list, size_t n, int64_t total)
{
	json_t *data;

	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	data = row(a, list);
	put_frame(a, data, list->id);
	json_put_bool(data, "isActive", strcmp(list->active, "active") == 0);
	page_show(a, "account.html", "Account", data);
}

static void
put_word(json_t *body, const char *name, bool yes, const char *word)
{
	json_t *list = json_array();

	if (yes)
		json_array_append_new(list, json_string(word));
	json_put(body, name, list);
}

/* What the JSON API would be sent (docs/api.md). */
static void
put_account(struct api *a)
{
	json_t *emails = json_array();

	put_members(a);
	json_array_append_new(emails, json_string(page_text(a, "email")));
	json_put(a->body, "emails", emails);
	json_put_str(a->body, "webExId", page_text(a, "user"));
	put_word(a->body, "roles", page_field(a, "isAdmin") != NULL,
		 "siteAdmin");
	put_word(a->body, "licenses", page_field(a, "isHost") != NULL,
		 "MeetingCenter");
	json_put_bool(a->body, "loginEnabled",
		      page_field(a, "isActive") != NULL);
}

static void
save_account(struct api *a)
{
	static const char *const kept[] = { "user", "email", "first", "last",
					    "display" };
	static const char *const flags[] = { "isHost", "isAdmin", "isActive" };
	const char *password = page_text(a, "password");
	const char *id = page_call(a)->arg;
	json_t *data = json_object();

	put_frame(a, data, id);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		json_put_str(data, kept[i], page_text(a, kept[i]));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		json_put_bool(data, flags[i], page_field(a, flags[i]) != NULL);
	page_again(a, "account.html", "Account", data);
	put_account(a);
	if (id != NULL && strcmp(id, a->who->id) == 0 &&
	    (page_field(a, "isActive") == NULL ||
	     page_field(a, "isAdmin") == NULL))
		api_fail(a, FAULT_INVALID,
			 "Nobody takes his own rights away: another "
			 "administrator has to");
	else if (password[0] != '\0')
		password_hash(a, password, write_account);
	else
		write_account(a, NULL);
}

static void
render_account(struct api *a, const struct account *account,
	       struct write_answer *out)
{
	page_went(a, out, "admin/accounts/%s?said=%s", account->id,
		  page_call(a)->arg != NULL ? "saved" : "created");
}

static void
write_account(struct api *a, const char *hash)
{
	struct store_account_by by = { .id = page_call(a)->arg };
	json_t *fields = json_object();
	struct err e = { 0 };

	if (jsonapi_person_read(a, by.id == NULL, fields, &e) < 0) {
		json_decref(fields);
		jsonapi_invalid(a, &e);
		return;
	}
	if (hash != NULL)
		json_put_str(fields, "password_hash", hash);
	if (by.id == NULL)
		store_account_create(a, fields, render_account);
	else
		store_account_update(a, &by, fields, render_account);
}
