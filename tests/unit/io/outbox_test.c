/* outbox against an httpd that takes, refuses and goes. */
#include "io/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "io/helper/turn.h"
#include "io/httpd.h"
#include "io/outbox_inner.h"

static struct {
	struct httpd *httpd;
	struct outbox *box;
	char dir[64], url[64], other[64];
	int status;        /* that the server answers */
	unsigned requests; /* that it saw */
	char bodies[200];  /* taken ones, one after the other */
	char type[64], signature[80];
} self;

static void
on_request(void *ctx, struct httpd_req *r)
{
	size_t n = strlen(self.bodies);

	self.requests++;
	span_copy(httpd_field(r, "Content-Type"), self.type, sizeof(self.type));
	span_copy(httpd_field(r, "X-GSB-Signature"), self.signature,
		  sizeof(self.signature));
	if (self.status == 200)
		snprintf(self.bodies + n, sizeof(self.bodies) - n, "%.*s;",
			 SPAN_ARG(httpd_body(r)));
	httpd_reply(r, self.status, NULL, span_of(""));
}

static void
open_server(void)
{
	struct httpd_conf conf = { .listen = "127.0.0.1:0",
				   .on_request = on_request };
	struct err e = { 0 };

	self.httpd = httpd_open(&conf, &e);
	assert_string_equal(err_text(&e), "no error");
	snprintf(self.url, sizeof(self.url), "http://127.0.0.1:%u/hook",
		 httpd_port(self.httpd));
	snprintf(self.other, sizeof(self.other), "http://127.0.0.1:%u/other",
		 httpd_port(self.httpd));
}

static struct outbox *
open_box(int64_t keep_ms, unsigned most)
{
	struct outbox_conf conf = { .dir = self.dir,
				    .mail_from = "gsb@example.com",
				    .web_key = span_of("secret"),
				    .retry = { 20, 40 },
				    .keep_ms = keep_ms,
				    .max_waiting = most };
	struct err e = { 0 };
	struct outbox *o = outbox_open(&conf, &e);

	assert_string_equal(err_text(&e), "no error");
	return o;
}

static void
add(const char *to, const char *body)
{
	struct outbox_message m = { .to = to,
				    .subject = "s",
				    .type = "text/x-test",
				    .body = span_of(body) };
	struct err e = { 0 };

	assert_int_equal(outbox_add(self.box, &m, &e), 0);
}

static int
set_up(void **state)
{
	memset(&self, 0, sizeof(self));
	snprintf(self.dir, sizeof(self.dir), "/tmp/gsb-outbox-XXXXXX");
	assert_non_null(mkdtemp(self.dir));
	loop_open();
	open_server();
	self.status = 200;
	self.box = open_box(60000, 100);
	return 0;
}

static int
tear_down(void **state)
{
	char *command = mem_printf("rm -r %s", self.dir);

	outbox_close(&self.box);
	httpd_close(&self.httpd);
	loop_close();
	assert_int_equal(system(command), 0);
	mem_free(command);
	return 0;
}

static void
test_posts_in_order_and_signs(void **state)
{
	STRBUF_AUTO mac = { 0 };
	uint8_t sum[CRYPTO_SHA256_SIZE];

	add(self.url, "one");
	add(self.url, "two");
	add(self.url, "three");
	TURN_UNTIL(outbox_counts(self.box).delivered == 3);
	assert_string_equal(self.bodies, "one;two;three;");
	assert_string_equal(self.type, "text/x-test");
	crypto_hmac_sha256(span_of("secret"), span_of("three"), sum);
	strbuf_adds(&mac, "sha256=");
	crypto_hex(span_make((const char *)sum, sizeof(sum)), &mac);
	assert_string_equal(self.signature, strbuf_text(&mac));
	assert_int_equal(outbox_counts(self.box).waiting, 0);
}

static void
test_tries_again_until_it_is_taken(void **state)
{
	self.status = 500;
	add(self.url, "one");
	add(self.url, "two");
	TURN_UNTIL(self.requests >= 3);
	assert_int_equal(outbox_counts(self.box).waiting, 2);
	assert_non_null(
	    strstr(outbox_counts(self.box).last_error, "answered 500"));
	self.status = 200;
	TURN_UNTIL(outbox_counts(self.box).waiting == 0);
	assert_string_equal(self.bodies, "one;two;");
	assert_string_equal(outbox_counts(self.box).last_error, "");
}

