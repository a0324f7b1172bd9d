#include "proxy/resend.h"

#include "base/unit.h"
#include "proxy/hold.h"

/* Every combination, against the rules written once more in words. */
static enum resend_action
by_the_table(const struct resend_case *c)
{
	bool executed = c->event == RESEND_UNCERTAIN ||
			c->event == RESEND_MOVED;

	if (!c->kept)
		return RESEND_GIVE_UP; /* "not resendable" */
	if (executed && c->tries >= RESEND_TRIES_MAX)
		return RESEND_GIVE_UP;
	if (!c->same)
		return RESEND_NOW; /* "sent to the right site" */
	if (!executed)
		return RESEND_WHEN_IT_WORKS;
	if (c->tries > 1)
		return RESEND_WHEN_DECIDED; /* "resent once" */
	if (c->idempotent || c->healthy)
		return RESEND_NOW;
	return RESEND_WHEN_DECIDED; /* "else held until decided" */
}

static void
test_all(void **state)
{
	for (int bits = 0; bits < 16; bits++)
		for (int event = 0; event <= RESEND_MOVED; event++)
			for (unsigned tries = 0; tries < 7; tries++) {
				struct resend_case c = {
					.event = (enum resend_event)event,
					.kept = bits & 1,
					.idempotent = bits & 2,
					.healthy = bits & 4,
					.same = bits & 8,
					.tries = tries,
				};

				assert_int_equal(resend_judge(&c),
						 by_the_table(&c));
			}
}

static enum hold_verdict
judge(struct hold_case c)
{
	return hold_judge(&c);
}

static void
test_hold(void **state)
{
	const struct hold_case waits = {
		.pick = { .verdict = ROUTE_TO },
		.waits_for = RESEND_WHEN_DECIDED,
		.same = true,
	};
	struct hold_case c = waits;

	assert_int_equal(judge(c), HOLD_KEEP);
	c.newer = true; /* a snapshot that still says "suspect" */
	assert_int_equal(judge(c), HOLD_KEEP);
	c.healthy = true;
	assert_int_equal(judge(c), HOLD_RELEASE);
	c = waits;
	c.may_try = true; /* never as a canary: it may have been executed */
	assert_int_equal(judge(c), HOLD_KEEP);
	c.waits_for = RESEND_WHEN_IT_WORKS;
	assert_int_equal(judge(c), HOLD_CANARY);
	c.may_try = false;
	assert_int_equal(judge(c), HOLD_KEEP);
	c.proven = true;
	assert_int_equal(judge(c), HOLD_RELEASE);
	c = waits;
	c.same = false;
	assert_int_equal(judge(c), HOLD_RELEASE);
	c.pick.verdict = ROUTE_WAIT;
	assert_int_equal(judge(c), HOLD_KEEP);
	c.pick.verdict = ROUTE_REFUSE;
	assert_int_equal(judge(c), HOLD_REFUSE);
	c.expired = true;
	assert_int_equal(judge(c), HOLD_EXPIRE);
	c = waits;
	c.waits_for = RESEND_NOW; /* it only waited for the switch */
	assert_int_equal(judge(c), HOLD_RELEASE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
