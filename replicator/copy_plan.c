#include "replicator/copy_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/vault_content.h"

/* Smaller ones cost less whole than their signature and a round trip. */
#define DELTA_MIN (128 * 1024)
#define RESUME_MIN (1024 * 1024)

void
copy_diff(const struct manifest *old, const struct manifest *to,
	  struct copy_diff *out)
{
	*out = (struct copy_diff){ 0 };
	out->settings = strcmp(old->settings.sha256, to->settings.sha256) != 0;
	for (size_t i = 0; i < to->n; i++) {
		const struct manifest_entry *f = &to->files[i];
		const struct manifest_entry *was = manifest_find(old, f->path);

		if (was == NULL)
			out->added++;
		else if (strcmp(was->sha256, f->sha256) != 0 ||
			 was->mode != f->mode)
			out->changed++;
		else
			continue;
		out->bytes += f->size;
	}
	for (size_t i = 0; i < old->n; i++)
		out->removed += manifest_find(to, old->files[i].path) == NULL;
}

static int
by_hash(const void *a, const void *b)
{
	const struct copy_need *x = a, *y = b;
	int order = strcmp(x->entry->sha256, y->entry->sha256);

	return order != 0 ? order
			  : (x->index > y->index) - (x->index < y->index);
}

static int
by_index(const void *a, const void *b)
{
	const struct copy_need *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* Each content once. */
static size_t
unique(struct copy_need *list, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(list, n, sizeof(*list), by_hash);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(list[kept - 1].entry->sha256,
					list[i].entry->sha256) != 0)
			list[kept++] = list[i];
	return kept;
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Given: the hashes that a manifest names, sorted. */
static const char **
hashes(const struct manifest *m)
{
	const char **list = mem_array(const char *, m->n + 1);

	for (size_t i = 0; i < m->n; i++)
		list[i] = m->files[i].sha256;
	list[m->n] = m->settings.sha256;
	qsort(list, m->n + 1, sizeof(*list), compare_text);
	return list;
}

static const struct manifest_entry *
find_basis(const struct vault *v, const struct manifest *old,
	   const struct manifest_entry *f)
{
	const struct manifest_entry *was;

	if (f->size < DELTA_MIN)
		return NULL;
	was = manifest_find(old, f->path);
	return was != NULL && was->size >= DELTA_MIN && vault_has(v, was, false)
		   ? was
		   : NULL;
}

/* What is not here, each once, by hash. */
static struct copy_need *
missing(const struct vault *v, const struct manifest *old,
	const struct manifest *to, bool deep, size_t *count)
{
	struct copy_need *list = mem_array(struct copy_need, to->n + 1);
	const char **known = hashes(old);
	size_t n, kept = 0;

	for (size_t i = 0; i <= to->n; i++)
		list[i] = (struct copy_need){
			.index = (uint32_t)i,
			.entry = i == 0 ? &to->settings : &to->files[i - 1],
		};
	n = unique(list, to->n + 1);
	for (size_t i = 0; i < n; i++) {
		const char *hash = list[i].entry->sha256;
		bool trusted = bsearch(&hash, known, old->n + 1, sizeof(*known),
				       compare_text) != NULL;

		if (!vault_has(v, list[i].entry, deep || !trusted))
			list[kept++] = list[i];
	}
	mem_free(known);
	qsort(list, kept, sizeof(*list), by_index);
	*count = kept;
	return list;
}

struct copy_plan *
copy_plan_new(const struct vault *v, const struct manifest *old,
	      const struct manifest *to, bool deep)
{
	struct copy_plan *p = mem_new(struct copy_plan);
	size_t n;
	struct copy_need *list = missing(v, old, to, deep, &n);

	p->bulk = mem_array(struct copy_need, n + 1);
	p->single = mem_array(struct copy_need, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct copy_need *need = &list[i];

		need->basis = find_basis(v, old, need->entry);
		if (need->entry->size >= RESUME_MIN || need->basis != NULL)
			need->have = vault_partial(v, need->entry->sha256);
		if (need->have > need->entry->size)
			need->have = 0;
		p->bytes += need->entry->size - need->have;
		if (need->basis != NULL || need->have > 0)
			p->single[p->nsingle++] = *need;
		else
			p->bulk[p->nbulk++] = *need;
	}
	mem_free(list);
	return p;
}

void
copy_plan_free(struct copy_plan **pp)
{
	struct copy_plan *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	mem_free(p->bulk);
	mem_free(p->single);
	mem_free(p);
}

json_t *
copy_plan_want(const struct copy_plan *p, size_t first, size_t max,
	       size_t *next)
{
	json_t *list = json_array();
	size_t i = first;

	while (i < p->nbulk && json_array_size(list) < max) {
		uint32_t from = p->bulk[i].index, last = from;

		for (i++; i < p->nbulk && p->bulk[i].index == last + 1; i++)
			last++;
		json_array_append_new(list,
				      json_pack("[i,i]", (int)from, (int)last));
	}
	*next = i;
	return list;
}
