#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/outbox_inner.h"

#define SUFFIX ".json"
#define FILE_MAX (16 * 1024 * 1024)

/* It may hold what people wrote: nobody else reads it. */
static int
write_all(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0)
		return -1;
	good = file_write_all(fd, text) == 0;
	return close(fd) == 0 && good ? 0 : -1;
}

int
outbox_file_write(const char *dir, const json_t *doc, struct err *e)
{
	const char *id = json_string_value(json_object_get(doc, "id"));
	char *path = mem_printf("%s/%s" SUFFIX, dir, id);
	char *next = mem_printf("%s/%s.new", dir, id);
	STRBUF_AUTO text = { 0 };
	int rc = 0;

	json_write(doc, JSON_AS_MADE, &text);
	if (write_all(next, strbuf_span(&text)) < 0 || rename(next, path) < 0) {
		rc = err_set(e, ERR_IO, "%s: %s", next, strerror(errno));
		unlink(next);
	}
	mem_free(next);
	mem_free(path);
	return rc;
}

json_t *
outbox_file_read(const char *dir, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s", dir, name);
	STRBUF_AUTO text = { 0 };
	json_t *doc = NULL;

	if (file_read(path, FILE_MAX, &text, e) < 0) {
		mem_free(path);
		return NULL;
	}
	doc = json_read(strbuf_span(&text), e);
	if (doc == NULL)
		err_prefix(e, "%s", path);
	mem_free(path);
	return doc;
}

void
outbox_file_remove(const char *dir, const char *name)
{
	char *path = mem_printf("%s/%s", dir, name);

	if (unlink(path) < 0)
		log_error("outbox", "file=%s error=\"%s\"", path,
			  strerror(errno));
	mem_free(path);
}

struct outbox_item *
outbox_item_new(const json_t *doc)
{
	struct outbox_item *i;
	const char *id, *to;
	int64_t made;

	if (json_need_str(doc, "id", &id, NULL) < 0 ||
	    json_need_str(doc, "to", &to, NULL) < 0 ||
	    json_need_int(doc, "made_us", &made, NULL) < 0)
		return NULL;
	i = mem_new(struct outbox_item);
	i->name = mem_printf("%s" SUFFIX, id);
	i->to = mem_strdup(to);
	i->made_us = made;
	return i;
}

void
outbox_item_free(struct outbox_item *i)
{
	mem_free(i->name);
	mem_free(i->to);
	mem_free(i);
}

static int
is_message(const struct dirent *d)
{
	return span_ends(span_of(d->d_name), SUFFIX);
}

/* Names begin with the time, in digits of one length. */
int
outbox_file_list(const char *dir, struct outbox_items *out, struct err *e)
{
	struct dirent **found;
	int n = scandir(dir, &found, is_message, alphasort);

	if (n < 0)
		return err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
	for (int k = 0; k < n; k++) {
		struct err why = { 0 };
		JSON_AUTO doc = outbox_file_read(dir, found[k]->d_name, &why);
		struct outbox_item *i = doc != NULL ? outbox_item_new(doc)
						    : NULL;

		if (i != NULL)
			TAILQ_INSERT_TAIL(out, i, entry);
		else
			log_warn("outbox", "left=%s why=\"not a message: %s\"",
				 found[k]->d_name, err_text(&why));
		free(found[k]);
	}
	free(found);
	return 0;
}
