#include "proxy/control_keys.h"

#include <stdio.h>

static bool
knows(const char *ids, const char *id)
{
	struct span rest = span_of(ids), one;

	while (span_cut(&rest, ',', &one))
		if (span_is(one, id))
			return true;
	return false;
}

/* One that does not answer learns them when it starts. */
static int
check(const struct control *c, const char *id, struct err *e)
{
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			const struct health_seen *seen = watch_seen(
			    c->watch, (enum route_site)s,
			    (enum route_service)k);

			if (!seen->answered || seen->failures > 0 ||
			    seen->last.keys[0] == '\0' ||
			    knows(seen->last.keys, id))
				continue;
			return err_set(
			    e, ERR_REFUSED,
			    "%s %s does not know key %s (it knows %s): put it "
			    "into the key file there and send SIGHUP first",
			    route_site_name((enum route_site)s),
			    route_service_name((enum route_service)k), id,
			    seen->last.keys);
		}
	return 0;
}

int
control_keys(struct control *c, bool force, const char *by, struct err *e)
{
	struct keyring *keys = keyring_load(c->conf->keys_file, e);
	STRBUF_AUTO text = { 0 };

	if (keys == NULL)
		return -1;
	if (!force && check(c, keyring_id(keys), e) < 0) {
		keyring_free(&keys);
		return -1;
	}
	keyring_replace(c->keys, &keys);
	strbuf_addf(&text, "keys read again by %s: %s signs; known are ", by,
		    keyring_id(c->keys));
	keyring_ids(c->keys, &text);
	events_add(c->events, "order", c->f.rec.epoch, strbuf_text(&text),
		   NULL);
	return 0;
}
