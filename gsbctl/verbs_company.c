#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

#define PASSWORD_MAX 256

int
verbs_company_list(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/companies", NULL, &answer);
	const json_t *list;

	if (failed != 0)
		return failed;
	if (v->args->format == ARGS_JSON) {
		show_json(v->out.to, answer.body);
		return EXITS_DONE;
	}
	list = json_object_get(answer.body, "companies");
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(v->out.to, "%s\n",
			json_string_value(json_array_get(list, i)));
	return EXITS_DONE;
}

/* Its first line; -1 and said why. */
static int
read_password(const struct verbs *v, char *out, size_t size)
{
	const char *path = v->args->password_file;
	FILE *f = fopen(path, "re");
	struct stat st;

	if (f == NULL || fstat(fileno(f), &st) < 0) {
		fprintf(v->words.to, "gsbctl: %s: %s\n", path, strerror(errno));
		if (f != NULL)
			fclose(f);
		return -1;
	}
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		fprintf(v->words.to,
			"gsbctl: %s: mode is %04o, so others can read the "
			"password; make it 0600\n",
			path, (unsigned)st.st_mode & 07777);
		fclose(f);
		return -1;
	}
	if (fgets(out, (int)size, f) == NULL)
		out[0] = '\0';
	fclose(f);
	out[strcspn(out, "\r\n")] = '\0';
	if (out[0] != '\0')
		return 0;
	fprintf(v->words.to, "gsbctl: %s: its first line is empty\n", path);
	return -1;
}

int
verbs_company_add(const struct verbs *v)
{
	const struct args *a = v->args;
	JSON_AUTO body = json_object();
	CALL_AUTO answer = { 0 };
	char password[PASSWORD_MAX];
	int64_t site_id;
	int failed;

	if (span_to_i64(span_of(a->site_id), &site_id) < 0 || site_id < 1) {
		fprintf(v->words.to,
			"gsbctl: --site-id must be a number from 1, not "
			"\"%s\"\n",
			a->site_id);
		return EXITS_USAGE;
	}
	if (read_password(v, password, sizeof(password)) < 0)
		return EXITS_USAGE;
	json_put_str(body, "name", a->name);
	json_put_int(body, "site_id", site_id);
	json_put_str(body, "partner_id", a->partner_id);
	json_put_str(body, "admin", a->admin);
	json_put_str(body, "password", password);
	explicit_bzero(password, sizeof(password));
	failed = verbs_call(v, "POST", "/v1/companies", body, &answer);
	if (failed != 0)
		return failed;
	if (!verbs_plain(v, answer.body))
		fprintf(v->out.to, "company %s is made\n",
			words_str(answer.body, "name", a->name));
	return EXITS_DONE;
}

/* "Berlin=+49 30 1,free:World=+800 2": -1 and said why. */
static int
put_numbers(const struct verbs *v, json_t *body)
{
	struct span rest = span_of(v->args->numbers), one, label;
	json_t *list = json_array();

	json_put(body, "numbers", list);
	while (rest.len > 0 && span_cut(&rest, ',', &one)) {
		bool is_free = span_starts(one, "free:");
		json_t *number;

		one = span_skip(one, is_free ? strlen("free:") : 0);
		if (!span_cut(&one, '=', &label) || one.at == NULL) {
			fprintf(v->words.to,
				"gsbctl: --numbers must be LABEL=NUMBER,..., "
				"not \"%s\"\n",
				v->args->numbers);
			return -1;
		}
		number = json_object();
		json_put_span(number, "label", span_trim(label));
		json_put_span(number, "number", span_trim(one));
		json_put_bool(number, "toll_free", is_free);
		json_array_append_new(list, number);
	}
	return 0;
}

/* "password.min_length=12,meetings.all_unlisted=true,x.y=null": a merge patch.
 * -1 and said why. */
static int
put_settings(const struct verbs *v, json_t *body)
{
	struct span rest = span_of(v->args->settings), one, group, name;
	json_t *patch = json_object();

	json_put(body, "settings", patch);
	while (rest.len > 0 && span_cut(&rest, ',', &one)) {
		json_t *in, *value = NULL;

		if (span_cut(&one, '.', &group) && span_cut(&one, '=', &name))
			value = json_loadb(one.at, one.len, JSON_DECODE_ANY,
					   NULL);
		if (value == NULL) {
			fprintf(v->words.to,
				"gsbctl: --settings must be GROUP.NAME=VALUE,"
				"... with values like 12, true, null or "
				"\"text\", not \"%s\"\n",
				v->args->settings);
			return -1;
		}
		in = json_object_getn(patch, group.at, group.len);
		if (in == NULL) {
			in = json_object();
			json_object_setn_new(patch, group.at, group.len, in);
		}
		json_object_setn_new(in, name.at, name.len, value);
	}
	return 0;
}

static void
print_company(const struct verbs *v, const json_t *c)
{
	const json_t *value;
	const char *name;
	FILE *to = v->out.to;

	json_object_foreach((json_t *)(uintptr_t)c, name, value)
	{
		fprintf(to, "%-11s ", name);
		if (json_is_string(value))
			fprintf(to, "%s", json_string_value(value));
		else
			json_dumpf(value, to, JSON_ENCODE_ANY);
		fprintf(to, "\n");
	}
}

int
verbs_company_change(const struct verbs *v)
{
	static const char *const ops[] = { "show", "set", "suspend", "resume",
					   "delete" };
	const struct args *a = v->args;
	JSON_AUTO body = json_object();
	CALL_AUTO answer = { 0 };
	int failed;

	json_put_str(body, "op", ops[a->verb - ARGS_COMPANY_SHOW]);
	json_put_str(body, "name", a->name);
	if (a->brand != NULL)
		json_put_str(body, "brand", a->brand);
	if (a->partner_id != NULL)
		json_put_str(body, "partner_id", a->partner_id);
	if ((a->numbers != NULL && put_numbers(v, body) < 0) ||
	    (a->settings != NULL && put_settings(v, body) < 0))
		return EXITS_USAGE;
	failed = verbs_call(v, "POST", "/v1/companies", body, &answer);
	if (failed != 0)
		return failed;
	if (verbs_plain(v, answer.body))
		return EXITS_DONE;
	if (a->verb == ARGS_COMPANY_DELETE)
		fprintf(v->out.to, "company %s is deleted\n", a->name);
	else
		print_company(v, answer.body);
	return EXITS_DONE;
}
