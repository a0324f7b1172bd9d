#include "proxy/admin_self.h"

#include <unistd.h>

#include "io/service.h"
#include "proxy/status.h"
#include "proxy/upgrade.h"

/* Nothing of the old configuration is used once this has returned. */
void
admin_self_reload(struct ctl_req *req)
{
	struct err e = { 0 };
	json_t *doc;

	if (service_reload(&e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
		return;
	}
	doc = json_object();
	json_put_str(doc, "message", "configuration read again");
	ctl_reply(req, 200, doc);
}

void
admin_self_status(const struct control *c, struct ctl_req *req)
{
	json_t *doc = status_json(c);

	json_put_bool(doc, "upgrading", upgrade_runs());
	ctl_reply(req, 200, doc);
}

void
admin_self_upgrade(struct ctl_req *req)
{
	struct err e = { 0 };
	json_t *doc;

	if (upgrade_begin(&e) < 0) {
		ctl_refuse(req, 409, err_text(&e));
		return;
	}
	doc = json_object();
	json_put_int(doc, "pid", getpid());
	json_put_str(doc, "message", "a new process takes over");
	ctl_reply(req, 200, doc);
}
