/* What the daily copy brings, for people: clients to download. */
#include <string.h>

#include "base/strbuf.h"
#include "site/files.h"
#include "site/page.h"
#include "site/record.h"
#include "site/site.h"

static void show_front(struct api *a);
static void list_clients(struct api *a);

const struct page_route page_config_routes[] = {
	{ "GET", "admin", PAGE_READER, show_front },
	{ "GET", "clients", PAGE_ANYBODY, list_clients },
	{ NULL, NULL, PAGE_ANYBODY, NULL },
};

static void
show_front(struct api *a)
{
	page_go(a, "admin/accounts");
}

static const char *
size_text(struct api *a, int64_t bytes)
{
	if (bytes >= 1048576)
		return arena_printf(a->arena, "%.1f MiB",
				    (double)bytes / 1048576);
	return arena_printf(a->arena, "%lld bytes", (long long)bytes);
}

/* Appends those of an area of one company, in order of their paths. */
static void
add_files(struct api *a, const struct files_view *v, const char *prefix,
	  json_t *list)
{
	const struct manifest *m = files_manifest(v);
	size_t len = strlen(prefix);

	for (size_t i = manifest_lower(m, prefix);
	     i < m->n && strncmp(m->files[i].path, prefix, len) == 0; i++) {
		json_t *one = json_object();
		STRBUF_AUTO link = { 0 };

		url_encode_path(span_of(m->files[i].path + len), &link);
		json_put_str(one, "link", strbuf_text(&link));
		json_put_str(one, "path", m->files[i].path + len);
		json_put_str(one, "size", size_text(a, m->files[i].size));
		json_array_append_new(list, one);
	}
}

/* The company's own, and those of all. */
static void
list_clients(struct api *a)
{
	struct files_view *v = files_hold(a->site->files);
	json_t *data = json_object(), *list = json_array();

	add_files(a, v, arena_printf(a->arena, "clients/%s/", a->company->name),
		  list);
	add_files(a, v, "clients/" FILES_SHARED "/", list);
	files_release(&v);
	json_put(data, "files", list);
	page_show(a, "downloads.html", "Downloads", data);
}
