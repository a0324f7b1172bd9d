/* gsb-proxy: one URL in front of the pair, and who of the two serves. */
#include "io/service.h"
#include "proxy/admin.h"
#include "proxy/control.h"

static struct control *control;
static struct notices *notices;
static struct admin *admin;

static int
start(const void *conf, char *const *words, struct err *e)
{
	if (words != NULL && words[0] != NULL)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not an option of gsb-proxy",
			       words[0]);
	control = control_open(conf, e);
	if (control == NULL)
		return -1;
	notices = notices_open(conf, control->events, e);
	if (notices == NULL)
		return -1;
	admin = admin_open(control, notices, e);
	return admin != NULL ? 0 : -1;
}

static int
reload(const void *conf, struct err *e)
{
	if (notices_check(conf, e) < 0 || control_reload(control, conf, e) < 0)
		return -1;
	return notices_reload(notices, conf, e);
}

static void
on_drained(void *ctx)
{
	service_stopped(0);
}

static void
drain(void)
{
	control_drain(control, on_drained, NULL);
}

static void
stop(void)
{
	admin_close(&admin);
	notices_close(&notices);
	control_close(&control);
}

int
main(int argc, char **argv)
{
	const struct service service = {
		.name = "gsb-proxy",
		.about = "routes requests to the site that serves, and decides "
			 "which one does",
		.keys = conf_keys,
		.nkeys = conf_nkeys,
		.conf_size = sizeof(struct conf),
		.check = conf_check,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return service_main(argc, argv, &service);
}
