/*
 * What decide.c and reasons.c share.
 */
#ifndef PROXY_DECIDE_INNER_H
#define PROXY_DECIDE_INNER_H

#include "proxy/failover.h"

static inline const struct view_site *
active_of(const struct failover *f, const struct view *v)
{
	return &v->site[f->rec.active];
}

static inline const struct view_site *
other_of(const struct failover *f, const struct view *v)
{
	return &v->site[failover_other(f->rec.active)];
}

#endif
