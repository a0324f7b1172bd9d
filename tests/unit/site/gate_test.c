#include "site/gate.h"

#include "base/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/loop.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOW INT64_C(1000000000)
#define SECOND INT64_C(1000000)

static struct gate_lease
fresh(void)
{
	return (struct gate_lease){ .service = "web",
				    .site = "primary",
				    .boot = "b1" };
}

static struct gate_grant
grant(int64_t epoch, int64_t until_us)
{
	return (struct gate_grant){ .service = "web",
				    .site = "primary",
				    .boot = "b1",
				    .epoch = epoch,
				    .until_us = until_us,
				    .serve = true };
}

static void
test_a_grant_holds_until_its_end_for_its_epoch(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant g = grant(7, NOW + 2 * SECOND);

	assert_false(gate_lease_holds(&l, 0, NOW));
	assert_int_equal(gate_judge(&l, &g, NOW), GATE_TAKEN);
	assert_true(gate_lease_holds(&l, 7, NOW));
	assert_true(gate_lease_holds(&l, 7, NOW + 2 * SECOND - 1));
	assert_false(gate_lease_holds(&l, 7, NOW + 2 * SECOND));
	assert_false(gate_lease_holds(&l, 6, NOW));
	assert_false(gate_lease_holds(&l, 8, NOW));
}

static void
test_repeated_and_overtaken_grants_are_nothing(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant first = grant(7, NOW + SECOND);
	struct gate_grant second = grant(7, NOW + 2 * SECOND);

	second.serve = false;
	assert_int_equal(gate_judge(&l, &first, NOW), GATE_TAKEN);
	assert_int_equal(gate_judge(&l, &first, NOW), GATE_STALE);
	assert_int_equal(gate_judge(&l, &second, NOW), GATE_TAKEN);
	assert_false(gate_lease_holds(&l, 7, NOW));
	assert_int_equal(gate_judge(&l, &first, NOW), GATE_STALE);
	assert_false(gate_lease_holds(&l, 7, NOW));
}

static void
test_grants_for_others_are_nothing(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant boot = grant(7, NOW + SECOND);
	struct gate_grant site = boot;
	struct gate_grant service = boot;

	boot.boot = "b2";
	site.site = "backup";
	service.service = "collab";
	assert_int_equal(gate_judge(&l, &site, NOW), GATE_FOREIGN);
	assert_int_equal(gate_judge(&l, &service, NOW), GATE_FOREIGN);
	assert_int_equal(l.epoch, 0);
	assert_int_equal(gate_judge(&l, &boot, NOW), GATE_FOREIGN);
	assert_false(gate_lease_holds(&l, 7, NOW));
}

static void
test_a_grant_must_not_end_too_far_ahead(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant far = grant(7, NOW + GATE_AHEAD_US + 1);
	struct gate_grant near = grant(7, NOW + GATE_AHEAD_US);

	assert_int_equal(gate_judge(&l, &far, NOW), GATE_AHEAD);
	assert_false(gate_lease_holds(&l, 7, NOW));
	assert_int_equal(gate_judge(&l, &near, NOW), GATE_TAKEN);
}

static void
test_a_delayed_grant_has_ended_already(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant g = grant(7, NOW + SECOND);

	gate_judge(&l, &g, NOW + 5 * SECOND);
	assert_false(gate_lease_holds(&l, 7, NOW + 5 * SECOND));
}

static void
test_epochs_only_grow(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant seven = grant(7, NOW + SECOND);
	struct gate_grant six = grant(6, NOW + 3 * SECOND);
	struct gate_grant eight = grant(8, NOW + 2 * SECOND);

	gate_judge(&l, &seven, NOW);
	assert_int_equal(gate_judge(&l, &six, NOW), GATE_OLD_EPOCH);
	assert_true(gate_lease_holds(&l, 7, NOW));
	eight.boot = "";
	assert_int_equal(gate_judge(&l, &eight, NOW), GATE_ASKED);
	assert_false(gate_lease_holds(&l, 7, NOW));
	assert_false(gate_lease_holds(&l, 8, NOW));
	assert_int_equal(l.epoch, 8);
	eight.boot = "b1";
	assert_int_equal(gate_judge(&l, &eight, NOW), GATE_TAKEN);
	assert_true(gate_lease_holds(&l, 8, NOW));
}

