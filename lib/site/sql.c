#include "site/sql.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static unsigned bind(struct sql *q, struct pgparam value);
static void glue(struct sql *q);
static void add_orders(const struct sql_page *page, struct strbuf *out);

void
sql_fini(struct sql *q)
{
	strbuf_fini(&q->where);
}

void
sql_test(struct sql *q, const char *test, struct pgparam value)
{
	unsigned number;

	if (value.kind == PGPARAM_NULL)
		return;
	number = bind(q, value);
	glue(q);
	for (; *test != '\0'; test++) {
		strbuf_addc(&q->where, *test);
		if (*test == '$' && !isdigit((unsigned char)test[1]))
			strbuf_addf(&q->where, "%u", number);
	}
}

void
sql_plain(struct sql *q, const char *test)
{
	glue(q);
	strbuf_adds(&q->where, test);
}

static unsigned
bind(struct sql *q, struct pgparam value)
{
	assert(q->n < SQL_PARAMS_MAX);
	q->params[q->n++] = value;
	return q->n;
}

static void
glue(struct sql *q)
{
	if (q->where.len > 0 && !q->fresh)
		strbuf_adds(&q->where, q->glue != NULL ? q->glue : " AND ");
	q->fresh = false;
}

void
sql_open(struct sql *q, const char *glue_with)
{
	q->opened = q->where.len;
	strbuf_adds(&q->where, q->where.len > 0 ? " AND (" : "(");
	q->glue = glue_with;
	q->fresh = true;
}

void
sql_close(struct sql *q)
{
	if (q->fresh)
		strbuf_cut(&q->where, q->opened);
	else
		strbuf_addc(&q->where, ')');
	q->fresh = false;
	q->glue = NULL;
}

void
sql_add_page(struct sql *q, const struct sql_page *page, struct pgbatch *b)
{
	STRBUF_AUTO text = { 0 };

	strbuf_addf(&text, "SELECT %s", page->columns);
	if (page->counted != NULL)
		strbuf_addf(&text, ", (SELECT count(*) FROM %s WHERE %s)",
			    page->counted, strbuf_text(&q->where));
	strbuf_addf(&text, " FROM %s WHERE %s ORDER BY ", page->from,
		    strbuf_text(&q->where));
	add_orders(page, &text);
	strbuf_addf(&text, "%s OFFSET $%u::bigint", page->last,
		    bind(q, pgparam_int(page->skip)));
	strbuf_addf(&text, " LIMIT $%u::bigint",
		    bind(q, pgparam_int(page->max)));
	pgbatch_add_once(b, strbuf_text(&text), q->n, q->params);
}

static void
add_orders(const struct sql_page *page, struct strbuf *out)
{
	for (unsigned i = 0; i < SQL_ORDERS; i++) {
		const char *word = page->words[i];
		bool down = word != NULL && word[0] == '-';

		if (word == NULL)
			continue;
		for (const struct sql_order *o = page->orders; o->word != NULL;
		     o++)
			if (strcmp(o->word, word + down) == 0)
				strbuf_addf(out, "%s%s, ", o->by,
					    down ? " DESC" : "");
	}
}
