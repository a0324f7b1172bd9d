/*
 * Two readings: the first takes every line and then checks what belongs
 * together; what it finds wrong there is told by the second, when it stands
 * at the line that is to blame.
 */
#include "replicator/tables.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/log.h"
#include "replicator/tables_check.h"

#define NAMES_MAX 128

struct reading {
	struct tables *tables;
	struct table_decl *table; /* of the section that is read */
	size_t seq;               /* calls so far */
};

static int on_key(void *ctx, const char *section, const char *key,
		  const char *value, struct err *e);
static int on_again(void *ctx, const char *section, const char *key,
		    const char *value, struct err *e);

int
names_find(const struct names *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i], name) == 0)
			return (int)i;
	return -1;
}

static struct tables *
tables_new(const char *path)
{
	struct arena *arena = arena_new();
	struct tables *t = arena_make(arena, struct tables);

	t->arena = arena;
	t->path = arena_strdup(arena, path);
	return t;
}

void
tables_free(struct tables **tp)
{
	struct tables *t = *tp;
	struct arena *arena;

	*tp = NULL;
	if (t == NULL)
		return;
	arena = t->arena;
	arena_free(&arena);
}

typedef int read_fn(const void *from, const char *name, conf_fn *fn, void *ctx,
		    struct err *e);

static struct tables *
tables_make(read_fn *reader, const void *from, const char *name, struct err *e)
{
	struct tables *t = tables_new(name);
	struct reading r = { .tables = t };
	struct blame b = { 0 };

	if (reader(from, name, on_key, &r, e) != 0)
		goto fail;
	if (t->n == 0) {
		err_set(e, ERR_INVALID,
			"%s: no table; write [table NAME] and key = COLUMN",
			name);
		goto fail;
	}
	if (tables_check(t, &b) == 0)
		return t;
	if (reader(from, name, on_again, &b, e) == 0)
		*e = b.err; /* the file has changed in between */
fail:
	tables_free(&t);
	return NULL;
}

static int
read_file(const void *from, const char *name, conf_fn *fn, void *ctx,
	  struct err *e)
{
	return conf_read(name, fn, ctx, e);
}

static int
read_text(const void *from, const char *name, conf_fn *fn, void *ctx,
	  struct err *e)
{
	const struct span *text = from;

	return conf_read_text(name, *text, fn, ctx, e);
}

static int64_t
changed_ns(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	return st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
}

struct tables *
tables_load(const char *path, struct err *e)
{
	int64_t at = changed_ns(path);
	struct tables *t = tables_make(read_file, NULL, path, e);

	if (t != NULL)
		t->changed_ns = at;
	return t;
}

bool
tables_are_old(const struct tables *t)
{
	return changed_ns(t->path) != t->changed_ns;
}

struct tables *
tables_read(const char *name, struct span text, struct err *e)
{
	return tables_make(read_text, &text, name, e);
}

const struct tables *
tables_again(struct tables **held, const struct tables *first)
{
	struct err e;
	struct tables *fresh = tables_load(first->path, &e);

	if (fresh != NULL) {
		tables_free(held);
		*held = fresh;
	} else {
		log_error("tables", "why=\"%s; what was read before stands\"",
			  err_text(&e));
	}
	return *held != NULL ? *held : first;
}

/* Arrays grow by copying: files are small and read once. */
static void *
grown(struct arena *a, const void *from, size_t n, size_t size)
{
	char *to = arena_calloc(a, n + 1, size);

	if (n > 0)
		memcpy(to, from, n * size);
	return to;
}

#define GROW(arena, list, n) \
	((list) = grown((arena), (list), (n), sizeof(*(list))), &(list)[(n)++])

