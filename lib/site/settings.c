#include "site/settings.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "site/api.h"
#include "site/files.h"
#include "site/password.h"
#include "site/record.h"
#include "site/site.h"
#include "site/xmlvalue.h"

#define LENGTH_MAX 60

/* max 0: a boolean */
static const struct setting {
	const char *group, *name;
	size_t offset;
	int64_t max;
} all[] = {
	{ "password", "min_length", offsetof(struct settings, min_length),
	  LENGTH_MAX },
	{ "password", "mixed_case", offsetof(struct settings, mixed_case), 0 },
	{ "password", "digit", offsetof(struct settings, digit), 0 },
	{ "password", "special", offsetof(struct settings, special), 0 },
	{ "password", "uncommon", offsetof(struct settings, uncommon), 0 },
	{ "meetings", "all_unlisted", offsetof(struct settings, all_unlisted),
	  0 },
	{ "meetings", "all_password", offsetof(struct settings, all_password),
	  0 },
	{ "meetings", "join_before_host",
	  offsetof(struct settings, join_before_host), 0 },
};
#define ALL (sizeof(all) / sizeof(all[0]))

static bool
fits(const struct setting *s, const json_t *value)
{
	if (s->max == 0)
		return json_is_boolean(value);
	return json_is_integer(value) && json_integer_value(value) >= 1 &&
	       json_integer_value(value) <= s->max;
}

/* What does not fit came past settings_check: it is as if it were not there. */
void
settings_of(const struct api *a, struct settings *out)
{
	struct files_view *v = files_hold(a->site->files);

	*out = (struct settings){ .min_length = 1, .join_before_host = true };
	for (size_t i = 0; i < ALL; i++) {
		char path[64];
		const json_t *value;
		char *to = (char *)out + all[i].offset;
		bool flag;

		snprintf(path, sizeof(path), "%s.%s", all[i].group,
			 all[i].name);
		value = files_setting(v, a->company->name, path);
		if (!fits(&all[i], value))
			continue;
		flag = json_is_true(value);
		if (all[i].max == 0)
			memcpy(to, &flag, sizeof(flag));
		else
			out->min_length = json_integer_value(value);
	}
	files_release(&v);
}

int
settings_check(const json_t *settings, struct err *e)
{
	for (size_t i = 0; i < ALL; i++) {
		const json_t *group = json_object_get(settings, all[i].group);
		const json_t *value = json_object_get(group, all[i].name);

		if (group != NULL && !json_is_object(group) &&
		    !json_is_null(group))
			return err_set(e, ERR_INVALID, "%s must be an object",
				       all[i].group);
		if (value == NULL || json_is_null(value) ||
		    fits(&all[i], value))
			continue;
		if (all[i].max == 0)
			return err_set(e, ERR_INVALID,
				       "%s.%s must be true or false",
				       all[i].group, all[i].name);
		return err_set(e, ERR_INVALID, "%s.%s must be 1 to %lld",
			       all[i].group, all[i].name,
			       (long long)all[i].max);
	}
	return 0;
}

static void
refuse(struct api *a, enum fault fault, const struct err *e)
{
	api_fail(a, fault, "%s%s",
		 a->form->failures_are_200 && fault == FAULT_INVALID
		     ? "validation: "
		     : "",
		 err_text(e));
}

bool
settings_let_password(struct api *a, const char *password, bool *uncommon)
{
	struct settings s = { .min_length = 1 };
	struct err e;

	if (a->company != NULL) /* else it is about to be made */
		settings_of(a, &s);
	*uncommon = s.uncommon;
	if (settings_check_password(&s, password, &e) == 0)
		return true;
	refuse(a, FAULT_INVALID, &e);
	return false;
}

void
settings_refuse_password(struct api *a, const char *why)
{
	struct err e;

	err_set(&e, ERR_INVALID, "%s", why);
	refuse(a, FAULT_INVALID, &e);
}

bool
settings_let_meeting(struct api *a, const json_t *fields, bool made)
{
	enum fault fault = FAULT_INVALID;
	struct settings s;
	struct err e;

	settings_of(a, &s);
	if (settings_check_meeting(&s, fields, made, &fault, &e) == 0)
		return true;
	refuse(a, fault, &e);
	return false;
}

int
settings_check_password(const struct settings *s, const char *password,
			struct err *e)
{
	bool lower = false, upper = false, digit = false, special = false;
	size_t length = xmlvalue_characters(password);

	for (const char *at = password; *at != '\0'; at++) {
		unsigned char c = (unsigned char)*at;

		lower |= islower(c) != 0;
		upper |= isupper(c) != 0;
		digit |= isdigit(c) != 0;
		special |= isalnum(c) == 0;
	}
	if (length > PASSWORD_MAX)
		return err_set(e, ERR_INVALID,
			       "password must have at most %d characters",
			       PASSWORD_MAX);
	if ((int64_t)length < s->min_length)
		return err_set(e, ERR_INVALID,
			       "password must have at least %lld characters",
			       (long long)s->min_length);
	if (s->mixed_case && !(lower && upper))
		return err_set(e, ERR_INVALID,
			       "password must have small and capital letters");
	if (s->digit && !digit)
		return err_set(e, ERR_INVALID, "password must have a digit");
	if (s->special && !special)
		return err_set(e, ERR_INVALID,
			       "password must have a character that is no "
			       "letter and no digit");
	return 0;
}

int
settings_check_meeting(const struct settings *s, const json_t *fields,
		       bool made, enum fault *fault, struct err *e)
{
	const json_t *password = json_object_get(fields, "password");
	const char *text = json_string_value(password);
	const char *listed = json_string_value(
	    json_object_get(fields, "list_status"));

	*fault = FAULT_NEEDS_PASSWORD;
	if (s->all_password && (made || password != NULL) &&
	    (text == NULL || text[0] == '\0'))
		return err_set(e, ERR_INVALID,
			       "Meeting password must not be null");
	*fault = FAULT_INVALID;
	if (s->all_unlisted && listed != NULL && strcmp(listed, "PUBLIC") == 0)
		return err_set(e, ERR_INVALID,
			       "this site lists no meetings: "
			       "listToPublic (publicMeeting) must be false");
	if (!s->join_before_host &&
	    json_is_true(json_object_get(fields, "join_before_host")))
		return err_set(e, ERR_INVALID,
			       "on this site nobody joins before the host: "
			       "enabledJoinBeforeHost must be false");
	return 0;
}
