/*
 * XML elements <-> columns, by tables in schema order: the same rows read a
 * request into an object of columns (store.h) and write an object of columns
 * as a response. Pure.
 *
 * A row's path is relative to the operation's element: "schedule/duration".
 * Its column may be a member of a JSON column: "telephony.tollFree" is member
 * "tollFree" of column "telephony", "extra.options.x" is member "options.x"
 * of column "extra". An object of values has the columns as its members,
 * JSON columns as objects.
 */
#ifndef SITE_XMLAPI_MAP_H
#define SITE_XMLAPI_MAP_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/xml.h"

enum xmlapi_kind {
	XMLAPI_TEXT, /* max: characters */
	XMLAPI_INT,  /* min, max */
	XMLAPI_BOOL,
	XMLAPI_WORD,  /* one of words, read in any case */
	XMLAPI_DATE,  /* kept as "MM/DD/YYYY HH:MM:SS" */
	XMLAPI_TEXTS, /* any number of them: an array */
	XMLAPI_INTS,
	XMLAPI_WORDS,
	XMLAPI_OUT, /* written only; its value may be any scalar */
	XMLAPI_RAW, /* written only; its value is a text of elements */
	XMLAPI_END, /* behind the last row */
};

struct xmlapi_map {
	const char *path;
	enum xmlapi_kind kind;
	const char *column;
	int64_t min;
	int64_t max;
	const char *const *words; /* up to a NULL */
	const char *prefix;       /* of the leaf; NULL: the operation's */
};

/*
 * Adds what is present below node to fields (columns, JSON columns as
 * objects). An empty element counts as absent. -1: the text names the
 * element and what would be right.
 */
int xmlapi_map_read(const struct xmlapi_map *rows, const struct xml_node *node,
		    json_t *fields, struct err *e)
    __attribute__((warn_unused_result));

/* Writes the rows that have a value; prefix: "meet". */
void xmlapi_map_write(const struct xmlapi_map *rows, const char *prefix,
		      const json_t *values, struct strbuf *out);

/* Sets a value: column "telephony.tollFree" in an object of columns. Takes
 * value. */
void xmlapi_map_put(json_t *fields, const char *column, json_t *value);

/* A whole JSON column, as its text (NULL: it is not there). */
void xmlapi_map_put_json(json_t *values, const char *column, const char *text);

/* A value that was set, or NULL. */
const json_t *xmlapi_map_get(const json_t *values, const char *column);

#endif
