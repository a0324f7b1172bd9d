#include "proxy/gates.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

static const char *const names[] = {
	"sites",  "lag-there", "lag-back",  "verified",
	"copy",   "versions",  "disk",      "certificates",
	"clocks", "parked",    "conflicts",
};
static_assert(sizeof(names) / sizeof(names[0]) == GATES_N, "one for each");

static const char *const verdicts[] = { "unknown", "good", "bad" };
static_assert(sizeof(verdicts) / sizeof(verdicts[0]) == GATES_BAD + 1,
	      "one for each");

const char *
gates_name(enum gates_name n)
{
	return names[n];
}

const char *
gates_verdict_name(enum gates_verdict v)
{
	return verdicts[v];
}

static void value(struct gates_gate *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void limit(struct gates_gate *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
value(struct gates_gate *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->value, sizeof(g->value), fmt, ap);
	va_end(ap);
}

static void
limit(struct gates_gate *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->limit, sizeof(g->limit), fmt, ap);
	va_end(ap);
}

static enum gates_verdict
good_if(bool good)
{
	return good ? GATES_GOOD : GATES_BAD;
}

/* "850 ms", "41 s", "13 min", "30 h": whole units, as far as they tell. */
static const char *
span_words(int64_t ms, char buf[static 24])
{
	if (ms < 1000)
		snprintf(buf, 24, "%lld ms", (long long)ms);
	else if (ms < 120000)
		snprintf(buf, 24, "%lld s", (long long)ms / 1000);
	else if (ms < 7200000)
		snprintf(buf, 24, "%lld min", (long long)ms / 60000);
	else
		snprintf(buf, 24, "%lld h", (long long)ms / 3600000);
	return buf;
}

static void
look_sites(struct gates_gate *g, const struct gates_inputs *in)
{
	enum judge_verdict p = in->site[ROUTE_PRIMARY].verdict;
	enum judge_verdict b = in->site[ROUTE_BACKUP].verdict;

	value(g, "primary %s, backup %s", judge_name(p), judge_name(b));
	limit(g, "both whole");
	g->verdict = p == JUDGE_UNKNOWN || b == JUDGE_UNKNOWN
			 ? GATES_UNKNOWN
			 : good_if(p == JUDGE_WHOLE && b == JUDGE_WHOLE);
}

static void
look_lag(struct gates_gate *g, const struct gates_conf *c,
	 const struct gates_site *from)
{
	const struct report_replication *r = &from->replication;
	char ms[24], max[24];

	limit(g, "streaming, %s", span_words(c->lag_ms, max));
	if (!r->known || r->out == REPORT_STREAM_UNKNOWN) {
		value(g, "not told");
		return;
	}
	value(g, "%s, %s, %lld bytes, commits %s", report_stream_name(r->out),
	      span_words(r->out_lag_ms, ms), (long long)r->out_lag_bytes,
	      report_sync_name(r->sync));
	g->verdict = good_if(r->out == REPORT_STREAM_STREAMING &&
			     r->out_lag_ms <= c->lag_ms &&
			     r->sync != REPORT_SYNC_DEGRADED);
}

/* at_us 0: not told. */
static void
look_age(struct gates_gate *g, int64_t at_us, int64_t max_ms, int64_t wall_us)
{
	int64_t age_ms = (wall_us - at_us) / 1000;
	char age[24], max[24];

	if (max_ms == 0) {
		value(g, "not looked at");
		g->verdict = GATES_GOOD;
		return;
	}
	limit(g, "%s", span_words(max_ms, max));
	if (at_us == 0) {
		value(g, "not told");
		return;
	}
	value(g, "%s ago", span_words(age_ms > 0 ? age_ms : 0, age));
	g->verdict = good_if(age_ms <= max_ms);
}

static int64_t
newer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* "3.14.1" as 3 and 14. */
static bool
parse_version(const char *text, uint64_t *major, uint64_t *minor)
{
	struct span rest = span_of(text), part;

	return span_cut(&rest, '.', &part) && span_to_u64(part, major) == 0 &&
	       span_cut(&rest, '.', &part) && span_to_u64(part, minor) == 0;
}

static enum gates_verdict
near_versions(const char *a, const char *b)
{
	uint64_t am, an, bm, bn;

	if (a[0] == '\0' || b[0] == '\0')
		return GATES_UNKNOWN;
	if (strcmp(a, b) == 0)
		return GATES_GOOD;
	if (!parse_version(a, &am, &an) || !parse_version(b, &bm, &bn))
		return GATES_BAD;
	return good_if(am == bm && (an > bn ? an - bn : bn - an) <= 1);
}

static void
look_versions(struct gates_gate *g, const struct gates_inputs *in)
{
	const struct gates_site *p = &in->site[ROUTE_PRIMARY];
	const struct gates_site *b = &in->site[ROUTE_BACKUP];

	limit(g, "n or n-1");
	if (p->version[0] == '\0' || b->version[0] == '\0') {
		value(g, "not told");
		return;
	}
	value(g, "primary %.16s schema %lld, backup %.16s schema %lld",
	      p->version, (long long)p->schema, b->version,
	      (long long)b->schema);
	g->verdict = near_versions(p->version, b->version);
	if (llabs(p->schema - b->schema) > 1)
		g->verdict = GATES_BAD;
}

