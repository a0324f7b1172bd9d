#include "replicator/risk.h"

#include <string.h>

static const struct risk_look *
newest(const struct risk *r)
{
	return r->n > 0 ? &r->looks[r->n - 1] : &r->sure;
}

void
risk_init(struct risk *r, uint64_t xid, int64_t now_us)
{
	*r = (struct risk){ .sure = { .xid = xid, .at_us = now_us } };
}

void
risk_restore(struct risk *r, struct risk_look was, int64_t since_us)
{
	risk_init(r, was.xid, since_us);
	r->looks[r->n++] = was;
}

void
risk_own(struct risk *r, uint64_t xid)
{
	/* more than a look can bring: the count is too large by that */
	if (xid >= risk_from(r) && r->nown < RISK_LOOKS)
		r->own[r->nown++] = xid;
}

uint64_t
risk_from(const struct risk *r)
{
	return newest(r)->xid;
}

/* How many of our own lie below xid; they are forgotten. */
static uint64_t
take_own(struct risk *r, uint64_t xid)
{
	unsigned kept = 0, taken;

	for (unsigned i = 0; i < r->nown; i++)
		if (r->own[i] >= xid)
			r->own[kept++] = r->own[i];
	taken = r->nown - kept;
	r->nown = kept;
	return taken;
}

/* Every second one is enough: it then takes longer until some are sure. */
static void
thin(struct risk *r)
{
	for (unsigned i = 0; i < RISK_LOOKS / 2; i++)
		r->looks[i] = r->looks[2 * i + 1];
	r->n = RISK_LOOKS / 2;
}

void
risk_add(struct risk *r, struct risk_look now)
{
	const struct risk_look *before = newest(r);
	uint64_t own = take_own(r, now.xid);

	now.commits = before->commits +
		      (now.commits > own ? now.commits - own : 0);
	/* nothing new: what was sure stays as it is */
	if (now.commits == before->commits && r->n > 0) {
		r->looks[r->n - 1].xid = now.xid;
		return;
	}
	if (r->n == RISK_LOOKS)
		thin(r);
	r->looks[r->n++] = now;
}

void
risk_flushed(struct risk *r, uint64_t lsn)
{
	unsigned gone = 0;

	while (gone < r->n && r->looks[gone].lsn <= lsn)
		r->sure = r->looks[gone++];
	r->n -= gone;
	memmove(r->looks, r->looks + gone, r->n * sizeof(r->looks[0]));
}

uint64_t
risk_commits(const struct risk *r)
{
	uint64_t n = newest(r)->commits - r->sure.commits;

	/* restored, and our own of before are not counted yet */
	return (int64_t)n > 0 ? n : 0;
}

int64_t
risk_since_us(const struct risk *r)
{
	return risk_commits(r) > 0 ? r->sure.at_us : 0;
}
