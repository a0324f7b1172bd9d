/*
 *  IDLE --due--> CONNECTING --> ASKING --gsb.heal--> HEALING --> VERIFYING
 *   ^                               '------- else ----------------^   |
 *   '------------- end of the pass, or a failure: back-off -----------'
 */
#include "replicator/heal_inner.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"

/* a first proof soon after the start */
#define FIRST_MS 60000
#define BEHIND_MS 500
#define RETRY ((struct retry_conf){ 500, 30000 })

static const char *const state_names[] = { "idle",    "connecting", "asking",
					   "healing", "verifying",  "writing" };
static_assert(sizeof(state_names) / sizeof(state_names[0]) == HEAL_WRITING + 1,
	      "one name for each state");

static void on_due(void *ctx);

const char *
heal_state_name(enum heal_state s)
{
	return state_names[s];
}

/* A list with the names of all that is declared, and no figures yet. */
static struct heal_table *
named_tables(const struct tables *t)
{
	struct heal_table *list = mem_array(struct heal_table, t->n + 1);

	list[0].rel = mem_strdup(digest_tombstones()->rel);
	for (size_t i = 0; i < t->n; i++)
		list[i + 1].rel = mem_printf("%s.%s", t->list[i].schema,
					     t->list[i].name);
	return list;
}

static size_t
find_table(const struct heal_table *list, size_t n, const char *rel)
{
	size_t i = 0;

	while (i < n && strcmp(list[i].rel, rel) != 0)
		i++;
	return i;
}

static void
free_tables(struct heal_table *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		mem_free((void *)list[i].rel);
		mem_free((void *)list[i].failure);
	}
	mem_free(list);
}

/* adopt and release may have come between: what stays keeps its figures. */
void
heal_learn(struct heal *h)
{
	struct heal_table *was = h->tables;
	size_t nwas = h->ntables;

	h->decls = tables_again(&h->read, h->decls);
	h->ntables = h->decls->n + 1;
	h->tables = named_tables(h->decls);
	for (size_t i = 0; i < h->ntables; i++) {
		size_t at = find_table(was, nwas, h->tables[i].rel);
		struct heal_table is = h->tables[i];

		if (at == nwas)
			continue;
		h->tables[i] = was[at];
		was[at] = is;
	}
	free_tables(was, nwas);
}

struct heal *
heal_new(const struct heal_conf *conf)
{
	struct heal *h = mem_new(struct heal);

	h->conf = *conf;
	h->conf.local = mem_strdup(conf->local);
	h->conf.peer = mem_strdup(conf->peer);
	h->conf.site = mem_strdup(conf->site);
	h->conf.peer_site = mem_strdup(conf->peer_site);
	/* a replicator that was killed while it healed goes on */
	h->healing = true;
	h->why = mem_strdup("start");
	h->decls = conf->tables;
	h->ntables = h->decls->n + 1;
	h->tables = named_tables(h->decls);
	return h;
}

void
heal_free(struct heal **hp)
{
	struct heal *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	timer_cancel(&h->timer);
	heal_pass_free(h);
	free_tables(h->tables, h->ntables);
	tables_free(&h->read);
	mem_free(h->why);
	mem_free(h->since);
	mem_free(h->demand);
	mem_free((void *)h->conf.local);
	mem_free((void *)h->conf.peer);
	mem_free((void *)h->conf.site);
	mem_free((void *)h->conf.peer_site);
	mem_free(h);
}

void
heal_set_state(struct heal *h, enum heal_state to, const char *why)
{
	if (h->state != to)
		log_state("heal", "from=%s to=%s why=\"%s\"",
			  state_names[h->state], state_names[to], why);
	h->state = to;
	h->conf.on_change(h->conf.ctx);
}

bool
heal_is_due(const struct heal *h)
{
	return h->conf.interval_ms > 0 && clock_mono_ms() >= h->due_ms;
}

/* When the next pass may begin; only IDLE has a timer. */
static void
plan(struct heal *h)
{
	int64_t now = clock_mono_ms(), at = h->due_ms;

	timer_cancel(&h->timer);
	if (!h->go || h->state != HEAL_IDLE)
		return;
	if (h->healing || h->demanded)
		at = now +
		     retry_wait_ms(&RETRY, h->failures, crypto_random_u32());
	else if (h->conf.interval_ms == 0)
		return;
	h->timer = timer_start(at > now ? (uint64_t)(at - now) : 0, on_due, h);
}

