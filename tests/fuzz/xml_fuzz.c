/*
 * XML: whatever comes in gives a tree within the limits or an error with a
 * place; the tree's texts, written again, read the same; and any bytes can
 * be written as text.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "base/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xml_limits limits = { 65536, 16, 200, 8 };

static unsigned
check_tree(const struct xml_node *n, unsigned depth, struct arena *arena)
{
	STRBUF_AUTO sb = { 0 };
	struct xml_node *again;
	struct err e = { 0 };
	unsigned count = 1;

	assert(depth <= limits.depth && n->nattrs <= limits.attrs);
	assert(utf8_valid(span_of(n->text)) && n->name[0] != '\0');
	for (size_t i = 0; i < n->nattrs; i++)
		assert(utf8_valid(span_of(n->attrs[i].value)));
	xml_leaf(&sb, "a", n->text);
	again = xml_parse(strbuf_span(&sb), &XML_LIMITS_DEFAULT, arena, &e);
	assert(again != NULL && strcmp(again->text, n->text) == 0);
	for (const struct xml_node *c = n->first; c != NULL; c = c->next) {
		assert(c->parent == n);
		count += check_tree(c, depth + 1, arena);
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct arena *arena = arena_new();
	STRBUF_AUTO sb = { 0 };
	struct err e = { 0 };
	struct xml_node *n = xml_parse(in, &limits, arena, &e);

	if (n != NULL)
		assert(check_tree(n, 1, arena) <= limits.elements);
	else
		assert(span_starts(span_of(e.text), "XML: "));
	xml_open(&sb, "a");
	xml_escape(&sb, in);
	xml_close(&sb, "a");
	n = xml_parse(strbuf_span(&sb),
		      &(struct xml_limits){ 1 << 26, 2, 2, 1 }, arena, &e);
	assert(n != NULL);
	arena_free(&arena);
	return 0;
}