/* Rooms are sent away by the word, not by the lack of one. */
static void
test_elsewhere_is_what_was_said(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant g = grant(7, NOW + SECOND);
	struct gate_grant asks = grant(8, 0);

	assert_false(l.elsewhere);
	assert_int_equal(gate_judge(&l, &g, NOW), GATE_TAKEN);
	assert_int_equal(gate_judge(&l, &asks, NOW), GATE_ASKED);
	assert_false(gate_lease_holds(&l, 8, NOW));
	assert_false(l.elsewhere);
	asks.epoch = 9;
	asks.serve = false;
	assert_int_equal(gate_judge(&l, &asks, NOW), GATE_ASKED);
	assert_true(l.elsewhere);
	g = grant(9, NOW + 2 * SECOND);
	assert_int_equal(gate_judge(&l, &g, NOW), GATE_TAKEN);
	assert_false(l.elsewhere);
	g = grant(9, NOW + 3 * SECOND);
	g.serve = false;
	assert_int_equal(gate_judge(&l, &g, NOW), GATE_TAKEN);
	assert_true(l.elsewhere);
}

static void
test_asking_changes_nothing(void **state)
{
	struct gate_lease l = fresh();
	struct gate_grant g = grant(7, NOW + SECOND);
	struct gate_grant ask = grant(7, 0);

	gate_judge(&l, &g, NOW);
	ask.serve = false;
	assert_int_equal(gate_judge(&l, &ask, NOW), GATE_ASKED);
	assert_true(gate_lease_holds(&l, 7, NOW));
}

/* --- the gate itself --------------------------------------------------- */

struct fixture {
	struct keyring *keys, *other;
	struct gate *gate;
	bool peer_dead;
	unsigned told;
	bool ok;
};

static void
on_peer(void *ctx, bool dead)
{
	struct fixture *f = ctx;

	f->peer_dead = dead;
}

static void
on_wait(void *ctx, bool ok)
{
	struct fixture *f = ctx;

	f->told++;
	f->ok = ok;
	loop_stop();
}

static int
with_gate(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	struct gate_conf conf = { .service = "web",
				  .site = "primary",
				  .on_peer = on_peer,
				  .ctx = f };

	loop_open();
	f->keys = keyring_parse("keys", span_of("k1 " KEY "\n"), NULL);
	f->other = keyring_parse("keys", span_of("k1 " OTHER "\n"), NULL);
	conf.keys = f->keys;
	f->gate = gate_new(&conf);
	*state = f;
	return 0;
}

static int
without_gate(void **state)
{
	struct fixture *f = *state;

	gate_free(&f->gate);
	keyring_free(&f->keys);
	keyring_free(&f->other);
	mem_free(f);
	loop_close();
	return 0;
}

/* A grant for half a second, with more members ("\"peer\":\"dead\","). */
static int
send(struct fixture *f, const struct keyring *keys, const char *more)
{
	JSON_AUTO report = gate_report(f->gate);
	STRBUF_AUTO body = { 0 };
	STRBUF_AUTO sig = { 0 };
	const char *boot = NULL;
	struct err e = { 0 };

	assert_int_equal(json_need_str(report, "boot", &boot, &e), 0);
	strbuf_addf(&body,
		    "{\"service\":\"web\",\"site\":\"primary\",\"epoch\":3,"
		    "\"serve\":true,%s\"boot\":\"%s\",\"until_us\":%lld}",
		    more, boot, (long long)(clock_boot_us() + SECOND / 2));
	keyring_sign(keys, strbuf_span(&body), &sig);
	return gate_receive(f->gate, strbuf_span(&body), strbuf_span(&sig),
			    &e) < 0
		   ? (int)e.code
		   : 0;
}

static void
test_only_our_signature_opens(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(send(f, f->other, ""), ERR_REFUSED);
	assert_false(gate_serving(f->gate));
	assert_int_equal(send(f, f->keys, "\"epoch\":4,"), ERR_INVALID);
	assert_int_equal(send(f, f->keys, "\"degraded\":1,"), ERR_INVALID);
	assert_false(gate_serving(f->gate));
	assert_int_equal(send(f, f->keys, ""), 0);
	assert_true(gate_holds(f->gate, 3));
	assert_false(gate_holds(f->gate, 4));
}

