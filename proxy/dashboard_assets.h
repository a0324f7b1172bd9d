/* The files of proxy/dashboard/, embedded when the program is built. */
#ifndef PROXY_DASHBOARD_ASSETS_H
#define PROXY_DASHBOARD_ASSETS_H

#include <stddef.h>

struct dashboard_asset {
	const char *name; /* "app.js"; NULL: the end of the list */
	const char *at;
	size_t len;
};
extern const struct dashboard_asset dashboard_assets[];

#endif
