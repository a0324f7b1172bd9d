#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"

enum { DEPTH_MAX = 32 };

/* Levels of nesting; jansson's own bound (2048) is not settable. */
static int
check_depth(struct span text, struct err *e)
{
	unsigned depth = 0, line = 1;
	bool in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '\n')
			line++;
		if (c == '"')
			in_string = !in_string;
		else if (in_string)
			i += c == '\\';
		else if (c == '{' || c == '[')
			depth++;
		else if (depth > 0 && (c == '}' || c == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return err_set(e, ERR_LIMIT,
				       "JSON: line %u: nested deeper than "
				       "%d levels",
				       line, DEPTH_MAX);
	}
	return 0;
}

json_t *
json_read(struct span text, struct err *e)
{
	json_error_t je;
	json_t *j;

	if (check_depth(text, e) < 0)
		return NULL;
	j = json_loadb(text.len > 0 ? text.at : "", text.len,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (j == NULL)
		err_set(e, ERR_INVALID, "JSON: line %d column %d: %s", je.line,
			je.column, je.text);
	return j;
}

static int
on_piece(const char *piece, size_t size, void *ctx)
{
	struct strbuf *out = ctx;

	strbuf_add(out, piece, size);
	return 0;
}

void
json_write(const json_t *j, enum json_order order, struct strbuf *out)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	int rc;

	if (order == JSON_SORTED)
		flags |= JSON_SORT_KEYS;
	rc = json_dump_callback(j, on_piece, out, flags);
	assert(rc == 0);
}

static const char *
kind_name(const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

/* 1 and *out, 0 absent or null, -1 a step of the path is not an object. */
static int
walk(const json_t *obj, const char *path, json_t **out, struct err *e)
{
	struct span rest = span_of(path);
	const json_t *at = obj;
	struct span part;

	while (span_cut(&rest, '.', &part)) {
		if (!json_is_object(at) && at == obj)
			return err_set(e, ERR_INVALID,
				       "%s: stands in %s, not in an object",
				       path, obj ? kind_name(obj) : "nothing");
		if (!json_is_object(at))
			return err_set(
			    e, ERR_INVALID, "%.*s must be an object, not %s",
			    (int)(part.at - path - 1), path, kind_name(at));
		at = json_object_getn(at, part.at, part.len);
		if (at == NULL || json_is_null(at))
			return 0;
	}
	*out = (json_t *)at;
	return 1;
}

static int
wrong(const char *path, const char *right, const json_t *j, struct err *e)
{
	return err_set(e, ERR_INVALID, "%s must be %s, not %s", path, right,
		       kind_name(j));
}

int
json_get_str(const json_t *obj, const char *path, const char **out,
	     struct err *e)
{
	json_t *j;
	int rc = walk(obj, path, &j, e);

	if (rc <= 0)
		return rc;
	if (!json_is_string(j))
		return wrong(path, "a string", j, e);
	*out = json_string_value(j);
	return 1;
}

int
json_get_int(const json_t *obj, const char *path, int64_t *out, struct err *e)
{
	json_t *j;
	int rc = walk(obj, path, &j, e);

	if (rc <= 0)
		return rc;
	if (!json_is_integer(j))
		return wrong(path, "a whole number", j, e);
	*out = json_integer_value(j);
	return 1;
}

int
json_get_bool(const json_t *obj, const char *path, bool *out, struct err *e)
{
	json_t *j;
	int rc = walk(obj, path, &j, e);

	if (rc <= 0)
		return rc;
	if (!json_is_boolean(j))
		return wrong(path, "true or false", j, e);
	*out = json_is_true(j);
	return 1;
}

int
json_get_object(const json_t *obj, const char *path, json_t **out,
		struct err *e)
{
	json_t *j;
	int rc = walk(obj, path, &j, e);

	if (rc <= 0)
		return rc;
	if (!json_is_object(j))
		return wrong(path, "an object", j, e);
	*out = j;
	return 1;
}

int
json_get_array(const json_t *obj, const char *path, json_t **out, struct err *e)
{
	json_t *j;
	int rc = walk(obj, path, &j, e);

	if (rc <= 0)
		return rc;
	if (!json_is_array(j))
		return wrong(path, "an array", j, e);
	*out = j;
	return 1;
}

static int
need(int rc, const char *path, const char *right, struct err *e)
{
	if (rc == 0)
		return err_set(e, ERR_INVALID, "%s is missing; it must be %s",
			       path, right);
	return rc < 0 ? -1 : 0;
}

int
json_need_str(const json_t *obj, const char *path, const char **out,
	      struct err *e)
{
	return need(json_get_str(obj, path, out, e), path, "a string", e);
}

int
json_need_int(const json_t *obj, const char *path, int64_t *out, struct err *e)
{
	return need(json_get_int(obj, path, out, e), path, "a whole number", e);
}

int
json_need_bool(const json_t *obj, const char *path, bool *out, struct err *e)
{
	return need(json_get_bool(obj, path, out, e), path, "true or false", e);
}

void
json_put(json_t *obj, const char *key, json_t *value)
{
	int rc = json_object_set_new(obj, key, value);

	assert(rc == 0);
}

void
json_put_str(json_t *obj, const char *key, const char *text)
{
	if (text == NULL)
		json_put(obj, key, json_null());
	else
		json_put_span(obj, key, span_of(text));
}

void
json_put_span(json_t *obj, const char *key, struct span text)
{
	json_t *value = json_stringn(text.at, text.len); /* NULL: no UTF-8 */
	STRBUF_AUTO clean = { 0 };

	if (value == NULL) {
		utf8_clean(text, &clean);
		value = json_stringn(strbuf_text(&clean), clean.len);
	}
	json_put(obj, key, value);
}

void
json_put_int(json_t *obj, const char *key, int64_t value)
{
	json_put(obj, key, json_integer(value));
}

void
json_put_bool(json_t *obj, const char *key, bool value)
{
	json_put(obj, key, json_boolean(value));
}
