/* The inside of files: the store, its views, its changes. */
#ifndef SITE_FILES_INNER_H
#define SITE_FILES_INNER_H

#include <sys/queue.h>

#include "io/vault.h"
#include "io/work.h"
#include "site/files.h"

struct files_view {
	unsigned refs;
	int64_t slot;
	struct manifest *m;
	json_t *settings; /* an object */
};

struct files {
	struct vault *vault;
	bool owns;
	char *scan;                 /* [web] scan; NULL: none */
	struct files_view *view;    /* the newest that is loaded */
	struct work *loading;       /* a newer one */
	TAILQ_HEAD(, files_op) ops; /* the first one is under way */
	struct work *changing;
	int64_t pruned_ms; /* clock_mono_ms */
};

/* In any thread. Given; NULL with e. */
struct files_view *files_view_load(const struct vault *v, int64_t slot,
				   struct err *e);
/* Takes view; it is what files_hold gives from now on. */
void files_view_set(struct files *f, struct files_view *view);

/* The override that is in force: its reason, given (mem_free), or NULL. */
char *files_override(const struct vault *v);
int files_check_change(const struct vault *v, bool owns, struct err *e);

/* files_scan.c, in a job: 0, or why it is not to be stored. body_file: a
 * spooled body, or NULL. */
int files_scan(const char *command, struct span body, const char *body_file,
	       struct err *e) __attribute__((warn_unused_result));

/* files_change.c */
/* Blocks: makes the first version, so that there is one to copy. */
int files_found(struct vault *v, struct err *e);
void files_drop_ops(struct files *f);

#endif
