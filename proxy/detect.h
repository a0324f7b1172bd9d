/*
 * Paths that the proxy knows: detectbackup (G5), what is between programs
 * alone (/gsb/), and the rooms of collab. Pure.
 */
#ifndef PROXY_DETECT_H
#define PROXY_DETECT_H

#include "base/span.h"
#include "proxy/route.h"

enum detect_kind {
	DETECT_FORWARD, /* the site's */
	DETECT_BACKUP,  /* /<company>/detectbackup[.php] */
	DETECT_PRIVATE, /* /gsb/...: not for clients */
	DETECT_ROOM,    /* /<company>/ws/<P|B>/<meeting> */
	DETECT_BAD      /* a path that two readers could take differently */
};

struct detect {
	enum detect_kind kind;
	enum route_site letter; /* of a room */
	/* The first segment; decoded, in text, when it is not plain. */
	struct span company;
	char text[64];
};

/* path is the target's, not decoded. upgrade: only then a room is one. */
void detect_path(struct span path, bool upgrade, struct detect *out);

#endif
