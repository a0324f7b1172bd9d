#include "base/xml.h"

#include <assert.h>
#include <expat.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#define SPARE_BYTES 16384

struct reader {
	XML_Parser parser;
	const struct xml_limits *limits;
	struct arena *arena;
	struct err *e;
	bool failed;
	unsigned first_line; /* lines of white space before the document */
	unsigned elements;
	unsigned depth;
	struct xml_node *root;
	struct xml_node *open;  /* the innermost open element */
	struct xml_node **last; /* its last child, by depth */
	struct strbuf *text;    /* its text so far, by depth */
};

static void on_start(void *ctx, const char *name, const char **attrs);
static void on_text(void *ctx, const char *at, int len);
static void on_end(void *ctx, const char *name);
static void on_doctype(void *ctx, const char *name, const char *sysid,
		       const char *pubid, int has_internal);

/* Clients send blanks, line ends and a BOM before the declaration. */
static struct span
skip_lead(struct span text, unsigned *lines)
{
	for (;;) {
		if (span_starts(text, "\xef\xbb\xbf")) {
			text = span_skip(text, 3);
		} else if (text.len > 0 && strchr(" \t\r\n", text.at[0]) &&
			   text.at[0] != '\0') {
			*lines += text.at[0] == '\n';
			text = span_skip(text, 1);
		} else {
			return text;
		}
	}
}

static int
fail(struct reader *r, enum err_code code, const char *why)
{
	r->failed = true;
	return err_set(r->e, code, "XML: line %lu column %lu: %s",
		       XML_GetCurrentLineNumber(r->parser) + r->first_line,
		       XML_GetCurrentColumnNumber(r->parser) + 1, why);
}

/* Nobody outside can know it, so nobody makes names that collide; expat
 * would ask the kernel for one with every document. */
static unsigned long
salt(void)
{
	static _Atomic unsigned long made;
	unsigned long fresh;

	while (made == 0) {
		crypto_random(&fresh, sizeof(fresh));
		made = fresh;
	}
	return made;
}

/* One that nobody works with: making one takes as long as a document. */
static _Atomic(XML_Parser) spare;

static XML_Parser
take_parser(void)
{
	XML_Parser p = atomic_exchange(&spare, NULL);

	if (p == NULL)
		p = XML_ParserCreate(NULL);
	assert(p != NULL);
	return p;
}

/* A large document has made it large. */
static void
give_parser(XML_Parser p, size_t bytes)
{
	if (bytes <= SPARE_BYTES && XML_ParserReset(p, NULL) == XML_TRUE)
		p = atomic_exchange(&spare, p);
	XML_ParserFree(p);
}

static int
run(struct reader *r, struct span text)
{
	enum XML_Status rc;

	XML_SetHashSalt(r->parser, salt());
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	rc = XML_Parse(r->parser, text.at, (int)text.len, XML_TRUE);
	if (r->failed)
		return -1;
	if (rc != XML_STATUS_OK)
		return fail(r, ERR_INVALID,
			    XML_ErrorString(XML_GetErrorCode(r->parser)));
	return 0;
}

struct xml_node *
xml_parse(struct span text, const struct xml_limits *limits,
	  struct arena *arena, struct err *e)
{
	struct reader r = { .limits = limits, .arena = arena, .e = e };
	int rc;

	assert(limits->bytes <= INT_MAX && limits->depth > 0);
	if (text.len > limits->bytes) {
		err_set(e, ERR_LIMIT, "XML: %zu bytes; at most %zu are read",
			text.len, limits->bytes);
		return NULL;
	}
	text = skip_lead(text, &r.first_line);
	if (text.len == 0) {
		err_set(e, ERR_INVALID, "XML: the document is empty");
		return NULL;
	}
	r.parser = take_parser();
	r.last = mem_array(struct xml_node *, limits->depth + 1);
	r.text = mem_array(struct strbuf, limits->depth + 1);
	rc = run(&r, text);
	for (unsigned i = 0; i <= limits->depth; i++)
		strbuf_fini(&r.text[i]);
	mem_free(r.text);
	mem_free(r.last);
	give_parser(r.parser, text.len);
	return rc == 0 ? r.root : NULL;
}

static void
stop(struct reader *r, enum err_code code, const char *why)
{
	fail(r, code, why);
	XML_StopParser(r->parser, XML_FALSE);
}

