/* What the parts of outbox share; not for others. */
#ifndef IO_OUTBOX_INNER_H
#define IO_OUTBOX_INNER_H

#include <sys/queue.h>

#include "base/json.h"
#include "io/outbox.h"

/* One message, which is the file NAME in the folder. */
struct outbox_item {
	TAILQ_ENTRY(outbox_item) entry; /* oldest first */
	char *name;
	char *to;
	int64_t made_us;
};
TAILQ_HEAD(outbox_items, outbox_item);

/* A new file of the message; its name is given. */
int outbox_file_write(const char *dir, const json_t *doc, struct err *e);

/* The message in the file, given; NULL: it is none. */
json_t *outbox_file_read(const char *dir, const char *name, struct err *e);
void outbox_file_remove(const char *dir, const char *name);

/* Those in the folder, in order of age; what is no message stays there. */
int outbox_file_list(const char *dir, struct outbox_items *out, struct err *e);

void outbox_item_free(struct outbox_item *i);
struct outbox_item *outbox_item_new(const json_t *doc);

#define OUTBOX_MAILTO "mailto:"
bool outbox_is_mail(const char *to);

/* RFC 5322 text of the message, lines with CRLF. */
void outbox_mail_write(const json_t *doc, struct strbuf *out);

#endif