static bool
is_name(struct span s)
{
	if (s.len == 0 || s.len > 63 || (s.at[0] >= '0' && s.at[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (!(c == '_' || (c >= '0' && c <= '9') ||
		      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c >= 0x80))
			return false;
	}
	return true;
}

static int
names_add(struct arena *a, struct names *to, struct span name, struct err *e)
{
	const char *text;

	if (!is_name(name))
		return err_set(e, ERR_INVALID,
			       "\"%.*s\" is no column name; letters, digits "
			       "and _ up to 63",
			       SPAN_ARG(name));
	text = arena_span(a, name);
	if (names_find(to, text) >= 0)
		return err_set(e, ERR_INVALID, "%s is named twice", text);
	if (to->n == NAMES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d columns", NAMES_MAX);
	*GROW(a, to->at, to->n) = text;
	return 0;
}

/* "a, b, c" */
static int
read_names(struct arena *a, struct names *to, const char *value, struct err *e)
{
	struct span rest = span_of(value), part;

	while (span_cut(&rest, ',', &part))
		if (names_add(a, to, span_trim(part), e) != 0)
			return -1;
	if (to->n == 0)
		return err_set(e, ERR_INVALID,
			       "no column; name one or several with commas");
	return 0;
}

/* "name" or "schema.name" */
static bool
cut_table(struct span text, struct span *schema, struct span *name)
{
	*schema = span_of("public");
	*name = span_trim(text);
	if (span_find(*name, '.') >= 0)
		(void)span_cut(name, '.', schema);
	return is_name(*name) && is_name(*schema);
}

static int
read_section(struct reading *r, const char *section, struct err *e)
{
	struct tables *t = r->tables;
	struct span name = span_of(section), schema;
	struct table_decl *d;

	if (!span_starts(name, "table "))
		return err_set(e, ERR_INVALID,
			       "section [%s] is unknown; write [table NAME]",
			       section);
	if (!cut_table(span_skip(name, strlen("table ")), &schema, &name))
		return err_set(e, ERR_INVALID,
			       "[%s] names no table; write [table NAME] or "
			       "[table SCHEMA.NAME]",
			       section);
	for (size_t i = 0; i < t->n; i++)
		if (span_is(name, t->list[i].name) &&
		    span_is(schema, t->list[i].schema))
			return err_set(e, ERR_INVALID,
				       "table %.*s is declared twice",
				       SPAN_ARG(name));
	d = GROW(t->arena, t->list, t->n);
	d->schema = arena_span(t->arena, schema);
	d->name = arena_span(t->arena, name);
	d->seq = r->seq;
	r->table = d;
	return 0;
}

static struct group_decl *
group_find(struct table_decl *d, const char *name)
{
	for (size_t i = 0; i < d->ngroups; i++)
		if (strcmp(d->groups[i].name, name) == 0)
			return &d->groups[i];
	return NULL;
}

static struct unique_decl *
unique_find(struct table_decl *d, const char *name)
{
	for (size_t i = 0; i < d->nuniques; i++)
		if (strcmp(d->uniques[i].name, name) == 0)
			return &d->uniques[i];
	return NULL;
}

/* group.NAME may stand behind max.NAME, so either makes the group. */
static struct group_decl *
group_make(struct reading *r, const char *name)
{
	struct arena *a = r->tables->arena;
	struct group_decl *g = group_find(r->table, name);

	if (g == NULL) {
		g = GROW(a, r->table->groups, r->table->ngroups);
		g->name = arena_strdup(a, name);
	}
	return g;
}

static int
read_group(struct reading *r, const char *name, const char *value,
	   struct err *e)
{
	struct group_decl *g = group_make(r, name);

	if (g->columns.n > 0)
		return err_set(e, ERR_INVALID, "group.%s is given twice", name);
	g->seq = r->seq;
	return read_names(r->tables->arena, &g->columns, value, e);
}

/* "column" or "column(lowest < ... < highest)" */
static int
read_rank(struct arena *a, struct rank_decl *to, struct span text,
	  struct err *e)
{
	struct names column = { 0 };
	struct span name, part;

	if (span_find(text, '(') < 0) {
		name = text;
		text = (struct span){ 0 };
	} else {
		(void)span_cut(&text, '(', &name);
		if (!span_ends(text, ")"))
			return err_set(e, ERR_INVALID,
				       "no \")\" at the end of the labels");
		text.len--;
	}
	if (names_add(a, &column, span_trim(name), e) != 0)
		return -1;
	to->column = column.at[0];
	while (span_cut(&text, '<', &part)) {
		part = span_trim(part);
		if (part.len == 0 || span_find(part, '(') >= 0)
			return err_set(e, ERR_INVALID,
				       "labels of %s: write them as "
				       "(lowest < ... < highest)",
				       to->column);
		*GROW(a, to->labels.at, to->labels.n) = arena_span(a, part);
	}
	return 0;
}

static int
read_max(struct reading *r, const char *name, const char *value, struct err *e)
{
	struct arena *a = r->tables->arena;
	struct group_decl *g = group_make(r, name);
	struct span rest = span_of(value), part;

	if (g->nranks > 0)
		return err_set(e, ERR_INVALID, "max.%s is given twice", name);
	g->max_seq = r->seq;
	while (span_cut(&rest, ',', &part))
		if (read_rank(a, GROW(a, g->ranks, g->nranks), span_trim(part),
			      e) != 0)
			return -1;
	if (g->nranks == 0)
		return err_set(e, ERR_INVALID, "max.%s names no column", name);
	return 0;
}

static struct unique_decl *
unique_make(struct reading *r, const char *name)
{
	struct arena *a = r->tables->arena;
	struct unique_decl *u = unique_find(r->table, name);

	if (u == NULL) {
		u = GROW(a, r->table->uniques, r->table->nuniques);
		u->name = arena_strdup(a, name);
		u->seq = r->seq;
	}
	return u;
}

static int
read_unique(struct reading *r, const char *name, const char *value,
	    struct err *e)
{
	struct unique_decl *u = unique_make(r, name);

	if (u->value != NULL)
		return err_set(e, ERR_INVALID, "unique.%s is given twice",
			       name);
	if (read_names(r->tables->arena, &u->scope, value, e) != 0)
		return -1;
	u->value = u->scope.at[--u->scope.n]; /* the last one */
	u->seq = r->seq;
	return 0;
}

static int
read_fold(struct reading *r, const char *name, const char *value, struct err *e)
{
	struct unique_decl *u = unique_make(r, name);

	if (strcmp(value, "lower") != 0)
		return err_set(e, ERR_INVALID,
			       "fold.%s: \"%s\" is unknown; \"lower\" is what "
			       "there is",
			       name, value);
	u->fold = true;
	return 0;
}

/* ref.NAME = column, table */
static int
read_ref(struct reading *r, const char *name, const char *value, struct err *e)
{
	struct arena *a = r->tables->arena;
	struct span rest = span_of(value), column, schema, table;

	(void)span_cut(&rest, ',', &column);
	column = span_trim(column);
	if (!is_name(column) || !cut_table(rest, &schema, &table))
		return err_set(e, ERR_INVALID,
			       "ref.%s wants a column and the table whose key "
			       "it holds: ref.%s = host_id, account",
			       name, name);
	*GROW(a, r->table->refs, r->table->nrefs) = (struct ref_decl){
		.name = arena_strdup(a, name),
		.column = arena_span(a, column),
		.target = arena_printf(a, "%.*s.%.*s", SPAN_ARG(schema),
				       SPAN_ARG(table)),
		.seq = r->seq,
	};
	return 0;
}

/* quiet = group, group */
static int
read_quiet(struct reading *r, const char *value, struct err *e)
{
	struct names names = { 0 };

	if (read_names(r->tables->arena, &names, value, e) != 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct group_decl *g = group_make(r, names.at[i]);

		g->quiet = true;
		if (g->seq == 0)
			g->max_seq = r->seq;
	}
	return 0;
}

static int
on_key(void *ctx, const char *section, const char *key, const char *value,
       struct err *e)
{
	static const struct {
		const char *prefix;
		int (*read)(struct reading *r, const char *name,
			    const char *value, struct err *e);
	} kinds[] = {
		{ "group.", read_group },   { "max.", read_max },
		{ "unique.", read_unique }, { "fold.", read_fold },
		{ "ref.", read_ref },
	};
	struct reading *r = ctx;

	r->seq++;
	if (key == NULL)
		return read_section(r, section, e);
	if (r->table == NULL)
		return err_set(e, ERR_INVALID,
			       "\"%s\" stands before any [table NAME]", key);
	if (strcmp(key, "key") == 0)
		return r->table->key.n > 0
			   ? err_set(e, ERR_INVALID, "key is given twice")
			   : read_names(r->tables->arena, &r->table->key, value,
					e);
	if (strcmp(key, "quiet") == 0)
		return read_quiet(r, value, e);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(key, kinds[i].prefix, len) != 0)
			continue;
		if (!is_name(span_of(key + len)) || strlen(key + len) > 40)
			return err_set(e, ERR_INVALID,
				       "\"%s\": the name after the dot is "
				       "letters, digits and _ up to 40",
				       key);
		return kinds[i].read(r, key + len, value, e);
	}
	return err_set(e, ERR_INVALID,
		       "\"%s\" is unknown; key, group.NAME, max.NAME, "
		       "unique.NAME, fold.NAME, ref.NAME, quiet",
		       key);
}

static int
on_again(void *ctx, const char *section, const char *key, const char *value,
	 struct err *e)
{
	struct blame *b = ctx;

	if (--b->seq > 0)
		return 0;
	*e = b->err;
	return -1;
}
