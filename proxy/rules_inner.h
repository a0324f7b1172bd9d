/*
 * What the files of rules.h share. The bools: refused, out is filled.
 */
#ifndef PROXY_RULES_INNER_H
#define PROXY_RULES_INNER_H

#include "proxy/rules.h"

void rules_refuse(struct rules_judged *out, const char *rule,
		  const char *override, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void rules_nothing(struct rules_judged *out, const char *message);
void rules_go(struct rules_judged *out, enum failover_order order,
	      const char *message);

/* Traffic is on the move already, or cannot move. */
bool rules_busy(const struct failover *f, struct rules_judged *out);
bool rules_in_doubt(const struct failover *f, struct rules_judged *out);
bool rules_target_bad(const struct rules_order *o, enum route_site to,
		      const struct view *v, struct rules_judged *out);
bool rules_lags(const struct rules_order *o, const struct failover *f,
		const struct view *v, struct rules_judged *out);

void rules_redirect(const struct rules_order *o, const struct failover *f,
		    const struct view *v, struct rules_judged *out);

#endif
