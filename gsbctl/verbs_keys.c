#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

static const struct {
	const char *name, *path;
} services[] = {
	{ "primary web", "sites.primary.services.web.keys" },
	{ "primary collab", "sites.primary.services.collab.keys" },
	{ "backup web", "sites.backup.services.web.keys" },
	{ "backup collab", "sites.backup.services.collab.keys" },
};

int
verbs_keys_status(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/status", NULL, &answer);

	if (failed != 0)
		return failed;
	fprintf(v->out.to, "proxy signs with\t%s\n",
		words_str(answer.body, "signs", "?"));
	for (int i = 0; i < 4; i++)
		fprintf(v->out.to, "%s knows\t%s\n", services[i].name,
			words_str(answer.body, services[i].path, "not told"));
	return EXITS_DONE;
}

int
verbs_keys_rotate(const struct verbs *v)
{
	JSON_AUTO body = json_object();
	CALL_AUTO answer = { 0 };
	int failed;

	if (v->args->dry_run)
		return verbs_keys_status(v);
	json_put_str(body, "reason", v->args->reason);
	json_put_str(body, "who", v->who);
	json_put_bool(body, "force", v->args->force);
	failed = verbs_call(v, "POST", "/v1/keys", body, &answer);
	if (failed != 0 && answer.body != NULL)
		fprintf(v->words.to,
			"        refused by rule %s; it yields to "
			"%s\n",
			words_str(answer.body, "rule", "?"),
			words_str(answer.body, "override", "nothing"));
	if (failed == 0 && !verbs_plain(v, answer.body))
		fprintf(v->out.to, "%s\n",
			words_str(answer.body, "message", ""));
	return failed;
}
