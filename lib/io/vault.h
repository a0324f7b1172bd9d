/*
 * The folder of a site's settings, pages and clients on disk. Files lie in
 * it once, under the SHA-256 of their content, and never change; a version is
 * a manifest that names them; the visible one is a link, replaced at one
 * instant. So an unchanged file costs nothing in the next version.
 *
 *   objects/ab/abcdef...      content, complete and verified if a version
 *                             names it
 *   partial/abcdef...         what has come of one so far
 *   versions/7.manifest       SLOT: counted up in this folder
 *   current -> versions/7.manifest
 *   pins/7                    its time: a fetch asked for that version
 *   tmp/  lock  status.json  override.json
 *
 * Every call blocks: for the thread pool and for programs without a loop,
 * but vault_visible. Safe from any thread; between processes, writers hold
 * vault_lock. Content: vault_content.h.
 */
#ifndef IO_VAULT_H
#define IO_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/manifest.h"
#include "base/span.h"
#include "base/strbuf.h"

struct vault;

/* Makes what is missing, mode 0700 (files 0600). */
struct vault *vault_open(const char *dir, struct err *e)
    __attribute__((warn_unused_result));
void vault_close(struct vault **v);
/* Another holder of it, in whatever thread; each one closes it. */
struct vault *vault_share(struct vault *v);
const char *vault_dir(const struct vault *v);

/* --- versions ------------------------------------------------------------ */

/* The visible slot, 0: none; -1. One system call. */
int vault_visible(const struct vault *v, int64_t *slot, struct err *e)
    __attribute__((warn_unused_result));
/* Given; slot 0: an empty one. ERR_NOT_FOUND: it has been removed. */
struct manifest *vault_read(const struct vault *v, int64_t slot, struct err *e)
    __attribute__((warn_unused_result));
/* Given (mem_free): the slots that exist, smallest first. */
int64_t *vault_slots(const struct vault *v, size_t *n);

/* All that was written here is on the disk for good; vault_publish does it
 * too, in less time for what was done before. */
int vault_sync(const struct vault *v, struct err *e)
    __attribute__((warn_unused_result));
/* Makes m the next version, on the disk for good, and visible. */
int vault_publish(const struct vault *v, struct manifest *m, int64_t *slot,
		  struct err *e) __attribute__((warn_unused_result));
/* An older one is visible. */
int vault_show(const struct vault *v, int64_t slot, struct err *e)
    __attribute__((warn_unused_result));
/* "A fetch of it runs": vault_prune keeps it for 10 minutes, and until a
 * later one is pinned. */
void vault_pin(const struct vault *v, int64_t slot);
/* Keeps the visible, the newest `keep` and pinned versions; then what lies
 * in objects, tmp and partial for nothing, older than grace_s. */
void vault_prune(const struct vault *v, unsigned keep, int64_t grace_s);

/* One writer: -1 ERR_TIMEOUT after 10 s, else what vault_unlock takes. */
int vault_lock(const struct vault *v, struct err *e)
    __attribute__((warn_unused_result));
void vault_unlock(int *lock);

/* Bytes that may still be written on its disk. */
int64_t vault_free(const struct vault *v);

/* --- small files beside it ------------------------------------------------ */

/* All of it, appended: 1, 0 there is none, -1. */
int vault_note_read(const struct vault *v, const char *name, struct strbuf *out,
		    struct err *e);
int vault_note_write(const struct vault *v, const char *name, struct span text,
		     struct err *e) __attribute__((warn_unused_result));
void vault_note_remove(const struct vault *v, const char *name);

#endif
