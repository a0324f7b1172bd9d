/*
 * Configuration files (inih syntax) read through a typed table. A mistake
 * is an error that says FILE:LINE, what is wrong and what would be right.
 * Comments stand on lines of their own (; or #). Keys and sections start at
 * the beginning of a line; an indented line continues the value above it,
 * joined by one blank. Lines hold up to 4,000 bytes.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

/* The kind says what stands at `offset` of the structure that is filled. */
enum conf_kind {
	CONF_STRING, /* const char *, in the arena */
	CONF_INT,    /* int64_t */
	CONF_BOOL,   /* bool: on off true false yes no 1 0 */
	CONF_MS,     /* int64_t ms: 500ms 2s 5m 1h 1d, 0 */
	CONF_BYTES,  /* int64_t: 100 64KiB 1MiB 2GiB */
	CONF_ENUM,   /* int: index in names */
};

struct conf_key {
	const char *section;
	const char *key;
	enum conf_kind kind;
	size_t offset;
	const char *def; /* as text; NULL: the key is required */
	const char *help;
	int64_t min, max;         /* numbers only; both 0: no bounds */
	const char *const *names; /* CONF_ENUM: up to a NULL */
};

/*
 * Fills *out. path NULL: defaults and overrides alone. overrides: NULL, or
 * up to a NULL "section.key=value" texts, which win over the file. Refuses
 * unknown sections and keys, duplicates, bad values, missing required keys;
 * *out is then half-filled and not to be used.
 */
struct conf_source {
	const char *path;
	const char *const *overrides;
};
int conf_load(const struct conf_source *from, const struct conf_key *keys,
	      size_t nkeys, void *out, struct arena *arena, struct err *e)
    __attribute__((warn_unused_result));

/* A commented sample file with every key, its help and its default. */
void conf_print_sample(FILE *to, const struct conf_key *keys, size_t nkeys);

/*
 * Reads a file of another form, such as repeated sections [table NAME]: fn
 * is called for each key in order, and once with key and value NULL where a
 * section begins. fn returns 0, or -1 with e set, which ends the reading;
 * "FILE:LINE: " is put before its text. Strings are borrowed for the call.
 */
typedef int conf_fn(void *ctx, const char *section, const char *key,
		    const char *value, struct err *e);
int conf_read(const char *path, conf_fn *fn, void *ctx, struct err *e)
    __attribute__((warn_unused_result));

/* The same over text in memory; name stands for the path in errors. */
int conf_read_text(const char *name, struct span text, conf_fn *fn, void *ctx,
		   struct err *e) __attribute__((warn_unused_result));

/* One value by the rules of the table's kinds; errors say what is right. */
int conf_parse_ms(const char *text, int64_t *out, struct err *e);
int conf_parse_bytes(const char *text, int64_t *out, struct err *e);
int conf_parse_bool(const char *text, bool *out, struct err *e);

#endif
