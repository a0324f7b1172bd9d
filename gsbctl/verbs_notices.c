#include <inttypes.h>

#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

static void
show_notices(const struct verbs *v, const json_t *doc)
{
	json_t *list = json_object_get(doc, "receivers");
	const char *error = json_string_value(
	    json_object_get(doc, "last_error"));
	const char *oldest = json_string_value(json_object_get(doc, "oldest"));

	fprintf(v->out.to, "told       ");
	if (json_array_size(list) == 0)
		fprintf(v->out.to,
			"nobody (notices.webhooks, notices.mail_to)");
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(v->out.to, "%s%s", i > 0 ? ", " : "",
			json_string_value(json_array_get(list, i)));
	fprintf(v->out.to,
		"\ndelivered  %" PRId64 "\nwaiting    %" PRId64 "%s%s\n",
		words_int(doc, "delivered"), words_int(doc, "waiting"),
		oldest != NULL ? ", since " : "", oldest != NULL ? oldest : "");
	if (words_int(doc, "given_up") > 0)
		fprintf(v->out.to, "given up   %" PRId64 "\n",
			words_int(doc, "given_up"));
	if (error != NULL && error[0] != '\0')
		fprintf(v->out.to, "error      %s\n", error);
}

int
verbs_notices(const struct verbs *v)
{
	bool test = v->args->verb == ARGS_NOTICES_TEST;
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, test ? "POST" : "GET", "/v1/notices", NULL,
				&answer);
	char text[512];

	if (failed != 0)
		return failed;
	if (verbs_plain(v, answer.body))
		return EXITS_DONE;
	if (test)
		fprintf(v->words.to, "%s\n",
			call_message(&answer, text, sizeof(text)));
	show_notices(v, answer.body);
	return EXITS_DONE;
}
