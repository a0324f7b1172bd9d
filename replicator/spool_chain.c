#include "replicator/spool_chain.h"

#include <string.h>

#include "base/mem.h"

void
spool_chain_fini(struct spool_chain *c)
{
	mem_free(c->at);
	*c = (struct spool_chain){ 0 };
}

void
spool_chain_add(struct spool_chain *c, uint64_t from, uint64_t end)
{
	struct spool_stretch *last = c->n > 0 ? &c->at[c->n - 1] : NULL;

	if (last != NULL && from <= last->end) {
		if (end > last->end)
			last->end = end;
		return;
	}
	if (c->n == c->cap) {
		size_t more = c->cap > 0 ? 2 * c->cap : 4;

		c->at = mem_resize(c->at, c->cap * sizeof(*c->at),
				   more * sizeof(*c->at));
		c->cap = more;
	}
	c->at[c->n++] = (struct spool_stretch){ from, end };
}

uint64_t
spool_chain_reach(const struct spool_chain *c, uint64_t lsn)
{
	for (size_t i = 0; i < c->n && c->at[i].from <= lsn; i++)
		if (c->at[i].end > lsn)
			lsn = c->at[i].end;
	return lsn;
}

void
spool_chain_release(struct spool_chain *c, uint64_t lsn)
{
	size_t gone = 0;

	while (gone < c->n && c->at[gone].end <= lsn)
		gone++;
	if (gone == 0)
		return;
	c->n -= gone;
	memmove(c->at, c->at + gone, c->n * sizeof(*c->at));
}

void
spool_chain_cut(struct spool_chain *c, uint64_t lsn)
{
	while (c->n > 0 && c->at[c->n - 1].from >= lsn)
		c->n--;
	if (c->n > 0 && c->at[c->n - 1].end > lsn)
		c->at[c->n - 1].end = lsn;
}