/* "serv:header" is prefix serv and name header. */
static void
split_name(struct arena *arena, const char *full, const char **prefix,
	   const char **name)
{
	const char *colon = strchr(full, ':');

	*prefix = "";
	*name = arena_strdup(arena, full);
	if (colon == NULL || colon == full || colon[1] == '\0')
		return;
	*name += colon + 1 - full;
	*prefix = arena_strndup(arena, full, (size_t)(colon - full));
}

static void
copy_attrs(struct arena *arena, struct xml_node *node, const char **attrs,
	   size_t n)
{
	struct xml_attr *to = arena_array(arena, struct xml_attr, n);

	for (size_t i = 0; i < n; i++) {
		split_name(arena, attrs[2 * i], &to[i].prefix, &to[i].name);
		to[i].value = arena_strdup(arena, attrs[2 * i + 1]);
	}
	node->attrs = to;
	node->nattrs = n;
}

static void
link_node(struct reader *r, struct xml_node *node)
{
	node->parent = r->open;
	if (r->open == NULL)
		r->root = node;
	else if (r->last[r->depth] == NULL)
		r->open->first = node;
	else
		r->last[r->depth]->next = node;
	r->last[r->depth] = node;
	r->open = node;
}

static void
on_start(void *ctx, const char *name, const char **attrs)
{
	struct reader *r = ctx;
	struct xml_node *node;
	size_t n = 0;

	if (r->failed)
		return;
	while (attrs[2 * n] != NULL)
		n++;
	if (++r->elements > r->limits->elements)
		return stop(r, ERR_LIMIT, "too many elements");
	if (r->depth == r->limits->depth)
		return stop(r, ERR_LIMIT, "elements are nested too deep");
	if (n > r->limits->attrs)
		return stop(r, ERR_LIMIT, "too many attributes");
	node = arena_make(r->arena, struct xml_node);
	node->text = "";
	node->line = (unsigned)XML_GetCurrentLineNumber(r->parser) +
		     r->first_line;
	split_name(r->arena, name, &node->prefix, &node->name);
	copy_attrs(r->arena, node, attrs, n);
	link_node(r, node);
	r->depth++;
	r->last[r->depth] = NULL;
	strbuf_reset(&r->text[r->depth]);
}

static void
on_text(void *ctx, const char *at, int len)
{
	struct reader *r = ctx;

	if (!r->failed)
		strbuf_add(&r->text[r->depth], at, (size_t)len);
}

static void
on_end(void *ctx, const char *name)
{
	struct reader *r = ctx;
	struct span text;

	if (r->failed)
		return;
	text = span_trim(strbuf_span(&r->text[r->depth]));
	if (text.len > 0)
		r->open->text = arena_span(r->arena, text);
	r->open = r->open->parent;
	r->depth--;
}

static void
on_doctype(void *ctx, const char *name, const char *sysid, const char *pubid,
	   int has_internal)
{
	struct reader *r = ctx;

	if (!r->failed)
		stop(r, ERR_REFUSED,
		     "<!DOCTYPE is not accepted; send the document without it");
}

struct xml_node *
xml_child(const struct xml_node *node, const char *name)
{
	struct xml_node *c = node != NULL ? node->first : NULL;

	return c == NULL || span_iis(span_of(c->name), name)
		   ? c
		   : xml_next(c, name);
}

struct xml_node *
xml_next(const struct xml_node *node, const char *name)
{
	struct xml_node *c = node != NULL ? node->next : NULL;

	while (c != NULL && !span_iis(span_of(c->name), name))
		c = c->next;
	return c;
}

struct xml_node *
xml_path(const struct xml_node *node, const char *path)
{
	struct span rest = span_of(path);
	struct xml_node *at = (struct xml_node *)node;
	struct span part;

	while (at != NULL && span_cut(&rest, '/', &part)) {
		at = at->first;
		while (at != NULL && !span_ieq(span_of(at->name), part))
			at = at->next;
	}
	return at;
}

const char *
xml_text(const struct xml_node *node)
{
	return node != NULL ? node->text : "";
}

const char *
xml_child_text(const struct xml_node *node, const char *name)
{
	const char *text = xml_text(xml_child(node, name));

	return text[0] != '\0' ? text : NULL;
}

const char *
xml_attr(const struct xml_node *node, const char *name)
{
	for (size_t i = 0; node != NULL && i < node->nattrs; i++)
		if (span_iis(span_of(node->attrs[i].name), name))
			return node->attrs[i].value;
	return NULL;
}