static void
look_disk(struct gates_gate *g, const struct gates_conf *c,
	  const struct gates_inputs *in)
{
	int64_t p = in->site[ROUTE_PRIMARY].disk_permille;
	int64_t b = in->site[ROUTE_BACKUP].disk_permille;

	limit(g, "%lld %% free", (long long)c->disk_percent);
	if (p < 0 || b < 0) {
		value(g, "not told");
		return;
	}
	value(g, "primary %lld %%, backup %lld %%", (long long)p / 10,
	      (long long)b / 10);
	g->verdict = good_if(p >= c->disk_percent * 10 &&
			     b >= c->disk_percent * 10);
}

static void
look_certificates(struct gates_gate *g, const struct gates_conf *c,
		  const struct gates_inputs *in)
{
	int64_t left_ms = (in->certificate_until_us - in->wall_us) / 1000;
	char left[24], min[24];

	limit(g, "%s left", span_words(c->certificates_ms, min));
	if (in->certificate_until_us < 0) {
		value(g, "not told");
		return;
	}
	if (in->certificate_until_us == 0) {
		value(g, "none is used");
		g->verdict = GATES_GOOD;
		return;
	}
	if (left_ms <= 0)
		value(g, "ended");
	else
		value(g, "%s left", span_words(left_ms, left));
	g->verdict = good_if(left_ms > 0 && left_ms >= c->certificates_ms);
}

static void
look_clocks(struct gates_gate *g, const struct gates_conf *c,
	    const struct gates_inputs *in)
{
	const struct gates_site *p = &in->site[ROUTE_PRIMARY];
	const struct gates_site *b = &in->site[ROUTE_BACKUP];
	int64_t apart = llabs(p->clock_ms - b->clock_ms);
	char max[24];

	limit(g, "%s apart", span_words(c->clock_ms, max));
	if (!p->clock_known || !b->clock_known) {
		value(g, "not told");
		return;
	}
	/* Both against the proxy's, which stamps the requests. */
	apart = newer(apart, newer(llabs(p->clock_ms), llabs(b->clock_ms)));
	value(g, "primary %+lld ms, backup %+lld ms", (long long)p->clock_ms,
	      (long long)b->clock_ms);
	g->verdict = good_if(apart <= c->clock_ms);
}

static void
look_count(struct gates_gate *g, bool known, int64_t p, int64_t b, int64_t max)
{
	limit(g, "%lld", (long long)max);
	if (!known) {
		value(g, "not told");
		return;
	}
	value(g, "primary %lld, backup %lld", (long long)p, (long long)b);
	g->verdict = good_if(p <= max && b <= max);
}

static void
look_counts(struct gates *g, const struct gates_conf *c,
	    const struct gates_inputs *in)
{
	const struct report_replication *p, *b;

	p = &in->site[ROUTE_PRIMARY].replication;
	b = &in->site[ROUTE_BACKUP].replication;
	look_count(&g->gate[GATES_PARKED], p->known && b->known, p->parked,
		   b->parked, c->parked);
	look_count(&g->gate[GATES_CONFLICTS],
		   p->known && b->known && p->key_conflicts >= 0 &&
		       b->key_conflicts >= 0,
		   p->key_conflicts, b->key_conflicts, c->conflicts);
}

void
gates_look(struct gates *g, const struct gates_conf *c,
	   const struct gates_inputs *in)
{
	const struct gates_site *active = &in->site[in->active];
	const struct gates_site *other = &in->site[1 - in->active];
	const struct gates_site *backup = &in->site[ROUTE_BACKUP];
	struct gates was = *g;

	memset(g, 0, sizeof(*g));
	g->unknown_bars = c->unknown_bars;
	look_sites(&g->gate[GATES_SITES], in);
	look_lag(&g->gate[GATES_LAG_THERE], c, active);
	look_lag(&g->gate[GATES_LAG_BACK], c, other);
	look_age(&g->gate[GATES_VERIFIED],
		 newer(active->replication.verified_us,
		       other->replication.verified_us),
		 c->verified_ms, in->wall_us);
	look_age(&g->gate[GATES_COPY], backup->copy_us, c->copy_ms,
		 in->wall_us);
	look_versions(&g->gate[GATES_VERSIONS], in);
	look_disk(&g->gate[GATES_DISK], c, in);
	look_certificates(&g->gate[GATES_CERTIFICATES], c, in);
	look_clocks(&g->gate[GATES_CLOCKS], c, in);
	look_counts(g, c, in);
	for (int i = 0; i < GATES_N; i++)
		g->gate[i].since_ms = was.gate[i].since_ms != 0 &&
					      was.gate[i].verdict ==
						  g->gate[i].verdict
					  ? was.gate[i].since_ms
					  : in->now_ms;
}

bool
gates_bars(const struct gates *g, enum gates_name n)
{
	return g->gate[n].verdict == GATES_BAD ||
	       (g->unknown_bars && g->gate[n].verdict == GATES_UNKNOWN);
}

enum gates_name
gates_first(const struct gates *g, enum gates_name from)
{
	for (int i = (int)from; i < GATES_N; i++)
		if (gates_bars(g, (enum gates_name)i))
			return (enum gates_name)i;
	return GATES_N;
}
