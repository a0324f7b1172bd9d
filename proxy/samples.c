#include "proxy/samples.h"

#include "base/mem.h"

struct row {
	int64_t wall_us;
	int8_t active;
	int32_t lag_ms[ROUTE_SITES];
	uint32_t answers[ROUTE_SITES], failed, held;
};

struct samples {
	struct samples_now last;
	struct row rows[SAMPLES_MAX];
	unsigned begin, n;
	bool begun;
};

static const char *const columns[] = { "at_us",          "active",
				       "lag_primary_ms", "lag_backup_ms",
				       "primary",        "backup",
				       "failed",         "held" };

struct samples *
samples_new(void)
{
	return mem_new(struct samples);
}

void
samples_free(struct samples **sp)
{
	mem_free(*sp);
	*sp = NULL;
}

static int32_t
lag(int64_t ms)
{
	return ms < 0 ? -1 : ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

static uint32_t
count(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

void
samples_add(struct samples *s, const struct samples_now *now)
{
	struct row *r = &s->rows[(s->begin + s->n) % SAMPLES_MAX];
	uint64_t failed = 0;

	if (!s->begun) {
		s->begun = true;
		s->last = *now;
		return;
	}
	if (s->n < SAMPLES_MAX)
		s->n++;
	else
		s->begin = (s->begin + 1) % SAMPLES_MAX;
	r->wall_us = now->wall_us;
	r->active = (int8_t)now->active;
	for (int i = 0; i < ROUTE_SITES; i++) {
		r->lag_ms[i] = lag(now->lag_ms[i]);
		r->answers[i] = count(now->answers[i] - s->last.answers[i]);
		failed += now->failed[i] - s->last.failed[i];
	}
	r->failed = count(failed);
	r->held = count(now->held);
	s->last = *now;
}

static json_t *
known(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *
row_json(const struct row *r)
{
	json_t *list = json_array();

	json_array_append_new(list, json_integer(r->wall_us));
	json_array_append_new(list, known(r->active));
	json_array_append_new(list, known(r->lag_ms[0]));
	json_array_append_new(list, known(r->lag_ms[1]));
	json_array_append_new(list, json_integer(r->answers[0]));
	json_array_append_new(list, json_integer(r->answers[1]));
	json_array_append_new(list, json_integer(r->failed));
	json_array_append_new(list, json_integer(r->held));
	return list;
}

json_t *
samples_json(const struct samples *s, int64_t since_us)
{
	json_t *doc = json_object();
	json_t *names = json_array(), *rows = json_array();

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		json_array_append_new(names, json_string(columns[i]));
	for (unsigned i = 0; i < s->n; i++) {
		const struct row *r = &s->rows[(s->begin + i) % SAMPLES_MAX];

		if (r->wall_us > since_us)
			json_array_append_new(rows, row_json(r));
	}
	json_put_int(doc, "every_ms", SAMPLES_EVERY_MS);
	json_put(doc, "columns", names);
	json_put(doc, "rows", rows);
	return doc;
}
