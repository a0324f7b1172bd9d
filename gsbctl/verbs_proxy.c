#include "gsbctl/verbs.h"

int
verbs_proxy_reload(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	char text[512];
	int failed = verbs_call(v, "POST", "/v1/reload", NULL, &answer);

	if (failed != 0)
		return failed;
	if (!verbs_plain(v, answer.body))
		fprintf(v->out.to, "%s\n",
			call_message(&answer, text, sizeof(text)));
	return EXITS_DONE;
}
