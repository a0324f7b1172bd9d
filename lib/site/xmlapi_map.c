#include "site/xmlapi_map.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "site/xmlvalue.h"

#define DEPTH 4
#define NAME_SIZE 96

static int read_value(const struct xmlapi_map *row, const char *text,
		      json_t **out, struct err *e);
static int read_word(const struct xmlapi_map *row, const char *text,
		     json_t **out, struct err *e);
static int read_date(const struct xmlapi_map *row, const char *text,
		     json_t **out, struct err *e);
static int read_text(const struct xmlapi_map *row, const char *text,
		     json_t **out, struct err *e);
static int read_list(const struct xmlapi_map *row, const struct xml_node *first,
		     json_t **out, struct err *e);
static bool is_list(enum xmlapi_kind kind);
static void write_value(const struct xmlapi_map *row, const char *prefix,
			const json_t *value, struct strbuf *out);
static void write_leaf(const char *name, const json_t *value,
		       struct strbuf *out);

/* The containers that are open while writing: "schedule", ... */
struct nesting {
	const char *prefix;
	struct strbuf *out;
	unsigned n;
	struct span names[DEPTH]; /* of the paths */
};

static void nest(struct nesting *open, const char *path);
static const char *qualify(const char *prefix, struct span name,
			   char out[static NAME_SIZE]);

/* Rows of one JSON column stand together: the last one that was looked up. */
struct lookup {
	const json_t *values;
	struct span column;
	const json_t *object; /* NULL: it is not there */
};

static const json_t *look_up(struct lookup *l, const char *column);

int
xmlapi_map_read(const struct xmlapi_map *rows, const struct xml_node *node,
		json_t *fields, struct err *e)
{
	for (const struct xmlapi_map *row = rows; row->kind != XMLAPI_END;
	     row++) {
		const struct xml_node *leaf;
		json_t *value;

		if (row->kind == XMLAPI_OUT || row->kind == XMLAPI_RAW)
			continue;
		leaf = xml_path(node, row->path);
		if (leaf == NULL || leaf->text[0] == '\0')
			continue;
		if (is_list(row->kind)
			? read_list(row, leaf, &value, e) < 0
			: read_value(row, leaf->text, &value, e) < 0)
			return -1;
		xmlapi_map_put(fields, row->column, value);
	}
	return 0;
}

static int
read_value(const struct xmlapi_map *row, const char *text, json_t **out,
	   struct err *e)
{
	struct xmlvalue_range range = { row->min, row->max };
	int64_t number;
	bool yes = false;

	switch (row->kind) {
	case XMLAPI_INT:
	case XMLAPI_INTS:
		if (xmlvalue_int(text, row->path, range, &number, e) < 0)
			return -1;
		*out = json_integer(number);
		return 0;
	case XMLAPI_BOOL:
		if (xmlvalue_bool(text, row->path, &yes, e) < 0)
			return -1;
		*out = json_boolean(yes);
		return 0;
	case XMLAPI_WORD:
	case XMLAPI_WORDS:
		return read_word(row, text, out, e);
	case XMLAPI_DATE:
		return read_date(row, text, out, e);
	default:
		return read_text(row, text, out, e);
	}
}

static int
read_word(const struct xmlapi_map *row, const char *text, json_t **out,
	  struct err *e)
{
	const char *word = NULL;

	if (xmlvalue_word(text, row->path, row->words, &word, e) < 0)
		return -1;
	*out = json_string(word);
	return 0;
}

static int
read_date(const struct xmlapi_map *row, const char *text, json_t **out,
	  struct err *e)
{
	struct clock_civil c;

	if (xmlvalue_date(text, row->path, &c, e) < 0)
		return -1;
	*out = json_sprintf("%02u/%02u/%04u %02u:%02u:%02u", c.month, c.day,
			    (unsigned)c.year, c.hour, c.minute, c.second);
	return 0;
}

static int
read_text(const struct xmlapi_map *row, const char *text, json_t **out,
	  struct err *e)
{
	if (xmlvalue_characters(text) > (size_t)row->max)
		return err_set(e, ERR_INVALID,
			       "validation: %s is longer than %lld characters",
			       row->path, (long long)row->max);
	*out = json_string(text);
	return 0;
}

static int
read_list(const struct xmlapi_map *row, const struct xml_node *first,
	  json_t **out, struct err *e)
{
	const char *slash = strrchr(row->path, '/');
	const char *name = slash != NULL ? slash + 1 : row->path;
	json_t *value;

	*out = json_array();
	for (const struct xml_node *n = first; n != NULL;
	     n = xml_next(n, name)) {
		if (n->text[0] == '\0')
			continue;
		if (read_value(row, n->text, &value, e) < 0) {
			json_decref(*out);
			return -1;
		}
		json_array_append_new(*out, value);
	}
	return 0;
}

