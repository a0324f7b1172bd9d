#include "site/template.h"

#include <assert.h>

#define DEPTH_MAX 16

/* Values that names are looked up in, the innermost last. */
struct scope {
	const json_t *at[DEPTH_MAX];
	unsigned n;
	template_find *find;
	void *ctx;
	struct strbuf *out;
};

struct tag {
	struct span before; /* text up to it */
	char kind;          /* '#' '^' '/' '>' or 0: a value */
	struct span name;
};

static void render(struct scope *s, struct span text);
static void section(struct scope *s, const struct tag *t, struct span inner);
static void put_value(const json_t *v, struct strbuf *out);

void
template_render(struct span text, const json_t *data, template_find *find,
		void *ctx, struct strbuf *out)
{
	struct scope s = { .n = 1, .find = find, .ctx = ctx, .out = out };

	s.at[0] = data;
	render(&s, text);
}

void
template_escape(struct span text, struct strbuf *out)
{
	static const char *const names[256] = {
		['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
		['"'] = "&quot;", ['\''] = "&#39;",
	};

	for (size_t i = 0; i < text.len; i++) {
		const char *name = names[(unsigned char)text.at[i]];

		if (name != NULL)
			strbuf_adds(out, name);
		else
			strbuf_addc(out, text.at[i]);
	}
}

/* Takes what stands before the next tag, and the tag, from *rest. */
static bool
next_tag(struct span *rest, struct tag *t)
{
	const char *open = NULL, *close;
	size_t len;

	if (rest->len > 0)
		open = memmem(rest->at, rest->len, "{{", 2);
	if (open == NULL)
		return false;
	len = (size_t)(open - rest->at);
	close = memmem(open, rest->len - len, "}}", 2);
	assert(close != NULL);
	t->before = span_make(rest->at, len);
	t->name = span_make(open + 2, (size_t)(close - open) - 2);
	t->kind = 0;
	assert(t->name.len > 0);
	if (strchr("#^/>", t->name.at[0]) != NULL) {
		t->kind = t->name.at[0];
		t->name = span_skip(t->name, 1);
	}
	*rest = span_skip(*rest, (size_t)(close - rest->at) + 2);
	return true;
}

/* What stands up to the tag that ends this section; rest is behind it. */
static struct span
take_inner(struct span *rest, const struct tag *opened)
{
	const char *from = rest->at;
	unsigned depth = 1;
	struct tag t;

	while (next_tag(rest, &t)) {
		if (!span_eq(t.name, opened->name))
			continue;
		depth += t.kind == '#' || t.kind == '^';
		depth -= t.kind == '/';
		if (depth == 0)
			return span_make(
			    from, (size_t)(t.before.at + t.before.len - from));
	}
	assert(!"a section of a template does not end");
	return (struct span){ 0 };
}

static const json_t *
look_up(const struct scope *s, struct span name)
{
	char key[64];

	assert(span_copy(name, key, sizeof(key)));
	if (span_is(name, "."))
		return s->at[s->n - 1];
	for (unsigned i = s->n; i-- > 0;) {
		const json_t *v = json_object_get(s->at[i], key);

		if (v != NULL)
			return v;
	}
	return NULL;
}

static void
render(struct scope *s, struct span text)
{
	struct tag t;

	while (next_tag(&text, &t)) {
		strbuf_add_span(s->out, t.before);
		if (t.kind == '#' || t.kind == '^') {
			section(s, &t, take_inner(&text, &t));
		} else if (t.kind == '>') {
			struct span other = s->find(s->ctx, t.name);

			assert(other.at != NULL);
			render(s, other);
		} else {
			assert(t.kind == 0);
			put_value(look_up(s, t.name), s->out);
		}
	}
	strbuf_add_span(s->out, text);
}

static bool
is_there(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_OBJECT:
	case JSON_TRUE:
	case JSON_INTEGER:
	case JSON_REAL:
		return true;
	}
	return false;
}

static void
once(struct scope *s, const json_t *v, struct span inner)
{
	assert(s->n < DEPTH_MAX);
	s->at[s->n++] = v;
	render(s, inner);
	s->n--;
}

static void
section(struct scope *s, const struct tag *t, struct span inner)
{
	const json_t *v = look_up(s, t->name);
	bool there = v != NULL && is_there(v);

	if (t->kind == '^') {
		if (!there)
			render(s, inner);
		return;
	}
	if (!there)
		return;
	if (!json_is_array(v)) {
		once(s, v, inner);
		return;
	}
	for (size_t i = 0; i < json_array_size(v); i++)
		once(s, json_array_get(v, i), inner);
}

static void
put_value(const json_t *v, struct strbuf *out)
{
	if (json_is_string(v))
		template_escape(
		    span_make(json_string_value(v), json_string_length(v)),
		    out);
	else if (json_is_integer(v))
		strbuf_addf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		strbuf_adds(out, json_is_true(v) ? "true" : "false");
}