static void
test_one_that_fails_holds_up_no_other(void **state)
{
	add("http://127.0.0.1:1/nobody", "lost");
	add(self.url, "one");
	TURN_UNTIL(strcmp(self.bodies, "one;") == 0);
	TURN_UNTIL(outbox_counts(self.box).failed_tries >= 2);
	assert_int_equal(outbox_counts(self.box).waiting, 1);
}

static void
test_a_restart_loses_none(void **state)
{
	self.status = 503;
	add(self.url, "one");
	add(self.other, "two");
	outbox_close(&self.box);
	self.status = 200;
	self.box = open_box(60000, 100);
	assert_int_equal(outbox_counts(self.box).waiting, 2);
	TURN_UNTIL(outbox_counts(self.box).waiting == 0);
	assert_true(strcmp(self.bodies, "one;two;") == 0 ||
		    strcmp(self.bodies, "two;one;") == 0);
	outbox_close(&self.box);
	self.box = open_box(60000, 100);
	assert_int_equal(outbox_counts(self.box).waiting, 0);
}

static void
test_gives_up_what_is_too_old(void **state)
{
	self.status = 503;
	outbox_close(&self.box);
	self.box = open_box(30, 100);
	add(self.url, "one");
	TURN_UNTIL(outbox_counts(self.box).given_up == 1);
	assert_int_equal(outbox_counts(self.box).waiting, 0);
}

static void
test_mail_without_a_server_waits(void **state)
{
	add("mailto:ann@example.com", "one");
	assert_int_equal(outbox_counts(self.box).waiting, 1);
	assert_non_null(
	    strstr(outbox_counts(self.box).last_error, "no mail server"));
}

static void
test_refuses(void **state)
{
	static const char *const wrong[] = {
		"",
		"ftp://a/b",
		"http://",
		"mailto:",
		"mailto:@host",
		"mailto:ann@",
		"mailto:a b@c.d",
		"http://h/\r\nX: y",
		"mailto:<a@b>",
	};
	struct outbox_message m = { .to = self.url, .body = span_of("x") };
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(outbox_is_receiver(wrong[i], &e));
	assert_non_null(strstr(e.text, "mailto:NAME@HOST"));
	outbox_close(&self.box);
	self.box = open_box(60000, 1);
	self.status = 503;
	add(self.url, "one");
	assert_int_equal(outbox_add(self.box, &m, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_mail_text(void **state)
{
	STRBUF_AUTO out = { 0 };
	JSON_AUTO doc = json_object();

	json_put_str(doc, "id", "7");
	json_put_str(doc, "to", "mailto:ann@example.com");
	json_put_str(doc, "from", "gsb@site.example");
	json_put_str(doc, "subject",
		     "\xc3\x84nderung \xc3\xbc"
		     "berall: ein l\xc3\xa4ngerer Betreff mit vielen Worten");
	json_put_str(doc, "type", "text/plain; charset=utf-8");
	json_put_str(doc, "body", "Hello\n");
	json_put_int(doc, "made_us", INT64_C(784111777000000));
	outbox_mail_write(doc, &out);
	assert_string_equal(
	    strbuf_text(&out),
	    "From: <gsb@site.example>\r\nTo: <ann@example.com>\r\n"
	    "Subject: =?UTF-8?B?"
	    "w4RuZGVydW5nIMO8YmVyYWxsOiBlaW4gbMOkbmdlcmVyIEJldHJlZmYgbWl0"
	    "?=\r\n =?UTF-8?B?IHZpZWxlbiBXb3J0ZW4=?=\r\n"
	    "Date: Sun, 06 Nov 1994 08:49:37 +0000\r\n"
	    "Message-ID: <7@site.example>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8K\r\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_posts_in_order_and_signs),
		T(test_tries_again_until_it_is_taken),
		T(test_one_that_fails_holds_up_no_other),
		T(test_a_restart_loses_none),
		T(test_gives_up_what_is_too_old),
		T(test_mail_without_a_server_waits),
		T(test_refuses),
		T(test_mail_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
