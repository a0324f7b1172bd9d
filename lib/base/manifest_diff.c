#include "base/manifest_diff.h"

#include <string.h>

#include "base/mem.h"

#define FIRST "gsb-manifest-diff 1"

static bool
same_entry(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return a->mode == b->mode && a->size == b->size &&
	       strcmp(a->sha256, b->sha256) == 0;
}

/* A manifest with to's head; its files are borrowed, room for n. */
static struct manifest *
sketch(const struct manifest *head, size_t n)
{
	struct manifest *m = manifest_new();

	m->version = head->version;
	m->made_us = head->made_us;
	m->override_reason = head->override_reason;
	m->settings = head->settings;
	m->files = mem_array(struct manifest_entry, n + 1);
	return m;
}

void
manifest_diff(const struct manifest *old, const struct manifest *to,
	      struct strbuf *out)
{
	struct manifest *part = sketch(to, to->n);
	STRBUF_AUTO gone = { 0 };
	size_t ngone = 0;

	for (size_t i = 0; i < to->n; i++) {
		const struct manifest_entry *was = manifest_find(
		    old, to->files[i].path);

		if (was == NULL || !same_entry(was, &to->files[i]))
			part->files[part->n++] = to->files[i];
	}
	for (size_t i = 0; i < old->n; i++) {
		if (manifest_find(to, old->files[i].path) != NULL)
			continue;
		strbuf_adds(&gone, old->files[i].path);
		strbuf_addc(&gone, '\n');
		ngone++;
	}
	strbuf_addf(out, FIRST "\ngone %zu\n", ngone);
	strbuf_add_span(out, strbuf_span(&gone));
	manifest_write(part, out);
	manifest_free(&part);
}

/* --- putting it together --------------------------------------------------
 */

/* Every line ends with a newline. */
static bool
next_line(struct span *rest, struct span *line)
{
	return span_find(*rest, '\n') >= 0 && span_cut(rest, '\n', line);
}

/* The paths that are gone stay in *gone; *rest is the manifest behind. */
static int
read_gone(struct span *rest, struct span *gone, struct err *e)
{
	struct span line, word;
	int64_t n;

	if (!next_line(rest, &line) || !span_is(line, FIRST))
		return err_set(e, ERR_INVALID, "line 1 must be \"" FIRST "\"");
	if (!next_line(rest, &line) || !span_cut(&line, ' ', &word) ||
	    !span_is(word, "gone") || span_to_i64(line, &n) < 0 || n < 0)
		return err_set(e, ERR_INVALID, "line 2 must be \"gone COUNT\"");
	*gone = *rest;
	for (int64_t i = 0; i < n; i++)
		if (!next_line(rest, &line))
			return err_set(e, ERR_INVALID,
				       "it ends among the paths that are gone");
	gone->len -= rest->len;
	return 0;
}

/* old without the gone ones, and part's over it: both are sorted. */
static int
merge(const struct manifest *old, const struct manifest *part, struct span gone,
      struct manifest *to, struct err *e)
{
	struct span line = { 0 };
	bool some = next_line(&gone, &line);
	size_t i = 0, j = 0;

	while (i < old->n || j < part->n) {
		int order = i == old->n    ? 1
			    : j == part->n ? -1
					   : strcmp(old->files[i].path,
						    part->files[j].path);

		if (order < 0 && some && span_is(line, old->files[i].path))
			some = next_line(&gone, &line);
		else
			to->files[to->n++] = order < 0 ? old->files[i]
						       : part->files[j];
		i += order <= 0;
		j += order >= 0;
	}
	if (!some)
		return 0;
	return err_set(e, ERR_INVALID,
		       "a path is gone that was not there, or out of order");
}

struct manifest *
manifest_patch(const struct manifest *old, struct span diff, struct err *e)
{
	struct span rest = diff, gone;
	struct manifest *part, *sum, *to = NULL;
	STRBUF_AUTO text = { 0 };

	if (read_gone(&rest, &gone, e) < 0)
		return NULL;
	part = manifest_parse(rest, e);
	if (part == NULL)
		return NULL;
	sum = sketch(part, old->n + part->n);
	if (merge(old, part, gone, sum, e) == 0) {
		manifest_write(sum, &text);
		to = manifest_parse(strbuf_span(&text), e);
	}
	manifest_free(&part);
	manifest_free(&sum);
	return to;
}