static void
on_due(void *ctx)
{
	struct heal *h = ctx;

	h->timer = NULL;
	if (!h->healing && !h->demanded && h->conf.is_behind(h->conf.ctx))
		h->timer = timer_start(BEHIND_MS, on_due, h);
	else
		heal_pass_begin(h);
}

void
heal_end_pass(struct heal *h, const struct err *err)
{
	char quoted[512];

	if (h->running_demand && err == NULL) {
		mem_free(h->demand);
		h->demand = NULL;
	}
	h->demanded = h->demanded || (h->running_demand && err != NULL);
	heal_pass_free(h);
	if (err != NULL) {
		h->failure = *err;
		h->failures++;
		log_warn("heal", "why=%s",
			 log_quote(quoted, sizeof(quoted), err_text(err)));
	} else {
		err_clear(&h->failure);
		h->failures = 0;
		h->total.passes++;
	}
	h->due_ms = clock_mono_ms() + h->conf.interval_ms;
	heal_set_state(h, HEAL_IDLE, err != NULL ? "it broke off" : "done");
	plan(h);
}

void
heal_rest(struct heal *h)
{
	heal_pass_free(h);
	h->failures = 0;
	heal_set_state(h, HEAL_IDLE, "nothing to do");
	plan(h);
}

void
heal_go(struct heal *h, bool go)
{
	int64_t soon = FIRST_MS;

	if (go == h->go)
		return;
	h->go = go;
	if (h->due_ms == 0) {
		if (h->conf.interval_ms < soon)
			soon = h->conf.interval_ms;
		h->due_ms = clock_mono_ms() + soon;
	}
	plan(h);
}

void
heal_set_interval(struct heal *h, int64_t interval_ms)
{
	if (interval_ms == h->conf.interval_ms)
		return;
	h->conf.interval_ms = interval_ms;
	h->due_ms = clock_mono_ms() + interval_ms;
	plan(h);
}

void
heal_want(struct heal *h, const char *why)
{
	h->healing = true;
	h->total.incidents++;
	mem_free(h->why);
	h->why = mem_strdup(why);
	h->failures = 0;
	if (h->state != HEAL_IDLE)
		heal_pass_free(h); /* it began before: not worth its end */
	heal_set_state(h, HEAL_IDLE, why);
	plan(h);
}

/* The next pass will, even if it was declared a moment ago. */
static bool
knows(const struct heal *h, const char *rel)
{
	struct tables *read = NULL;
	const struct tables *now = tables_again(&read, h->decls);
	struct heal_table *list = named_tables(now);
	bool found = find_table(list, now->n + 1, rel) <= now->n;

	free_tables(list, now->n + 1);
	tables_free(&read);
	return found;
}

int
heal_verify(struct heal *h, const char *rel, struct err *e)
{
	if (rel != NULL && !knows(h, rel))
		return err_set(e, ERR_NOT_FOUND,
			       "%s is not a replicated table; they are named "
			       "SCHEMA.TABLE, such as %s",
			       rel, h->tables[h->ntables - 1].rel);
	mem_free(h->demand);
	h->demand = mem_strdup(rel);
	h->demanded = true;
	h->failures = 0;
	if (h->state == HEAL_VERIFYING && !h->running_demand) {
		heal_pass_free(h); /* in the background: it makes way */
		heal_set_state(h, HEAL_IDLE, "a demand");
	}
	plan(h);
	return 0;
}

void
heal_status(const struct heal *h, struct heal_status *out)
{
	struct digest_progress p = { 0 };

	*out = h->total;
	out->state = h->state;
	out->healing = h->healing;
	out->demanded = h->demanded || h->running_demand;
	out->why = h->why;
	out->tables = h->tables;
	out->n = h->ntables;
	out->failure = h->failure.code != ERR_NONE ? err_text(&h->failure)
						   : NULL;
	if (h->digest != NULL) {
		digest_progress(h->digest, &p);
		out->table = h->tables[h->at].rel;
		out->rows = p.rows;
		out->estimated = p.estimated;
		out->tries = h->tries;
	}
	out->oldest_us = h->tables[0].verified_us;
	for (size_t i = 1; i < h->ntables; i++)
		if (h->tables[i].verified_us < out->oldest_us)
			out->oldest_us = h->tables[i].verified_us;
}
