/*
 * The manifest of one version of a site's settings, pages and clients: what
 * the daily copy compares. Text, one line each, parsed strictly; pure.
 *
 *   gsb-manifest 1
 *   version NUMBER MADE_US ORIGIN      ORIGIN: primary, or override REASON
 *   settings SIZE SHA256               the settings as canonical JSON
 *   file MODE SIZE SHA256 PATH         sorted by PATH, in byte order
 *   end COUNT
 *
 * The digest is the SHA-256 of the settings and file lines: equal digests,
 * equal content.
 */
#ifndef BASE_MANIFEST_H
#define BASE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

#define MANIFEST_HASH_SIZE 65 /* hex and NUL */
#define MANIFEST_PATH_MAX 1024
#define MANIFEST_FILES_MAX 1000000

struct manifest_entry {
	const char *path;
	int64_t size;
	unsigned mode;                   /* 0644 or 0755 */
	char sha256[MANIFEST_HASH_SIZE]; /* lower case */
};

struct manifest {
	int64_t version;             /* 0: nothing was ever published */
	int64_t made_us;             /* wall clock */
	const char *override_reason; /* NULL: made by the primary */
	char digest[MANIFEST_HASH_SIZE];
	struct manifest_entry settings; /* path "settings.json" */
	struct manifest_entry *files;
	size_t n;
	int64_t bytes; /* of all files */
	struct arena *arena;
};

/* Given; empty, version 0. */
struct manifest *manifest_new(void);
void manifest_free(struct manifest **m);

/* Given, NULL: the line and what is wrong with it. Every path has passed
 * manifest_path_ok, the order, sizes and count are checked. */
struct manifest *manifest_parse(struct span text, struct err *e)
    __attribute__((warn_unused_result));

/* Computes m->digest again, after a change by hand. */
void manifest_seal(struct manifest *m);
void manifest_write(const struct manifest *m, struct strbuf *out);

/*
 * 0: relative, "pages/..." or "clients/..." with a company and a name behind
 * it, no empty segment, "." or "..", no control characters or backslash,
 * UTF-8, at most 255 bytes a segment.
 */
int manifest_path_ok(struct span path, struct err *e)
    __attribute__((warn_unused_result));

/* By binary search, or NULL. */
const struct manifest_entry *manifest_find(const struct manifest *m,
					   const char *path);
/* Index of the first entry not below path in byte order; n: none. */
size_t manifest_lower(const struct manifest *m, const char *path);

/* Given: a copy of m with e (copied) at path, or without path (e NULL), or as
 * it is (path NULL). Whoever adds a file below a file gets a manifest that
 * manifest_parse refuses. */
struct manifest *manifest_with(const struct manifest *m, const char *path,
			       const struct manifest_entry *e);

#endif
