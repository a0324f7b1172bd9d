#include "proxy/dashboard_page.h"

#include <string.h>

#include "proxy/dashboard_assets.h"

/* A page that can load nothing but its own files and speak to nobody else. */
#define SAFE                                                                  \
	{ "Content-Security-Policy",                                          \
	  "default-src 'none'; script-src 'self'; style-src 'self'; img-src " \
	  "'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " \
	  "frame-ancestors 'none'" },                                         \
	    { "X-Content-Type-Options", "nosniff" },                          \
	    { "Referrer-Policy", "no-referrer" },                             \
	    { "Cross-Origin-Opener-Policy", "same-origin" },                  \
	{                                                                     \
		"Cross-Origin-Resource-Policy", "same-origin"                 \
	}

const struct httpd_field dashboard_page_json[] = {
	{ "Content-Type", "application/json" },
	{ "Cache-Control", "no-store" },
	SAFE,
	{ NULL, NULL },
};

static const char *
type_of(const char *name)
{
	struct span s = span_of(name);

	return span_ends(s, ".html")  ? "text/html; charset=utf-8"
	       : span_ends(s, ".css") ? "text/css; charset=utf-8"
	       : span_ends(s, ".svg") ? "image/svg+xml"
				      : "text/javascript; charset=utf-8";
}

bool
dashboard_page(void *ctx, struct httpd_req *http)
{
	struct span method = httpd_method(http), path = httpd_path(http);
	const struct dashboard_asset *a = dashboard_assets;
	const char *name = span_is(path, "/") ? "index.html" : NULL;

	if (!span_is(method, "GET") && !span_is(method, "HEAD"))
		return false;
	for (; a->name != NULL; a++) {
		struct httpd_field fields[] = {
			{ "Content-Type", type_of(a->name) },
			{ "Cache-Control", "no-cache" },
			SAFE,
			{ NULL, NULL },
		};

		if (name != NULL ? strcmp(name, a->name) != 0
				 : !span_is(span_skip(path, 1), a->name))
			continue;
		httpd_reply(http, 200, fields, span_make(a->at, a->len));
		return true;
	}
	return false;
}
