/*
 * Strict JSON over jansson. Every error says where and what would be right.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

/* JSON_AUTO doc = json_read(...);   json_decref at the end of its scope */
#define JSON_AUTO __attribute__((cleanup(json_cleanup))) json_t *

static inline void
json_cleanup(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

/*
 * Given, NULL on failure. Any value at the root. Refused: duplicate keys,
 * more than 32 levels, NUL in strings, invalid UTF-8, bytes after the end.
 * The caller bounds the size.
 */
json_t *json_read(struct span text, struct err *e)
    __attribute__((warn_unused_result));

/* Compact; sorted: keys in byte order, so that equal values are equal text. */
enum json_order { JSON_AS_MADE, JSON_SORTED };
void json_write(const json_t *j, enum json_order order, struct strbuf *out);

/*
 * Members of an object: 1 and *out, 0 if absent or null, -1 if of another
 * kind ("settings.open must be true or false, not a string"). path may walk
 * through objects: "settings.open". Strings are borrowed from obj.
 */
int json_get_str(const json_t *obj, const char *path, const char **out,
		 struct err *e);
int json_get_int(const json_t *obj, const char *path, int64_t *out,
		 struct err *e);
int json_get_bool(const json_t *obj, const char *path, bool *out,
		  struct err *e);
int json_get_object(const json_t *obj, const char *path, json_t **out,
		    struct err *e);
int json_get_array(const json_t *obj, const char *path, json_t **out,
		   struct err *e);

/* The same where absence is an error: 0, or -1 ("name is missing"). */
int json_need_str(const json_t *obj, const char *path, const char **out,
		  struct err *e);
int json_need_int(const json_t *obj, const char *path, int64_t *out,
		  struct err *e);
int json_need_bool(const json_t *obj, const char *path, bool *out,
		   struct err *e);

/* Writers that never fail; a NULL text gives null, bad UTF-8 is replaced. */
void json_put_str(json_t *obj, const char *key, const char *text);
void json_put_span(json_t *obj, const char *key, struct span text);
void json_put_int(json_t *obj, const char *key, int64_t value);
void json_put_bool(json_t *obj, const char *key, bool value);

/* Takes value. */
void json_put(json_t *obj, const char *key, json_t *value);

#endif
