#include "replicator/lag.h"

#include <assert.h>

#define WINDOW_US 30000000

static const char *const names[] = { "sent", "received", "spooled", "applied",
				     "visible" };
static_assert(sizeof(names) / sizeof(names[0]) == LAG_STAGES,
	      "one name for each stage");

const char *
lag_stage_name(enum lag_stage s)
{
	return names[s];
}

/* 2^(bucket / 4) .. : the power, then the two bits below it. */
static unsigned
bucket_of(int64_t us)
{
	unsigned power = 0, b;

	if (us < 4)
		return us < 0 ? 0 : (unsigned)us;
	while (us >> (power + 1) != 0)
		power++;
	b = 4 * power + (unsigned)(us >> (power - 2) & 3) - 4;
	return b < LAG_BUCKETS ? b : LAG_BUCKETS - 1;
}

/* The greatest value that falls into it. */
static int64_t
bucket_end(unsigned b)
{
	unsigned power = (b + 4) / 4;

	if (b < 4)
		return b;
	return ((int64_t)(4 + b % 4 + 1) << (power - 2)) - 1;
}

static void
add(struct lag_window *w, enum lag_stage s, int64_t us)
{
	if (us < 0) /* clocks differ */
		us = 0;
	w->n[s]++;
	w->count[s][bucket_of(us)]++;
	if (us > w->max_us[s])
		w->max_us[s] = us;
}

static void
turn(struct lag *l, int64_t now_us)
{
	int64_t age_us = now_us - l->since_us;

	/* a clock that was put back begins anew too */
	if (age_us > WINDOW_US || age_us < 0) {
		l->before = age_us > 2 * WINDOW_US || age_us < 0
				? (struct lag_window){ 0 }
				: l->now;
		l->now = (struct lag_window){ 0 };
		l->since_us = now_us;
	}
}

void
lag_spooled(struct lag *l, int64_t took_us, int64_t now_us)
{
	turn(l, now_us);
	add(&l->now, LAG_SPOOLED, took_us);
}

void
lag_add(struct lag *l, const struct lag_times *t)
{
	turn(l, t->applied_us);
	add(&l->now, LAG_SENT, t->sent_us - t->committed_us);
	add(&l->now, LAG_RECEIVED, t->received_us - t->sent_us);
	add(&l->now, LAG_APPLIED, t->applied_us - t->received_us);
	add(&l->now, LAG_VISIBLE, t->applied_us - t->committed_us);
}

void
lag_applied(struct lag *l, const struct batch *b, int64_t now_us)
{
	struct lag_times t = { b->time_us, b->sent_us, b->received_us, now_us };

	if (b->received_us != 0)
		lag_add(l, &t);
}

int64_t
lag_quantile_us(const struct lag *l, enum lag_stage s, double q)
{
	uint64_t n = l->now.n[s] + l->before.n[s], sum = 0;
	uint64_t wanted = (uint64_t)((double)n * q);
	int64_t max = lag_max_us(l, s);

	for (unsigned b = 0; b < LAG_BUCKETS && n > 0; b++) {
		sum += l->now.count[s][b] + l->before.count[s][b];
		if (sum > wanted)
			return bucket_end(b) < max ? bucket_end(b) : max;
	}
	return max;
}

int64_t
lag_max_us(const struct lag *l, enum lag_stage s)
{
	return l->now.max_us[s] > l->before.max_us[s] ? l->now.max_us[s]
						      : l->before.max_us[s];
}

void
lag_heard(struct lag *l, int64_t sent_us, int64_t received_us)
{
	int64_t ahead = sent_us - received_us;
	int64_t age = received_us - l->heard_us;

	if (l->heard_us == 0 || age > WINDOW_US || age < 0) {
		l->ahead_before_us = l->heard_us == 0 ? ahead : l->ahead_us;
		l->ahead_us = ahead;
		l->heard_us = received_us;
	} else if (ahead > l->ahead_us) {
		l->ahead_us = ahead;
	}
}

bool
lag_ahead_us(const struct lag *l, int64_t *us)
{
	*us = l->ahead_us > l->ahead_before_us ? l->ahead_us
					       : l->ahead_before_us;
	return l->heard_us != 0;
}