static void
test_the_peer_is_told_when_it_changes(void **state)
{
	struct fixture *f = *state;

	send(f, f->keys, "\"peer\":\"dead\",");
	assert_true(f->peer_dead && gate_peer_dead(f->gate));
	send(f, f->keys, "\"peer\":\"alive\",");
	assert_false(f->peer_dead || gate_peer_dead(f->gate));
}

static void
test_waits_end_by_the_record(void **state)
{
	struct fixture *f = *state;
	struct gate_wait *w = gate_wait_degraded(
	    f->gate, clock_mono_ms() + 5000, on_wait, f);
	struct gate_wait *cancelled = gate_wait_degraded(
	    f->gate, clock_mono_ms() + 5000, on_wait, f);

	assert_non_null(w);
	gate_wait_cancel(&cancelled);
	send(f, f->keys, "\"degraded\":true,");
	assert_int_equal(f->told, 0);
	loop_run();
	assert_true(f->told == 1 && f->ok);
	gate_wait_degraded(f->gate, clock_mono_ms() + 5000, on_wait, f);
	loop_run();
	assert_true(f->told == 2 && f->ok);
}

static void
test_waits_end_by_their_deadline(void **state)
{
	struct fixture *f = *state;

	gate_wait_degraded(f->gate, clock_mono_ms() + 20, on_wait, f);
	send(f, f->keys, "");
	loop_run();
	assert_true(f->told == 1 && !f->ok);
}

static void
send_rooms(struct fixture *f, const char *collab, const char *redirects)
{
	char more[256];

	snprintf(more, sizeof(more),
		 "\"active\":\"primary\",\"collab\":[%s],\"redirects\":[%s],",
		 collab, redirects);
	assert_int_equal(send(f, f->keys, more), 0);
}

static void
test_a_room_is_entered_where_its_collab_is(void **state)
{
	static const char moved[] =
	    "{\"company\":\"\",\"service\":\"collab\",\"to\":\"backup\"}";
	struct fixture *f = *state;

	assert_string_equal(gate_room_site(f->gate, "backup"), "primary");
	send_rooms(f, "\"primary\"", "");
	assert_string_equal(gate_room_site(f->gate, ""), "primary");
	assert_string_equal(gate_room_site(f->gate, "backup"), "primary");
	send_rooms(f, "\"primary\",\"backup\"", "");
	assert_string_equal(gate_room_site(f->gate, ""), "primary");
	assert_string_equal(gate_room_site(f->gate, "backup"), "backup");
	send_rooms(f, "\"primary\",\"backup\"", moved);
	assert_string_equal(gate_room_site(f->gate, ""), "backup");
	assert_string_equal(gate_room_site(f->gate, "primary"), "primary");
	send_rooms(f, "\"backup\"", moved);
	assert_string_equal(gate_room_site(f->gate, "primary"), "backup");
	send_rooms(f, "1,\"a site of too long a name\"", moved);
	assert_string_equal(gate_room_site(f->gate, ""), "primary");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_grant_holds_until_its_end_for_its_epoch),
		cmocka_unit_test(
		    test_repeated_and_overtaken_grants_are_nothing),
		cmocka_unit_test(test_grants_for_others_are_nothing),
		cmocka_unit_test(test_a_grant_must_not_end_too_far_ahead),
		cmocka_unit_test(test_a_delayed_grant_has_ended_already),
		cmocka_unit_test(test_epochs_only_grow),
		cmocka_unit_test(test_elsewhere_is_what_was_said),
		cmocka_unit_test(test_asking_changes_nothing),
		cmocka_unit_test_setup_teardown(
		    test_a_room_is_entered_where_its_collab_is, with_gate,
		    without_gate),
		cmocka_unit_test_setup_teardown(test_only_our_signature_opens,
						with_gate, without_gate),
		cmocka_unit_test_setup_teardown(
		    test_the_peer_is_told_when_it_changes, with_gate,
		    without_gate),
		cmocka_unit_test_setup_teardown(test_waits_end_by_the_record,
						with_gate, without_gate),
		cmocka_unit_test_setup_teardown(
		    test_waits_end_by_their_deadline, with_gate, without_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
