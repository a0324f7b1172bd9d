/* A record on its way to a disk that the test holds up. */
#include "base/mem.h"
#include "base/unit.h"
#include "proxy/control_record.h"
#include "proxy/tell.h"

static authority_stored_fn *stored;
static void *stored_ctx;
static char alarm[512], event[512];
static unsigned alarms, events, changes, looks;

void
authority_store_start(struct authority *a, const struct authority_record *r,
		      authority_stored_fn *fn, void *ctx)
{
	stored = fn;
	stored_ctx = ctx;
}

int
authority_store(struct authority *a, const struct authority_record *r,
		struct err *e)
{
	return 0;
}

int
authority_confirm(struct authority *a, struct err *e)
{
	return 0;
}

void
tell_alarm(struct control *c, const char *text)
{
	snprintf(alarm, sizeof(alarm), "%s", text);
	alarms++;
}

void
tell_change(struct control *c, const struct failover_change *change)
{
	changes++;
}

void
events_add(struct events *ev, const char *kind, uint64_t epoch,
	   const char *text, json_t *detail)
{
	assert_string_equal(kind, "service");
	snprintf(event, sizeof(event), "%s", text);
	events++;
}

void
control_look(struct control *c)
{
	looks++;
}

static void
begin(struct control *c, struct conf *conf)
{
	struct failover_change change = { 0 };
	struct failover after = { .store = true };

	memset(c, 0, sizeof(*c));
	memset(conf, 0, sizeof(*conf));
	conf->state_dir = "/var/lib/gsb";
	conf->ttl_ms = 2000;
	c->conf = conf;
	c->view.now_ms = 1000000;
	alarms = events = changes = looks = 0;
	after.rec.epoch = 7;
	control_record_start(c, &after, &change);
	assert_int_equal(control_record_next(c)->rec.epoch, 7);
	assert_int_equal(c->f.rec.epoch, 0);
}

static void
pass(struct control *c, int64_t ms)
{
	c->view.now_ms += ms;
	control_record_look(c);
}

static void
test_a_disk_that_stands_still_is_said_once_and_its_end(void **state)
{
	static struct control c;
	static struct conf conf;

	begin(&c, &conf);
	pass(&c, 4999);
	assert_int_equal(alarms, 0);
	pass(&c, 1);
	assert_int_equal(alarms, 1);
	assert_non_null(strstr(alarm, "has not reached the disk for 5 s, "
				      "nothing moves"));
	assert_non_null(strstr(alarm, "/var/lib/gsb"));
	pass(&c, 60000);
	assert_int_equal(alarms, 1);
	stored(stored_ctx, NULL);
	assert_int_equal(events, 1);
	assert_non_null(strstr(event, "reached the disk after 65 s"));
	assert_true(c.pending == NULL && changes == 1 && looks == 1);
	assert_int_equal(c.f.rec.epoch, 7);
}

static void
test_a_quick_one_says_nothing(void **state)
{
	static struct control c;
	static struct conf conf;

	begin(&c, &conf);
	pass(&c, 100);
	stored(stored_ctx, NULL);
	pass(&c, 10000);
	assert_int_equal(alarms + events, 0);
}

static void
test_one_that_fails_is_said_at_once_and_tried_again(void **state)
{
	static struct control c;
	static struct conf conf;
	struct err e = { 0 };

	begin(&c, &conf);
	(void)err_set(&e, ERR_IO, "no space");
	stored(stored_ctx, &e);
	assert_int_equal(alarms, 1);
	assert_non_null(strstr(alarm, "cannot be written, nothing moves: no "
				      "space"));
	assert_int_equal(c.f.rec.epoch, 0);
	assert_true(c.pending == NULL && looks == 1);
}

static void
test_closing_forgets_it(void **state)
{
	static struct control c;
	static struct conf conf;

	begin(&c, &conf);
	control_record_cancel(&c);
	assert_null(c.pending);
	pass(&c, 10000);
	assert_int_equal(alarms, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_disk_that_stands_still_is_said_once_and_its_end),
		cmocka_unit_test(test_a_quick_one_says_nothing),
		cmocka_unit_test(
		    test_one_that_fails_is_said_at_once_and_tried_again),
		cmocka_unit_test(test_closing_forgets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
