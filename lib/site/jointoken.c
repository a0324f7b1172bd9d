#include "site/jointoken.h"

#include "base/json.h"
#include "base/token.h"

#define KIND "join"

void
jointoken_make(const struct keyring *keys, const struct jointoken *t,
	       int64_t expiry_s, struct strbuf *out)
{
	JSON_AUTO j = json_object();
	STRBUF_AUTO payload = { 0 };

	json_put_str(j, "c", t->company);
	json_put_int(j, "m", t->meeting);
	json_put_str(j, "p", t->participant);
	json_put_str(j, "n", t->name);
	json_put_bool(j, "h", t->host);
	json_put_bool(j, "g", t->guest);
	json_put_str(j, "i", t->row);
	json_put_int(j, "s", t->no);
	json_put_bool(j, "e", t->early);
	json_put_bool(j, "l", t->lobby);
	json_write(j, JSON_SORTED, &payload);
	token_make(keys, KIND, strbuf_span(&payload), expiry_s, out);
}

int
jointoken_read(const struct keyring *keys, struct span token, int64_t now_s,
	       struct arena *arena, struct jointoken *out, struct err *e)
{
	STRBUF_AUTO payload = { 0 };
	JSON_AUTO j = NULL;

	*out = (struct jointoken){ 0 };
	if (token_read(keys, KIND, token, now_s, &payload, e) < 0)
		return -1;
	j = json_read(strbuf_span(&payload), e);
	if (j == NULL || json_need_str(j, "c", &out->company, e) < 0 ||
	    json_need_int(j, "m", &out->meeting, e) < 0 ||
	    json_need_str(j, "p", &out->participant, e) < 0 ||
	    json_need_str(j, "n", &out->name, e) < 0 ||
	    json_need_bool(j, "h", &out->host, e) < 0)
		return err_prefix(e, "join token");
	/* not in those of the version before */
	out->row = "";
	if (json_get_bool(j, "g", &out->guest, e) < 0 ||
	    json_get_str(j, "i", &out->row, e) < 0 ||
	    json_get_int(j, "s", &out->no, e) < 0 ||
	    json_get_bool(j, "e", &out->early, e) < 0 ||
	    json_get_bool(j, "l", &out->lobby, e) < 0)
		return err_prefix(e, "join token");
	out->row = arena_strdup(arena, out->row);
	out->company = arena_strdup(arena, out->company);
	out->participant = arena_strdup(arena, out->participant);
	out->name = arena_strdup(arena, out->name);
	return 0;
}
