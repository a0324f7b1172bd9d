#include <inttypes.h>
#include <string.h>

#include "gsbctl/show.h"
#include "gsbctl/words.h"

static const char *
hue_of(const struct show *s, const char *kind)
{
	if (!s->color)
		return "";
	if (strcmp(kind, "alarm") == 0)
		return "\033[31m";
	if (strcmp(kind, "transition") == 0)
		return "\033[1m";
	if (strcmp(kind, "order") == 0)
		return "\033[36m";
	return "";
}

void
show_event(const struct show *s, const json_t *e)
{
	const char *kind = words_str(e, "kind", "?");
	const char *hue = hue_of(s, kind);

	fprintf(s->to, "%6" PRId64 "  %s  %-10s %s%s%s\n", words_int(e, "id"),
		words_str(e, "at", "?"), kind, hue, words_str(e, "text", ""),
		hue[0] != '\0' ? "\033[0m" : "");
}

struct place {
	FILE *to;
	const char *before; /* each line */
	const char *between;
	char path[256];
};

static void
leaf(const struct place *p, const json_t *value)
{
	fprintf(p->to, "%s%s%s", p->before, p->path, p->between);
	switch (json_typeof(value)) {
	case JSON_STRING:
		for (const char *c = json_string_value(value); *c != '\0'; c++)
			fputc(*c == '\t' || *c == '\n' ? ' ' : *c, p->to);
		break;
	case JSON_INTEGER:
		fprintf(p->to, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		fprintf(p->to, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		fputs("true", p->to);
		break;
	case JSON_FALSE:
		fputs("false", p->to);
		break;
	case JSON_NULL:
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
	fputc('\n', p->to);
}

static void walk(struct place *p, const json_t *value);

static void
walk_member(struct place *p, const char *name, const json_t *value)
{
	size_t len = strlen(p->path);

	snprintf(p->path + len, sizeof(p->path) - len, "%s%s",
		 len > 0 ? "." : "", name);
	walk(p, value);
	p->path[len] = '\0';
}

/* As deep as json_read lets a document be. */
static void
walk(struct place *p, const json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;
	char index[24];

	if (json_is_object(value)) {
		json_object_foreach((json_t *)(uintptr_t)value, name, member)
		    walk_member(p, name, member);
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, member)
		{
			snprintf(index, sizeof(index), "%zu", i);
			walk_member(p, index, member);
		}
	} else {
		leaf(p, value);
	}
}

void
show_tsv(FILE *to, const json_t *doc)
{
	struct place p = { .to = to, .before = "", .between = "\t" };

	walk(&p, doc);
}

void
show_explain(const struct show *s, const json_t *e)
{
	struct place p = { .to = s->to, .before = "    ", .between = " = " };
	const json_t *inputs = json_object_get(e, "inputs");

	show_event(s, e);
	if (words_str(e, "event", NULL) != NULL)
		fprintf(s->to,
			"\n  in %s came \"%s\": %s\n  done: %s, now %s\n",
			words_str(e, "from", "?"), words_str(e, "event", "?"),
			words_str(e, "why", "?"), words_str(e, "action", "?"),
			words_str(e, "to", "?"));
	if (words_str(e, "note", "")[0] != '\0')
		fprintf(s->to, "  behind it: %s\n", words_str(e, "note", ""));
	if (inputs == NULL)
		return;
	fputs("\n  what was known:\n", s->to);
	walk(&p, inputs);
}

void
show_json(FILE *to, const json_t *doc)
{
	json_dumpf(doc, to, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', to);
}
