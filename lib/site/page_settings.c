/*
 * A company's settings: they belong to the primary (G16), so elsewhere the
 * form is read-only and says why.
 */
#include <string.h>

#include "base/strbuf.h"
#include "site/files.h"
#include "site/files_api.h"
#include "site/page.h"
#include "site/page_config.h"
#include "site/record.h"
#include "site/settings.h"
#include "site/site.h"

#define BACK_MAX 50

static void show(struct api *a);
static void save(struct api *a);
static void on_saved(void *ctx, int64_t version, const struct err *err);

const struct page_route page_settings_routes[] = {
	{ "GET", "admin/settings", PAGE_READER, show },
	{ "POST", "admin/settings", PAGE_ADMIN, save },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

/* Yes or no: a group of the settings, a name in it. */
static const struct flag {
	const char *group, *name, *text;
} flags[] = {
	{ "password", "mixed_case", "has capitals and small letters" },
	{ "password", "digit", "has a digit" },
	{ "password", "special", "has a special character" },
	{ "password", "uncommon", "is not easily guessed" },
	{ "meetings", "all_unlisted", "No meeting is listed for everybody" },
	{ "meetings", "all_password", "Every meeting has a password" },
	{ "meetings", "join_before_host",
	  "Hosts may let people join before them" },
};
#define FLAGS (sizeof(flags) / sizeof(flags[0]))

static void
put_flag(json_t *data, const struct flag *f, bool on)
{
	json_t *one = json_object();

	json_put_str(one, "field", f->name);
	json_put_str(one, "text", f->text);
	json_put_bool(one, "on", on);
	json_array_append_new(json_object_get(data, f->group), one);
}

static void
put_state(struct api *a, json_t *data)
{
	page_config_state(a, data);
	json_put(data, "password", json_array());
	json_put(data, "meetings", json_array());
}

static const char *
back_text(struct api *a, const json_t *list)
{
	STRBUF_AUTO text = { 0 };

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		strbuf_addf(&text, "%s\n", one != NULL ? one : "");
	}
	return arena_span(a->arena, strbuf_span(&text));
}

static void
show(struct api *a)
{
	struct files_view *v = files_hold(a->site->files);
	const char *company = a->company->name;
	json_t *data = json_object();
	struct settings now;
	bool on[FLAGS];

	settings_of(a, &now);
	on[0] = now.mixed_case;
	on[1] = now.digit;
	on[2] = now.special;
	on[3] = now.uncommon;
	on[4] = now.all_unlisted;
	on[5] = now.all_password;
	on[6] = now.join_before_host;
	put_state(a, data);
	for (size_t i = 0; i < FLAGS; i++)
		put_flag(data, &flags[i], on[i]);
	json_put_int(data, "length", now.min_length);
	json_put_str(data, "back",
		     back_text(a, files_setting(v, company, "url_api.back")));
	files_release(&v);
	page_show(a, "settings.html", "Settings", data);
}

/* Origins, one a line. */
static int
read_back(struct api *a, json_t *list, struct err *e)
{
	struct span rest = span_of(page_text(a, "back")), one;

	while (span_cut(&rest, '\n', &one)) {
		one = span_trim(one);
		if (one.len == 0)
			continue;
		if (json_array_size(list) == BACK_MAX ||
		    (!span_starts(one, "https://") &&
		     !span_starts(one, "http://")))
			return err_set(e, ERR_INVALID,
				       "Sites to go back to must be like "
				       "https://portal.example, one a line, "
				       "%d at most",
				       BACK_MAX);
		json_array_append_new(list, json_stringn(one.at, one.len));
	}
	return 0;
}

static int
read_form(struct api *a, json_t *out, struct err *e)
{
	json_t *password = json_object(), *meetings = json_object();
	json_t *url = json_object(), *back = json_array();
	int64_t length = 0;

	json_put(out, "password", password);
	json_put(out, "meetings", meetings);
	json_put(out, "url_api", url);
	json_put(url, "back", back);
	for (size_t i = 0; i < FLAGS; i++)
		json_put_bool(json_object_get(out, flags[i].group),
			      flags[i].name,
			      page_field(a, flags[i].name) != NULL);
	span_to_i64(span_of(page_text(a, "length")), &length);
	json_put_int(password, "min_length", length);
	if (settings_check(out, e) < 0)
		return -1;
	return read_back(a, back, e);
}

static void
save(struct api *a)
{
	struct files_change to = { .company = a->company->name };
	json_t *data = json_object(), *patch = json_object();
	struct err e = { 0 };

	put_state(a, data);
	for (size_t i = 0; i < FLAGS; i++)
		put_flag(data, &flags[i], page_field(a, flags[i].name) != NULL);
	json_put_str(data, "length", page_text(a, "length"));
	json_put_str(data, "back", page_text(a, "back"));
	page_again(a, "settings.html", "Settings", data);
	json_put(a->body, "patch", patch);
	if (files_may_change(a->site->files, &e) < 0) {
		api_fail(a, FAULT_DENIED, "%s", err_text(&e));
		return;
	}
	if (read_form(a, patch, &e) < 0) {
		api_fail(a, FAULT_INVALID, "%s", err_text(&e));
		return;
	}
	to.settings = patch;
	to.who = arena_printf(a->arena, "%s@%s", a->who->webexid,
			      a->company->name);
	a->files = files_change(a->site->files, &to, on_saved, a);
}

static void
on_saved(void *ctx, int64_t version, const struct err *err)
{
	struct api *a = ctx;

	a->files = NULL;
	if (err == NULL)
		page_go(a, "admin/settings?said=saved");
	else
		api_fail(a, files_api_fault(err), "%s", err_text(err));
}
