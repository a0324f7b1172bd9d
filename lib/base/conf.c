#include "base/conf.h"

#include <assert.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/strbuf.h"

struct load {
	const struct conf_key *keys;
	size_t nkeys;
	char *out;
	struct arena *arena;
	bool *seen; /* by key, in the file */
};

static int on_entry(void *ctx, const char *section, const char *key,
		    const char *value, struct err *e);
static int set(struct load *l, const struct conf_key *k, const char *value,
	       struct err *e);
static int set_override(struct load *l, const char *text, bool *given,
			struct err *e);
static const char *nearest(const struct load *l, const char *section,
			   const char *name);

static int
set_defaults(struct load *l, struct err *e)
{
	for (size_t i = 0; i < l->nkeys; i++) {
		const struct conf_key *k = &l->keys[i];

		if (k->def != NULL && set(l, k, k->def, e) < 0)
			return err_prefix(e, "default of %s.%s", k->section,
					  k->key);
	}
	return 0;
}

static int
check_required(const struct load *l, const char *path, const bool *given,
	       struct err *e)
{
	for (size_t i = 0; i < l->nkeys; i++) {
		const struct conf_key *k = &l->keys[i];

		if (k->def == NULL && !l->seen[i] && !given[i])
			return err_set(e, ERR_INVALID,
				       "%s: key %s is missing in [%s]: %s",
				       path != NULL ? path : "configuration",
				       k->key, k->section, k->help);
	}
	return 0;
}

static int
load(struct load *l, const struct conf_source *from, bool *given, struct err *e)
{
	if (set_defaults(l, e) < 0)
		return -1;
	if (from->path != NULL && conf_read(from->path, on_entry, l, e) < 0)
		return -1;
	for (size_t i = 0; from->overrides && from->overrides[i]; i++)
		if (set_override(l, from->overrides[i], given, e) < 0)
			return err_prefix(e, "override %s", from->overrides[i]);
	return check_required(l, from->path, given, e);
}

int
conf_load(const struct conf_source *from, const struct conf_key *keys,
	  size_t nkeys, void *out, struct arena *arena, struct err *e)
{
	struct load l = { keys, nkeys, out, arena, mem_array(bool, nkeys) };
	bool *given = mem_array(bool, nkeys);
	int rc = load(&l, from, given, e);

	mem_free(given);
	mem_free(l.seen);
	return rc;
}

static const struct conf_key *
find(const struct load *l, struct span section, struct span key)
{
	for (size_t i = 0; i < l->nkeys; i++)
		if (span_is(section, l->keys[i].section) &&
		    (key.at == NULL || span_is(key, l->keys[i].key)))
			return &l->keys[i];
	return NULL;
}

static int
unknown(const struct load *l, const char *section, const char *key,
	struct err *e)
{
	const char *near = nearest(l, key != NULL ? section : NULL,
				   key != NULL ? key : section);

	if (key == NULL)
		return err_set(e, ERR_INVALID,
			       "unknown section [%s]; did you mean [%s]?",
			       section, near);
	return err_set(e, ERR_INVALID,
		       "unknown key %s in [%s]; did you mean %s?", key, section,
		       near);
}

static int
on_entry(void *ctx, const char *section, const char *key, const char *value,
	 struct err *e)
{
	struct load *l = ctx;
	const struct conf_key *k = find(l, span_of(section), span_of(key));

	if (k == NULL)
		return unknown(l, section, key, e);
	if (key == NULL)
		return 0;
	if (l->seen[k - l->keys])
		return err_set(e, ERR_INVALID, "%s occurs twice in [%s]", key,
			       section);
	l->seen[k - l->keys] = true;
	if (set(l, k, value, e) < 0)
		return err_prefix(e, "%s", key);
	return 0;
}

static int
set_override(struct load *l, const char *text, bool *given, struct err *e)
{
	struct span rest = span_of(text);
	char section[64], key[64];
	struct span s, k;
	const struct conf_key *to;

	if (!span_cut(&rest, '.', &s) || !span_cut(&rest, '=', &k) ||
	    rest.at == NULL || !span_copy(s, section, sizeof(section)) ||
	    !span_copy(k, key, sizeof(key)))
		return err_set(e, ERR_INVALID, "is not section.key=value");
	to = find(l, s, k);
	if (to == NULL)
		return unknown(l, section,
			       find(l, s, span_of(NULL)) ? key : NULL, e);
	given[to - l->keys] = true;
	return set(l, to, rest.at, e);
}

