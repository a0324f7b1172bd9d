#include "proxy/resend.h"

enum resend_action
resend_judge(const struct resend_case *c)
{
	bool executed = c->event == RESEND_UNCERTAIN ||
			c->event == RESEND_MOVED;

	if (!c->kept || (executed && c->tries >= RESEND_TRIES_MAX))
		return RESEND_GIVE_UP;
	if (!c->same)
		return RESEND_NOW;
	if (!executed)
		return RESEND_WHEN_IT_WORKS;
	if (c->tries <= 1 && (c->idempotent || c->healthy))
		return RESEND_NOW;
	return RESEND_WHEN_DECIDED;
}