static bool
is_list(enum xmlapi_kind kind)
{
	return kind == XMLAPI_TEXTS || kind == XMLAPI_INTS ||
	       kind == XMLAPI_WORDS;
}

void
xmlapi_map_put(json_t *fields, const char *column, json_t *value)
{
	const char *dot = strchr(column, '.');
	char name[64];
	json_t *object;

	if (dot == NULL) {
		json_put(fields, column, value);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(dot - column), column);
	object = json_object_get(fields, name);
	if (object == NULL) {
		object = json_object();
		json_put(fields, name, object);
	}
	json_put(object, dot + 1, value);
}

void
xmlapi_map_put_json(json_t *values, const char *column, const char *text)
{
	bool some = text != NULL && strcmp(text, "{}") != 0;
	json_t *all = some ? json_read(span_of(text), NULL) : NULL;

	if (json_is_object(all) || json_is_array(all))
		json_put(values, column, all);
	else
		json_decref(all);
}

const json_t *
xmlapi_map_get(const json_t *values, const char *column)
{
	struct lookup l = { .values = values };

	return look_up(&l, column);
}

static bool
is_of(const struct lookup *l, const char *column)
{
	return l->column.len > 0 &&
	       strncmp(column, l->column.at, l->column.len) == 0 &&
	       column[l->column.len] == '.';
}

static const json_t *
look_up(struct lookup *l, const char *column)
{
	const char *dot;

	if (!is_of(l, column)) {
		dot = strchr(column, '.');
		if (dot == NULL)
			return json_object_get(l->values, column);
		l->column = span_make(column, (size_t)(dot - column));
		l->object = json_object_getn(l->values, l->column.at,
					     l->column.len);
	}
	/* libjansson would hash the name even then */
	if (json_object_size(l->object) == 0)
		return NULL;
	return json_object_get(l->object, column + l->column.len + 1);
}

void
xmlapi_map_write(const struct xmlapi_map *rows, const char *prefix,
		 const json_t *values, struct strbuf *out)
{
	struct nesting open = { .prefix = prefix, .out = out };
	struct lookup lookup = { .values = values };

	for (const struct xmlapi_map *row = rows; row->kind != XMLAPI_END;
	     row++) {
		const json_t *value = look_up(&lookup, row->column);

		if (value == NULL || json_is_null(value))
			continue;
		if (json_is_array(value) && json_array_size(value) == 0)
			continue;
		nest(&open, row->path);
		write_value(row, prefix, value, out);
	}
	nest(&open, "");
}

/* "meet:schedule" */
static const char *
qualify(const char *prefix, struct span name, char out[static NAME_SIZE])
{
	size_t n = strlen(prefix);

	assert(n + 1 + name.len < NAME_SIZE);
	memcpy(out, prefix, n);
	out[n++] = ':';
	memcpy(out + n, name.at, name.len);
	out[n + name.len] = '\0';
	return out;
}

/* Closes and opens containers until those of the path are open. */
static void
nest(struct nesting *open, const char *path)
{
	struct span rest = span_of(path), name;
	char text[NAME_SIZE];
	unsigned same = 0;
	ptrdiff_t slash;

	while ((slash = span_find(rest, '/')) >= 0 && same < open->n) {
		name = span_make(rest.at, (size_t)slash);
		if (!span_eq(name, open->names[same]))
			break;
		same++;
		rest = span_skip(rest, name.len + 1);
	}
	while (open->n > same) {
		name = open->names[--open->n];
		xml_close(open->out, qualify(open->prefix, name, text));
	}
	while ((slash = span_find(rest, '/')) >= 0) {
		assert(open->n < DEPTH);
		name = span_make(rest.at, (size_t)slash);
		open->names[open->n++] = name;
		xml_open(open->out, qualify(open->prefix, name, text));
		rest = span_skip(rest, name.len + 1);
	}
}

static void
write_value(const struct xmlapi_map *row, const char *prefix,
	    const json_t *value, struct strbuf *out)
{
	const char *slash = strrchr(row->path, '/');
	struct span leaf = span_of(slash != NULL ? slash + 1 : row->path);
	char name[NAME_SIZE];

	qualify(row->prefix != NULL ? row->prefix : prefix, leaf, name);
	if (row->kind == XMLAPI_RAW) {
		xml_open(out, name);
		strbuf_adds(out, json_string_value(value));
		xml_close(out, name);
		return;
	}
	if (!json_is_array(value)) {
		write_leaf(name, value, out);
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		write_leaf(name, json_array_get(value, i), out);
}

static void
write_leaf(const char *name, const json_t *value, struct strbuf *out)
{
	if (json_is_integer(value))
		xml_leaf_int(out, name, json_integer_value(value));
	else if (json_is_boolean(value))
		xml_leaf(out, name, json_is_true(value) ? "true" : "false");
	else if (json_is_string(value))
		xml_leaf(out, name, json_string_value(value));
}
