/* Which tries are made, and which of them counts: the calls are fakes. */
#include "base/mem.h"
#include "base/unit.h"
#include "io/timer.h"
#include "proxy/ask.h"

#define CALLS 16

struct httpc {
	httpc_fn *fn;
	void *ctx;
	bool runs;
};
struct timer {
	timer_fn *fn;
	void *ctx;
};

static struct httpc calls[CALLS];
static unsigned ncalls, running;
static struct timer the_timer;
static bool armed;
static unsigned said, ended;
static bool well;

struct httpc *
sitecall_start(const struct sitecall *to, struct span body, httpc_fn *fn,
	       void *ctx)
{
	struct httpc *c = &calls[ncalls++];

	assert_int_equal(to->timeout_ms, 700);
	assert_int_equal(body.len, said);
	*c = (struct httpc){ fn, ctx, true };
	running++;
	return c;
}

int
sitecall_check(const struct httpc_answer *answer, const struct err *err,
	       struct err *e)
{
	return 0;
}

void
httpc_cancel(struct httpc **c)
{
	if (*c != NULL) {
		assert_true((*c)->runs);
		(*c)->runs = false;
		running--;
	}
	*c = NULL;
}

struct timer *
timer_start(uint64_t ms, timer_fn *fn, void *ctx)
{
	assert_false(armed);
	assert_int_equal(ms, 100);
	armed = true;
	the_timer = (struct timer){ fn, ctx };
	return &the_timer;
}

void
timer_cancel(struct timer **t)
{
	if (*t != NULL)
		armed = false;
	*t = NULL;
}

static void
pass_100_ms(void)
{
	assert_true(armed);
	armed = false;
	the_timer.fn(the_timer.ctx);
}

static void
end_call(unsigned i, bool answered)
{
	struct httpc_answer answer = { .status = 200 };
	struct err e = { .code = ERR_TIMEOUT };

	assert_true(calls[i].runs);
	calls[i].runs = false;
	running--;
	calls[i].fn(calls[i].ctx, answered ? &answer : NULL,
		    answered ? NULL : &e);
}

/* Each time another text. */
static void
on_say(void *ctx, struct strbuf *body)
{
	said++;
	for (unsigned i = 0; i < said; i++)
		strbuf_addc(body, 'x');
}

static void
on_end(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	assert_int_equal(running, 0);
	assert_false(armed);
	ended++;
	well = err == NULL;
}

static struct ask *
start(uint32_t again_ms)
{
	ncalls = running = said = ended = 0;
	armed = false;
	return ask_start(&(struct ask_conf){ .to = { .timeout_ms = 700 },
					     .again_ms = again_ms,
					     .say = on_say,
					     .fn = on_end });
}

static void
test_an_answer_in_time_is_the_only_try(void **state)
{
	(void)start(100);
	end_call(0, true);
	assert_int_equal(ncalls, 1);
	assert_true(ended == 1 && well);
}

static void
test_the_first_answer_of_several_tries_counts(void **state)
{
	(void)start(100);
	pass_100_ms();
	pass_100_ms();
	assert_int_equal(running, 3);
	end_call(1, true);
	assert_true(ended == 1 && well);
}

static void
test_the_first_error_ends_all(void **state)
{
	(void)start(100);
	pass_100_ms();
	end_call(0, false);
	assert_true(ended == 1 && !well);
}

static void
test_tries_are_bounded(void **state)
{
	struct ask *a = start(100);

	while (armed)
		pass_100_ms();
	assert_int_equal(running, 8);
	ask_cancel(&a);
	assert_null(a);
	assert_int_equal(running, 0);
	assert_int_equal(ended, 0);
	ask_cancel(&a);
}

static void
test_once_is_once(void **state)
{
	struct ask *a = start(0);

	assert_false(armed);
	ask_cancel(&a);
	assert_int_equal(running, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_in_time_is_the_only_try),
		cmocka_unit_test(test_the_first_answer_of_several_tries_counts),
		cmocka_unit_test(test_the_first_error_ends_all),
		cmocka_unit_test(test_tries_are_bounded),
		cmocka_unit_test(test_once_is_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
