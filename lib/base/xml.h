/*
 * XML in (expat, no namespaces, into an arena) and out (escaping writer).
 * Names compare by their local part, ASCII letters without case: clients
 * send undeclared prefixes, other prefixes, and other cases.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

struct xml_limits {
	size_t bytes;
	unsigned depth;
	unsigned elements;
	unsigned attrs; /* of one element */
};
#define XML_LIMITS_DEFAULT ((struct xml_limits){ 1 << 20, 64, 20000, 64 })

struct xml_attr {
	const char *name;   /* local */
	const char *prefix; /* "" if none */
	const char *value;
};

/* All of it lives in the arena. Text is UTF-8. */
struct xml_node {
	const char *name;   /* local */
	const char *prefix; /* "" if none */
	const char *text;   /* all character data directly in it, trimmed */
	const struct xml_attr *attrs;
	size_t nattrs;
	struct xml_node *parent;
	struct xml_node *first; /* child */
	struct xml_node *next;  /* sibling */
	unsigned line;
};

/*
 * The root, or NULL. White space and a BOM before "<?xml" are accepted;
 * encodings UTF-8, US-ASCII and ISO-8859-1. Refused: a doctype, what is not
 * well-formed, what is beyond the limits. Errors give line and column.
 */
struct xml_node *xml_parse(struct span text, const struct xml_limits *limits,
			   struct arena *arena, struct err *e)
    __attribute__((warn_unused_result));

/* First child of that local name; next sibling of it. NULL: none, node may
 * be NULL. */
struct xml_node *xml_child(const struct xml_node *node, const char *name);
struct xml_node *xml_next(const struct xml_node *node, const char *name);

/* By "/"-separated local names: xml_path(root, "header/securityContext"). */
struct xml_node *xml_path(const struct xml_node *node, const char *path);

/* "" for NULL. An empty element counts as absent in xml_child_text: NULL. */
const char *xml_text(const struct xml_node *node);
const char *xml_child_text(const struct xml_node *node, const char *name);
const char *xml_attr(const struct xml_node *node, const char *name);

/*
 * Writer. Names are the caller's constants and written as they are. Text may
 * be any bytes: & < > " ' are escaped; invalid UTF-8 and characters that XML
 * forbids become U+FFFD; CR becomes &#13;.
 */
void xml_start(struct strbuf *sb); /* <?xml version="1.0" ...?> */
void xml_open(struct strbuf *sb, const char *name);

/* attrs: name, value, name, value, ..., NULL */
void xml_open_attrs(struct strbuf *sb, const char *name,
		    const char *const *attrs);
void xml_close(struct strbuf *sb, const char *name);

/* A NULL or empty text gives <name/>. */
void xml_leaf(struct strbuf *sb, const char *name, const char *text);
void xml_leaf_int(struct strbuf *sb, const char *name, long long value);
void xml_escape(struct strbuf *sb, struct span text);

#endif