static int
bounded(const struct conf_key *k, int64_t value, struct err *e)
{
	if ((k->min == 0 && k->max == 0) ||
	    (value >= k->min && value <= k->max))
		return 0;
	return err_set(e, ERR_INVALID,
		       "%" PRId64 " is out of range; it must be from %" PRId64
		       " to %" PRId64 "%s",
		       value, k->min, k->max,
		       k->kind == CONF_MS      ? " ms"
		       : k->kind == CONF_BYTES ? " bytes"
					       : "");
}

static int
set_number(char *at, const struct conf_key *k, const char *text, struct err *e)
{
	int64_t value;

	if (k->kind == CONF_MS && conf_parse_ms(text, &value, e) < 0)
		return -1;
	if (k->kind == CONF_BYTES && conf_parse_bytes(text, &value, e) < 0)
		return -1;
	if (k->kind == CONF_INT && span_to_i64(span_of(text), &value) < 0)
		return err_set(e, ERR_INVALID, "\"%s\" is not a whole number",
			       text);
	if (bounded(k, value, e) < 0)
		return -1;
	memcpy(at, &value, sizeof(value));
	return 0;
}

static int
set_enum(char *at, const struct conf_key *k, const char *text, struct err *e)
{
	STRBUF_AUTO all = { 0 };

	for (int i = 0; k->names[i] != NULL; i++) {
		if (strcmp(text, k->names[i]) == 0) {
			memcpy(at, &i, sizeof(i));
			return 0;
		}
		strbuf_addf(&all, "%s%s", i > 0 ? ", " : "", k->names[i]);
	}
	return err_set(e, ERR_INVALID, "\"%s\" is none of %s", text,
		       strbuf_text(&all));
}

static int
set(struct load *l, const struct conf_key *k, const char *text, struct err *e)
{
	char *at = l->out + k->offset;
	const char *copy;
	bool on;

	switch (k->kind) {
	case CONF_STRING:
		copy = arena_strdup(l->arena, text);
		memcpy(at, &copy, sizeof(copy));
		return 0;
	case CONF_BOOL:
		if (conf_parse_bool(text, &on, e) < 0)
			return -1;
		memcpy(at, &on, sizeof(on));
		return 0;
	case CONF_INT:
	case CONF_MS:
	case CONF_BYTES:
		return set_number(at, k, text, e);
	case CONF_ENUM:
		return set_enum(at, k, text, e);
	}
	assert(!"a kind");
	return -1;
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance (insert, delete, replace); names are short. */
static unsigned
distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	unsigned row[MAX + 1];
	size_t nb = strnlen(b, MAX);

	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < nb; j++) {
			unsigned above = row[j + 1];

			row[j + 1] = min3(above + 1, row[j] + 1,
					  diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[nb];
}

/* The closest key of the section, or with NULL the closest section. */
static const char *
nearest(const struct load *l, const char *section, const char *name)
{
	const char *best = "";
	unsigned least = ~0U;

	for (size_t i = 0; i < l->nkeys; i++) {
		const struct conf_key *k = &l->keys[i];
		const char *is = section != NULL ? k->key : k->section;
		unsigned d;

		if (section != NULL && strcmp(k->section, section) != 0)
			continue;
		d = distance(name, is);
		if (d < least) {
			least = d;
			best = is;
		}
	}
	return best;
}

static void
print_key(FILE *to, const struct conf_key *k)
{
	fprintf(to, "\n; %s\n", k->help);
	if (k->kind == CONF_ENUM) {
		fputs("; one of:", to);
		for (int i = 0; k->names[i] != NULL; i++)
			fprintf(to, " %s", k->names[i]);
		fputc('\n', to);
	}
	if (k->def == NULL)
		fprintf(to, "; required\n;%s =\n", k->key);
	else
		fprintf(to, ";%s = %s\n", k->key, k->def);
}

void
conf_print_sample(FILE *to, const struct conf_key *keys, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++) {
		if (i == 0 || strcmp(keys[i].section, keys[i - 1].section))
			fprintf(to, "%s[%s]\n", i > 0 ? "\n" : "",
				keys[i].section);
		print_key(to, &keys[i]);
	}
}
