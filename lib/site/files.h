/*
 * What the daily copy brings (G16 G17): settings, custom pages and clients of
 * a site. All of it together is one version; one is visible at a time,
 * replaced at one instant. The primary makes versions by changes, the backup
 * gets them from its replicator and refuses changes, unless an operator has
 * overridden that (gsbctl copy override). Both sites read alike.
 *
 * Paths: "pages/COMPANY/..." and "clients/COMPANY/..."; COMPANY "-" stands
 * for every company (read by the others where they have no file of their
 * own). Settings: one JSON object for each company, and one for the site
 * under "-". On disk: docs/copy.md.
 */
#ifndef SITE_FILES_H
#define SITE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/manifest.h"
#include "base/span.h"

struct files;
struct files_op;
struct files_view;

#define FILES_SHARED "-" /* the company that stands for all */

/* dir: [site] state_dir + "/files"; made when it is not there. owns: changes
 * are allowed without an override (site_role.owns_configuration). */
struct files *files_open(const char *dir, bool owns, struct err *e)
    __attribute__((warn_unused_result));
void files_close(struct files **f); /* operations under way are cancelled */
/* Who judges what is uploaded from now on: [web] scan. */
void files_scan_by(struct files *f, const char *command);

/* --- reading: from memory, cheap enough for each request --------------- */

/*
 * The visible version, held until it is released, within a request: all that
 * is asked of one view belongs together. Never NULL; version 0 is empty.
 */
struct files_view *files_hold(struct files *f);
void files_release(struct files_view **v);

/* Its version, time, digest and entries, borrowed: base/manifest.h. */
const struct manifest *files_manifest(const struct files_view *v);

/* area: "pages" or "clients"; rest: "logo/small.png". The company's own, else
 * the shared one, else NULL. */
const struct manifest_entry *files_find(const struct files_view *v,
					const char *area, const char *company,
					const char *rest);

/* For GetSite: equal on both sites exactly while the area is. */
#define FILES_STAMP_SIZE 13
const char *files_stamp(const struct files_view *v, const char *area,
			const char *company, char out[static FILES_STAMP_SIZE]);

/* Borrowed from the view. "password.min_length" of the company, else of the
 * site, else NULL; and all of the company's own, NULL when there are none. */
const json_t *files_setting(const struct files_view *v, const char *company,
			    const char *path);
const json_t *files_settings(const struct files_view *v, const char *company);

/* When it was last known to be the primary's (there: now); 0: never, -1: no. */
int64_t files_verified_us(struct files *f);

/* 0, or -1 with the words to show: configuration belongs to the primary. */
int files_may_change(struct files *f, struct err *e)
    __attribute__((warn_unused_result));

/* --- changing: each ends by done; durable and visible then -------------- */

/* err NULL: visible as that version. Else ERR_REFUSED (not here), ERR_INVALID
 * (path, setting), ERR_NOT_FOUND (nothing to remove), ERR_LIMIT, ERR_IO. */
typedef void files_done_fn(void *ctx, int64_t version, const struct err *err);

struct files_change {
	const char *who; /* for the log: webExId and company */
	/* One file: its bytes, or those of a spooled body (taken), or gone. */
	const char *path;
	struct span body;
	const char *body_file;
	bool remove;
	/* Or settings (path NULL): a merge patch (RFC 7396) of the company's
	 * object, "-" the site's; replace: the whole object. Borrowed. */
	const char *company;
	const json_t *settings;
	bool replace;
};

/* Copies what it needs. */
struct files_op *files_change(struct files *f, const struct files_change *c,
			      files_done_fn *done, void *ctx);
/* done does not come; the change may happen all the same. Sets *op NULL. */
void files_cancel(struct files_op **op);

#endif
