#include "proxy/route.h"

#include "base/mem.h"
#include "base/unit.h"

static struct route_snapshot
serving(void)
{
	struct route_snapshot s = { .active = ROUTE_PRIMARY, .epoch = 3 };

	for (int site = 0; site < ROUTE_SITES; site++)
		for (int service = 0; service < ROUTE_SERVICES; service++) {
			s.upstream[site][service].address.len = 16;
			s.upstream[site][service].granted = true;
		}
	return s;
}

static void
test_pick(void **state)
{
	struct route_snapshot s = serving();
	struct span acme = span_of("acme");

	assert_int_equal(route_pick(&s, acme).verdict, ROUTE_TO);
	assert_int_equal(route_pick(&s, acme).site, ROUTE_PRIMARY);
	s.active = ROUTE_BACKUP;
	assert_int_equal(route_pick(&s, acme).site, ROUTE_BACKUP);
	s.mode = ROUTE_HOLD;
	assert_int_equal(route_pick(&s, acme).verdict, ROUTE_WAIT);
	s.mode = ROUTE_CLOSED;
	assert_int_equal(route_pick(&s, acme).verdict, ROUTE_REFUSE);
	assert_non_null(route_pick(&s, acme).why);
	s.mode = ROUTE_SERVE;
	s.upstream[ROUTE_BACKUP][ROUTE_WEB].address.len = 0;
	assert_int_equal(route_pick(&s, acme).verdict, ROUTE_REFUSE);
}

static void
test_redirects(void **state)
{
	struct route_redirect r[] = {
		{ .company = "Acme", .service = { true }, .to = ROUTE_BACKUP },
		{ .company = "other",
		  .service = { false, true },
		  .to = ROUTE_BACKUP },
	};
	struct route_snapshot s = serving();

	s.redirects = r;
	s.nredirects = 2;
	assert_int_equal(route_pick(&s, span_of("aCME")).site, ROUTE_BACKUP);
	assert_int_equal(route_pick(&s, span_of("other")).site, ROUTE_PRIMARY);
	assert_int_equal(route_pick(&s, span_of("")).site, ROUTE_PRIMARY);
}

/* A room goes where its letter says if that collab serves, or nowhere. */
static void
test_rooms(void **state)
{
	struct route_snapshot s = serving();

	assert_int_equal(route_pick_room(&s, ROUTE_BACKUP).site, ROUTE_BACKUP);
	s.upstream[ROUTE_BACKUP][ROUTE_COLLAB].granted = false;
	assert_int_equal(route_pick_room(&s, ROUTE_BACKUP).verdict,
			 ROUTE_REFUSE);
	s.upstream[ROUTE_BACKUP][ROUTE_COLLAB].coming = true;
	assert_int_equal(route_pick_room(&s, ROUTE_BACKUP).verdict, ROUTE_WAIT);
	s.upstream[ROUTE_BACKUP][ROUTE_COLLAB].coming = false;
	s.mode = ROUTE_HOLD;
	assert_int_equal(route_pick_room(&s, ROUTE_BACKUP).verdict, ROUTE_WAIT);
	assert_int_equal(route_pick_room(&s, ROUTE_PRIMARY).verdict, ROUTE_TO);
}

static void
test_companies(void **state)
{
	enum { N = 1000 };
	static char text[N][8];
	static struct span names[N];
	struct route_companies *c, *held;

	for (int i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), "Co%d", i);
		names[i] = span_of(text[i]);
	}
	c = route_companies_new(names, N);
	held = route_companies_hold(c);
	route_companies_free(&c);
	assert_null(c);
	for (int i = 0; i < N; i++) {
		char lower[8];

		snprintf(lower, sizeof(lower), "cO%d", i);
		assert_true(route_companies_has(held, span_of(lower)));
	}
	assert_false(route_companies_has(held, span_of("co1000")));
	assert_false(route_companies_has(held, span_of("")));
	route_companies_free(&held);
	c = route_companies_new(NULL, 0);
	assert_false(route_companies_has(c, span_of("a")));
	route_companies_free(&c);
	route_companies_free(&c);
}

static void
test_copy(void **state)
{
	struct span acme = span_of("acme");
	struct route_redirect r = { .company = "acme" };
	struct route_snapshot s = serving(), *copy;

	s.companies = route_companies_new(&acme, 1);
	s.redirects = &r;
	s.nredirects = 1;
	copy = route_copy(&s);
	route_companies_free(&s.companies);
	assert_true(route_companies_has(copy->companies, acme));
	assert_string_equal(copy->redirects[0].company, "acme");
	route_free(&copy);
	assert_null(copy);
}

static void
test_addresses(void **state)
{
	struct route_address a;
	struct err e = { 0 };

	unit_works(route_address_parse("127.0.0.1:80", &a, &e), &e);
	assert_int_equal(a.addr.ss_family, AF_INET);
	assert_string_equal(a.text, "127.0.0.1:80");
	unit_works(route_address_parse("[::1]:8080", &a, &e), &e);
	assert_int_equal(a.addr.ss_family, AF_INET6);
	unit_fails(route_address_parse("::1:80", &a, &e), &e, "HOST:PORT");
	unit_fails(route_address_parse("localhost", &a, &e), &e, "HOST:PORT");
	unit_fails(route_address_parse(":80", &a, &e), &e, "HOST:PORT");
	unit_fails(route_address_parse("127.0.0.1:", &a, &e), &e, "HOST:PORT");
	unit_fails(route_address_parse("127.0.0.1:x", &a, &e), &e,
		   "127.0.0.1:x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pick),  cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_rooms), cmocka_unit_test(test_companies),
		cmocka_unit_test(test_copy),  cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
