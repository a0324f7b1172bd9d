#include "proxy/admin_keys.h"

#include <stdio.h>

#include "proxy/control_keys.h"

static int
read_body(const json_t *body, bool *force, char by[static 256], struct err *e)
{
	const char *reason, *who = "operator";

	*force = false;
	if (!json_is_object(body))
		return err_set(e, ERR_INVALID, "the body must be an object");
	if (json_need_str(body, "reason", &reason, e) < 0 ||
	    json_get_str(body, "who", &who, e) < 0 ||
	    json_get_bool(body, "force", force, e) < 0)
		return -1;
	snprintf(by, 256, "%.60s (%.160s)", who, reason);
	return 0;
}

static void
refuse(struct ctl_req *req, const struct err *e)
{
	json_t *doc = json_object();

	json_put_str(doc, "message", err_text(e));
	json_put_str(doc, "rule", "keys-unknown");
	json_put_str(doc, "override", "--force");
	ctl_reply(req, 409, doc);
}

void
admin_keys(struct control *c, struct ctl_req *req, const json_t *body)
{
	STRBUF_AUTO ids = { 0 };
	struct err e = { 0 };
	char by[256], text[320];
	json_t *doc;
	bool force;

	if (read_body(body, &force, by, &e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
		return;
	}
	if (control_keys(c, force, by, &e) < 0) {
		if (e.code == ERR_REFUSED)
			refuse(req, &e);
		else
			ctl_refuse(req, 400, err_text(&e));
		return;
	}
	keyring_ids(c->keys, &ids);
	snprintf(text, sizeof(text), "%s signs; known are %s",
		 keyring_id(c->keys), strbuf_text(&ids));
	doc = json_object();
	json_put_str(doc, "signs", keyring_id(c->keys));
	json_put_str(doc, "keys", strbuf_text(&ids));
	json_put_str(doc, "message", text);
	ctl_reply(req, 200, doc);
}
