/* gsb-proxy: one URL in front of the pair, and who of the two serves. */
#include "io/service.h"
#include "proxy/upgrade.h"

static int
start(const void *conf, char *const *words, struct err *e)
{
	if (words != NULL && words[0] != NULL)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not an option of gsb-proxy",
			       words[0]);
	return upgrade_open(conf, e);
}

static int
reload(const void *conf, struct err *e)
{
	return upgrade_reload(conf, e);
}

static void
on_drained(void *ctx)
{
	service_stopped(0);
}

static void
drain(void)
{
	upgrade_drain(on_drained);
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
		.stop = upgrade_close,
	};

	upgrade_init(argv);
	return service_main(argc, argv, &service);
}
