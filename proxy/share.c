#include "proxy/share.h"

/* Below so few answers a share says nothing. */
#define ANSWERS_MIN 20
#define HIGH_PERMILLE 50
#define LOW_PERMILLE 10

bool
share_count(struct share *s, uint64_t answers, uint64_t failed, int64_t now_ms)
{
	bool was = s->high;

	if (s->since_ms != 0 && now_ms - s->since_ms < SHARE_WINDOW_MS)
		return false;
	s->seen = s->since_ms != 0 ? answers - s->answers : 0;
	s->permille = s->seen > 0
			  ? (unsigned)((failed - s->failed) * 1000 / s->seen)
			  : 0;
	s->since_ms = now_ms;
	s->answers = answers;
	s->failed = failed;
	if (s->seen >= ANSWERS_MIN && s->permille >= HIGH_PERMILLE)
		s->high = true;
	else if (s->permille < LOW_PERMILLE)
		s->high = false;
	return s->high != was;
}
