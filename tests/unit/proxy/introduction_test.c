/* The PROXY protocol: every prefix waits, every fault is one. */
#include "proxy/introduction.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/unit.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"

struct row {
	const char *text;
	size_t len;
	const char *from; /* NULL: not named */
};
#define ROW(text, from)                        \
	{                                      \
		text, sizeof(text) - 1, (from) \
	}

static const struct row good[] = {
	ROW("PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n", "192.0.2.7"),
	ROW("PROXY TCP6 2001:db8::7 ::1 5000 443\r\n", "2001:db8::7"),
	ROW("PROXY UNKNOWN\r\n", NULL),
	ROW("PROXY UNKNOWN a b c d\r\n", NULL),
	ROW(V2 "\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\x13\x88\x01\xbb",
	    "192.0.2.7"),
	ROW(V2 "\x21\x11\0\x0f\xc0\0\x02\x07\x0a\0\0\x01\x13\x88\x01\xbb\x04\0"
	       "\0",
	    "192.0.2.7"),
	ROW(V2 "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0"
	       "\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13\x88\x01\xbb",
	    "2001:db8::7"),
	ROW(V2 "\x20\0\0\0", NULL),
	ROW(V2 "\x21\x31\0\x02xy", NULL),
};

static const struct row bad[] = {
	ROW("GET / HTTP/1.1\r\n", NULL),
	ROW("PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\n", NULL),
	ROW("PROXY TCP4 192.0.2.7 10.0.0.1 5000 65536\r\n", NULL),
	ROW("PROXY TCP4 192.0.2.7 10.0.0.1 5000\r\n", NULL),
	ROW("PROXY TCP4 192.0.2.7 10.0.0.1 5000 443 1\r\n", NULL),
	ROW("PROXY TCP4 2001:db8::7 ::1 5000 443\r\n", NULL),
	ROW("PROXY TCP4  192.0.2.7 10.0.0.1 5000 443\r\n", NULL),
	ROW("PROXY UDP4 192.0.2.7 10.0.0.1 5000 443\r\n", NULL),
	ROW(V2 "\x11\x11\0\x0c............", NULL),
	ROW(V2 "\x22\x11\0\x0c............", NULL),
	ROW(V2 "\x21\x11\0\x0b...........", NULL),
	ROW(V2 "\x21\x11\xff\xff", NULL),
	ROW(V2 "\x21\x21\0\x23...................................", NULL),
};

static void
test_good(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct row *r = &good[i];
		char with[200], name[INET6_ADDRSTRLEN];
		struct introduction in;

		for (size_t n = 0; n < r->len; n++)
			assert_int_equal(introduction_parse(r->text, n, &in),
					 0);
		memcpy(with, r->text, r->len);
		memcpy(with + r->len, "GET ", 4);
		assert_int_equal(introduction_parse(with, r->len + 4, &in),
				 r->len);
		assert_int_equal(in.named, r->from != NULL);
		if (r->from == NULL)
			continue;
		assert_non_null(inet_ntop(in.from.any.sa_family,
					  in.from.any.sa_family == AF_INET
					      ? (void *)&in.from.v4.sin_addr
					      : (void *)&in.from.v6.sin6_addr,
					  name, sizeof(name)));
		assert_string_equal(name, r->from);
		assert_int_equal(in.from.v4.sin_port, htons(5000));
	}
}

static void
test_bad(void **state)
{
	char endless[200];
	struct introduction in;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    introduction_parse(bad[i].text, bad[i].len, &in), -1);
	memset(endless, 'x', sizeof(endless));
	memcpy(endless, "PROXY ", 6);
	assert_int_equal(introduction_parse(endless, 106, &in), 0);
	assert_int_equal(introduction_parse(endless, 107, &in), -1);
}

static bool
trusts(const char *list, const char *who)
{
	union introduction_address a = { 0 };
	struct introduction_trust *t;
	struct err e = { 0 };
	bool yes;

	a.any.sa_family = strchr(who, ':') != NULL ? AF_INET6 : AF_INET;
	inet_pton(a.any.sa_family, who,
		  a.any.sa_family == AF_INET ? (void *)&a.v4.sin_addr
					     : (void *)&a.v6.sin6_addr);
	t = introduction_trust_new(list, &e);
	assert_non_null(t);
	yes = introduction_trusts(t, &a.any);
	introduction_trust_free(&t);
	return yes;
}

static void
test_trust(void **state)
{
	struct err e = { 0 };

	assert_false(trusts("", "127.0.0.1"));
	assert_true(trusts("127.0.0.1", "127.0.0.1"));
	assert_false(trusts("127.0.0.1", "127.0.0.2"));
	assert_true(trusts("::1, 10.0.0.0/8", "10.255.0.1"));
	assert_false(trusts("::1, 10.0.0.0/8", "11.0.0.1"));
	assert_true(trusts("10.0.0.4/30", "10.0.0.7"));
	assert_false(trusts("10.0.0.4/30", "10.0.0.8"));
	assert_true(trusts("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(trusts("2001:db8::/33", "2001:db8:8000::1"));
	assert_null(introduction_trust_new("10.0.0.0/33", &e));
	assert_null(introduction_trust_new("10.0.0.1,", &e));
	assert_null(introduction_trust_new("host", &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_good),
					    cmocka_unit_test(test_bad),
					    cmocka_unit_test(test_trust) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
