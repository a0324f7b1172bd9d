#include <stdio.h>
#include <string.h>

#include "proxy/rules_inner.h"

#define REDIRECT_MAX_MS INT64_C(2678400000)

static bool
malformed(const struct rules_order *o, struct rules_judged *out)
{
	bool add = o->verb == RULES_REDIRECT_ADD;

	if (o->service == ROUTE_WEB && o->company[0] == '\0')
		rules_refuse(out, "redirect-company", NULL,
			     "a redirect of web needs --company; all of them "
			     "move by: gsbctl switchover");
	else if (o->service == ROUTE_COLLAB && o->company[0] != '\0')
		rules_refuse(out, "redirect-company", NULL,
			     "rooms are redirected for all companies: leave "
			     "--company out");
	else if (o->service == ROUTE_WEB && add && !o->company_known)
		rules_refuse(out, "redirect-company", NULL,
			     "there is no company \"%s\"; gsbctl company list",
			     o->company);
	else if (add && (o->expires_ms <= 0 || o->expires_ms > REDIRECT_MAX_MS))
		rules_refuse(out, "redirect-expires", NULL,
			     "a redirect needs an end: --expires-in 1s to "
			     "31d");
	else
		return false;
	return true;
}

static bool
unable(const struct rules_order *o, const struct failover *f,
       const struct view *v, struct rules_judged *out)
{
	enum route_site other = failover_other(f->rec.active);

	return rules_busy(f, out) || rules_in_doubt(f, out) ||
	       rules_target_bad(o, other, v, out) || rules_lags(o, f, v, out);
}

static void
judge_add(const struct rules_order *o, const struct failover *f,
	  const struct view *v, struct rules_judged *out)
{
	struct redirects room = f->rec.redirects;

	if (unable(o, f, v, out))
		return;
	if (o->to == f->rec.active) {
		rules_refuse(out, "redirect-active", NULL,
			     "the %s serves everybody already; gsbctl redirect "
			     "del ends a redirect",
			     route_site_name(o->to));
		return;
	}
	if (redirects_set(&room, &out->word.redirect) < 0) {
		rules_refuse(out, "redirect-room", NULL,
			     "there are %d redirects already; switch over "
			     "instead",
			     REDIRECTS_MAX);
		return;
	}
	rules_go(out, FAILOVER_REDIRECT, "moves there until then");
}

static void
judge_del(const struct rules_order *o, const struct failover *f,
	  const struct view *v, struct rules_judged *out)
{
	struct redirects left = f->rec.redirects;

	if (!redirects_del(&left, o->company, o->service)) {
		rules_nothing(out, "there is no such redirect");
		return;
	}
	if (unable(o, f, v, out))
		return;
	out->word.undo = true;
	rules_go(out, FAILOVER_REDIRECT, "moves back");
}

void
rules_redirect(const struct rules_order *o, const struct failover *f,
	       const struct view *v, struct rules_judged *out)
{
	struct redirects_one *one = &out->word.redirect;

	if (malformed(o, out))
		return;
	snprintf(one->company, sizeof(one->company), "%s", o->company);
	one->service = o->service;
	one->to = o->to;
	one->until_us = v->wall_us + o->expires_ms * 1000;
	if (o->verb == RULES_REDIRECT_ADD)
		judge_add(o, f, v, out);
	else
		judge_del(o, f, v, out);
}
