#include "proxy/admin_notices.h"

void
admin_notices_ask(struct notices *n, struct ctl_req *req, bool post)
{
	struct err e = { 0 };
	json_t *doc;

	if (post && notices_try(n, &e) < 0) {
		ctl_refuse(req, e.code == ERR_REFUSED ? 409 : 503,
			   err_text(&e));
		return;
	}
	doc = notices_json(n);
	if (post)
		json_put_str(doc, "message",
			     "a trial is on its way to each receiver");
	ctl_reply(req, 200, doc);
}
