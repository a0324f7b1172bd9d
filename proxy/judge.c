#include "proxy/judge.h"

#include <assert.h>

static const char *const verdict_names[] = { "unknown", "whole", "partial",
					     "split", "dead" };
static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) ==
		  JUDGE_DEAD + 1,
	      "one name for each verdict");

static const char *const level_names[] = { "unknown", "ok", "down" };
static_assert(sizeof(level_names) / sizeof(level_names[0]) ==
		  JUDGE_LEVEL_DOWN + 1,
	      "one name for each level");

enum judge_verdict
judge_site(const struct judge_site *s)
{
	bool rooms = s->collab == JUDGE_LEVEL_OK && s->rooms > 0;

	if (s->web == JUDGE_LEVEL_DOWN || s->db == JUDGE_LEVEL_DOWN)
		return rooms ? JUDGE_SPLIT : JUDGE_DEAD;
	if (s->web == JUDGE_LEVEL_UNKNOWN || s->db == JUDGE_LEVEL_UNKNOWN ||
	    s->collab == JUDGE_LEVEL_UNKNOWN)
		return JUDGE_UNKNOWN;
	if (s->collab == JUDGE_LEVEL_OK && s->files != JUDGE_LEVEL_DOWN)
		return JUDGE_WHOLE;
	return JUDGE_PARTIAL;
}

bool
judge_serves(enum judge_verdict v)
{
	return v == JUDGE_WHOLE || v == JUDGE_PARTIAL;
}

bool
judge_failed(enum judge_verdict v)
{
	return v == JUDGE_SPLIT || v == JUDGE_DEAD;
}

void
judge_count(struct judge_run *run, struct judge_counts c, bool ok)
{
	assert(c.rise > 0 && c.fall > 0);
	run->length = run->length > 0 && run->ok == ok ? run->length + 1 : 1;
	run->ok = ok;
	if (run->length >= (ok ? c.rise : c.fall))
		run->level = ok ? JUDGE_LEVEL_OK : JUDGE_LEVEL_DOWN;
}

bool
judge_wavers(const struct judge_run *run, struct judge_counts c)
{
	return run->length > 0 && (!run->ok || run->length < c.rise);
}

const char *
judge_name(enum judge_verdict v)
{
	return verdict_names[v];
}

const char *
judge_level_name(enum judge_level l)
{
	return level_names[l];
}
