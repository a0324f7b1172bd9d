#include "io/wsd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/helper/peer.h"
#include "io/helper/turn.h"

#define UPGRADE                                           \
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"   \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
	"Sec-WebSocket-Version: 13\r\n\r\n"
#define HELLO(path) "GET " path " HTTP/1.1\r\nHost: h\r\n" UPGRADE

static struct {
	struct wsd *wsd;
	struct peer peer;
	unsigned hellos, opened, closed, drained;
	struct wsd_conn *conn; /* the last one opened */
	char path[64], query[64], epoch[64], host[64];
	char text[70000];
	unsigned texts;
	int code;
	char reason[128];
	int refuse;
	bool close_on_text;
} self;

static int
on_hello(void *ctx, const struct wsd_hello *h, void **data)
{
	self.hellos++;
	span_copy(h->path, self.path, sizeof(self.path));
	span_copy(h->query, self.query, sizeof(self.query));
	span_copy(wsd_field(h, "GSB-Epoch"), self.epoch, sizeof(self.epoch));
	span_copy(wsd_field(h, "Host"), self.host, sizeof(self.host));
	assert_null(wsd_field(h, "X-None").at);
	assert_string_equal(h->peer, "127.0.0.1");
	*data = &self;
	return self.refuse;
}

static void
on_open(void *ctx, struct wsd_conn *c)
{
	assert_ptr_equal(wsd_data(c), &self);
	self.conn = c;
	self.opened++;
}

static void
on_text(void *ctx, struct wsd_conn *c, struct span text)
{
	span_copy(text, self.text, sizeof(self.text));
	self.texts++;
	if (self.close_on_text)
		wsd_close_all(&self.wsd);
}

static void
on_close(void *ctx, struct wsd_conn *c, int code, const char *reason)
{
	assert_ptr_equal(wsd_data(c), &self);
	self.closed++;
	self.code = code;
	snprintf(self.reason, sizeof(self.reason), "%s", reason);
}

static void
open_with(struct wsd_conf conf)
{
	struct err e = { 0 };

	conf.listen = "127.0.0.1:0";
	conf.on_hello = on_hello;
	conf.on_open = on_open;
	conf.on_text = on_text;
	conf.on_close = on_close;
	self.wsd = wsd_open(&conf, &e);
	if (self.wsd == NULL)
		fail_msg("%s", err_text(&e));
}

static int
set_up(void **state)
{
	memset(&self, 0, sizeof(self));
	loop_open();
	open_with(
	    (struct wsd_conf){ .max_message = 60000, .max_queue = 100000 });
	peer_connect(&self.peer, wsd_port(self.wsd));
	return 0;
}

static int
tear_down(void **state)
{
	peer_close(&self.peer);
	wsd_close_all(&self.wsd);
	loop_close();
	return 0;
}

static void
reopen_with(struct wsd_conf conf)
{
	peer_close(&self.peer);
	wsd_close_all(&self.wsd);
	open_with(conf);
	peer_connect(&self.peer, wsd_port(self.wsd));
}

static void
join(struct peer *p)
{
	unsigned opened = self.opened;

	peer_send(p, HELLO("/acme/ws/P/1?t=abc&x=1"));
	peer_await(p, "HTTP/1.1 101 ");
	peer_await(p, "\r\n\r\n");
	TURN_UNTIL(self.opened == opened + 1);
}

/* A masked frame; the key is all zeros, so the bytes stay as they are. */
static void
send_frame(struct peer *p, int first, const char *text)
{
	size_t len = strlen(text), head = 2;
	char *frame = mem_alloc(len + 8);

	frame[0] = (char)first;
	frame[1] = (char)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		frame[2] = (char)(len >> 8);
		frame[3] = (char)len;
		head = 4;
	}
	memcpy(frame + head + 4, text, len);
	peer_send_bytes(p, frame, head + 4 + len);
	mem_free(frame);
}

static void
test_hello(void **state)
{
	peer_send(&self.peer,
		  "GET /acme/ws/P/1?t=abc&x=1 HTTP/1.1\r\nHost: h:1\r\n"
		  "GSB-Epoch: 7\r\n" UPGRADE);
	peer_await(&self.peer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	TURN_UNTIL(self.opened == 1);
	assert_string_equal(self.path, "/acme/ws/P/1");
	assert_string_equal(self.query, "t=abc&x=1");
	assert_string_equal(self.epoch, "7");
	assert_string_equal(self.host, "h:1");
	assert_int_equal(wsd_connections(self.wsd), 1);
}

static void
test_refused(void **state)
{
	self.refuse = 421;
	reopen_with((struct wsd_conf){ .refusal = "GSB-X: 1\r\n" });
	peer_send(&self.peer, HELLO("/x"));
	peer_await(&self.peer, "HTTP/1.1 421 Misdirected Request\r\nGSB-X: 1");
	peer_await_eof(&self.peer);
	peer_close(&self.peer);
	peer_connect(&self.peer, wsd_port(self.wsd));
	peer_send(&self.peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&self.peer, "HTTP/1.1 426 ");
	assert_int_equal(self.opened, 0);
	assert_int_equal(self.closed, 0);
	assert_int_equal(wsd_connections(self.wsd), 0);
}

static void
test_text_both_ways(void **state)
{
	join(&self.peer);
	send_frame(&self.peer, 0x81, "hello");
	TURN_UNTIL(self.texts == 1);
	assert_string_equal(self.text, "hello");
	send_frame(&self.peer, 0x01, "in two ");
	send_frame(&self.peer, 0x80, "parts");
	TURN_UNTIL(self.texts == 2);
	assert_string_equal(self.text, "in two parts");
	wsd_send(self.conn, span_of("one"));
	wsd_send(self.conn, span_of("two"));
	peer_await(&self.peer, "\x81\x03one\x81\x03two");
}

static bool
has_all(char *at, size_t *have, size_t len)
{
	ssize_t n = recv(self.peer.fd, at + *have, len - *have, MSG_DONTWAIT);

	if (n > 0)
		*have += (size_t)n;
	return *have == len;
}

static void
take(char *at, size_t len)
{
	size_t have = 0;

	TURN_UNTIL(has_all(at, &have, len));
}

/* RFC 6455 5.2: what each length looks like on the wire. */
static void
test_frames_of_all_lengths(void **state)
{
	static const struct {
		size_t len;
		const char *head;
		size_t head_len;
	} all[] = { { 0, "\x81\0", 2 },
		    { 125, "\x81\x7d", 2 },
		    { 126, "\x81\x7e\0\x7e", 4 },
		    { 65535, "\x81\x7e\xff\xff", 4 },
		    { 65536, "\x81\x7f\0\0\0\0\0\1\0\0", 10 } };
	char *text = mem_alloc(65536), *in = mem_alloc(65546);

	join(&self.peer);
	memset(text, 'z', 65536);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		wsd_send(self.conn, span_make(text, all[i].len));
		take(in, all[i].head_len + all[i].len);
		assert_memory_equal(in, all[i].head, all[i].head_len);
		assert_memory_equal(in + all[i].head_len, text, all[i].len);
	}
	mem_free(in);
	mem_free(text);
}

/* More than the sockets take, and a ping's answer in its midst: whoever reads
 * late gets all of it whole, in order. */
static void
test_a_late_reader_gets_all_in_order(void **state)
{
	enum { TEXTS = 60, LEN = 60000 };
	char *text = mem_alloc(LEN + 1), *in = mem_alloc(LEN);
	unsigned pongs = 0;

	reopen_with((struct wsd_conf){ .max_queue = TEXTS * (LEN + 4) });
	join(&self.peer);
	for (int i = 0; i < TEXTS; i++) {
		memset(text, 'a' + i % 26, LEN);
		wsd_send(self.conn, span_of(text));
		if (i == TEXTS / 2)
			send_frame(&self.peer, 0x89, "");
	}
	for (int i = 0; i < TEXTS; i++) {
		take(in, 2);
		if (in[0] == '\x8a') {
			pongs++;
			i--;
			continue;
		}
		assert_memory_equal(in, "\x81\x7e", 2);
		take(in, 2);
		take(in, LEN);
		memset(text, 'a' + i % 26, LEN);
		assert_memory_equal(in, text, LEN);
	}
	if (pongs == 0)
		take(in, 2);
	assert_true(pongs == 1 || in[0] == '\x8a');
	mem_free(in);
	mem_free(text);
}

static void
test_one_buffer_for_many(void **state)
{
	struct wsd_msg *m = wsd_msg_new(span_of("to all"));
	struct wsd_conn *conns[20];
	static struct peer peers[20];

	for (int i = 0; i < 20; i++) {
		peer_connect(&peers[i], wsd_port(self.wsd));
		join(&peers[i]);
		conns[i] = self.conn;
	}
	for (int i = 0; i < 20; i++)
		wsd_send_msg(conns[i], m);
	wsd_msg_free(&m);
	for (int i = 0; i < 20; i++) {
		peer_await(&peers[i], "\x81\x06to all");
		peer_close(&peers[i]);
	}
	TURN_UNTIL(self.closed == 20);
}

static void
expect_closed(int code, const char *reason)
{
	char frame[130];

	snprintf(frame, sizeof(frame), "%c%c%s", code >> 8, code & 255, reason);
	TURN_UNTIL(self.closed == 1);
	assert_int_equal(self.code, code);
	assert_string_equal(self.reason, reason);
}

static void
test_closed_by_us(void **state)
{
	join(&self.peer);
	wsd_send(self.conn, span_of("before"));
	wsd_close(self.conn, 4001, "enough");
	wsd_send(self.conn, span_of("never"));
	assert_int_equal(self.closed, 0);
	peer_await(&self.peer, "before\x88\x08\x0f\xa1"
			       "enough");
	send_frame(&self.peer, 0x88, "\x0f\xa1");
	expect_closed(4001, "enough");
	peer_await_eof(&self.peer);
	assert_int_equal(wsd_connections(self.wsd), 0);
}

static void
test_closed_by_the_peer(void **state)
{
	join(&self.peer);
	send_frame(&self.peer, 0x88,
		   "\x03\xe8"
		   "bye");
	expect_closed(1000, "bye");
}

static void
test_cut(void **state)
{
	join(&self.peer);
	peer_close(&self.peer);
	TURN_UNTIL(self.closed == 1);
	assert_int_equal(self.code, 1006);
}

static void
test_too_large_and_binary(void **state)
{
	char *large = mem_alloc(60002);

	memset(large, 'x', 60001);
	join(&self.peer);
	send_frame(&self.peer, 0x81, large);
	peer_await(&self.peer, "too large");
	send_frame(&self.peer, 0x88, "");
	expect_closed(1009, "message too large");
	assert_int_equal(self.texts, 0);
	peer_close(&self.peer);
	self.closed = 0;
	peer_connect(&self.peer, wsd_port(self.wsd));
	join(&self.peer);
	large[60000] = '\0';
	send_frame(&self.peer, 0x81, large);
	TURN_UNTIL(self.texts == 1);
	assert_string_equal(self.text, large);
	send_frame(&self.peer, 0x82, "bytes");
	peer_await(&self.peer, "text only");
	send_frame(&self.peer, 0x88, "");
	expect_closed(1003, "text only");
	mem_free(large);
}

static void
test_slow_consumer(void **state)
{
	struct wsd_msg *m;
	char *text = mem_alloc(10001);

	memset(text, 'y', 10000);
	m = wsd_msg_new(span_of(text));
	join(&self.peer);
	/* More than the sockets' buffers, and the peer reads nothing. */
	for (int i = 0; i < 2000 && self.closed == 0; i++) {
		wsd_send_msg(self.conn, m);
		uv_run(loop_uv(), UV_RUN_NOWAIT);
	}
	TURN_UNTIL(self.closed == 1);
	assert_int_equal(self.code, 1008);
	assert_string_equal(self.reason, "slow consumer");
	wsd_msg_free(&m);
	mem_free(text);
}

static void
test_pings(void **state)
{
	/* long enough for a stall of the machine before the pong */
	reopen_with((struct wsd_conf){ .ping_ms = 400 });
	join(&self.peer);
	peer_await(&self.peer, "\x89");
	send_frame(&self.peer, 0x8a, "");
	TURN_UNTIL(self.closed == 1); /* later pings go unanswered */
	assert_int_equal(self.code, 1006);
	assert_string_equal(self.reason, "silent");
}

static void
on_drained(void *ctx)
{
	self.drained++;
}

static void
test_drain(void **state)
{
	struct peer stubborn;

	peer_connect(&stubborn, wsd_port(self.wsd));
	join(&stubborn);
	join(&self.peer);
	wsd_drain(self.wsd, 1012, "moves", on_drained, NULL);
	peer_await(&self.peer, "\x88\x07\x03\xf4moves");
	peer_await(&stubborn, "\x88\x07\x03\xf4moves");
	send_frame(&self.peer, 0x88, "\x03\xf4");
	TURN_UNTIL(self.drained == 1);
	assert_int_equal(self.closed, 2);
	assert_int_equal(self.code, 1012);
	peer_close(&stubborn);
}

static void
test_freed_in_a_callback(void **state)
{
	struct peer plain;

	peer_connect(&plain, wsd_port(self.wsd)); /* says nothing */
	join(&self.peer);
	self.close_on_text = true;
	send_frame(&self.peer, 0x81, "now");
	TURN_UNTIL(self.texts == 1);
	assert_null(self.wsd);
	peer_await_eof(&self.peer);
	assert_int_equal(self.closed, 0);
	peer_close(&plain);
}

static void
test_too_many(void **state)
{
	struct peer second;

	reopen_with((struct wsd_conf){ .max_conns = 1 });
	join(&self.peer);
	peer_connect(&second, wsd_port(self.wsd));
	peer_send(&second, HELLO("/x"));
	peer_await(&second, "HTTP/1.1 503 ");
	peer_close(&second);
}

static void
test_address_in_use(void **state)
{
	char listen[32];
	struct wsd_conf conf = { .listen = listen };
	struct err e = { 0 };

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", wsd_port(self.wsd));
	assert_null(wsd_open(&conf, &e));
	assert_non_null(strstr(err_text(&e), "in use"));
	snprintf(listen, sizeof(listen), "unix:/tmp/x");
	assert_null(wsd_open(&conf, &e));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_hello),
		T(test_refused),
		T(test_text_both_ways),
		T(test_frames_of_all_lengths),
		T(test_a_late_reader_gets_all_in_order),
		T(test_one_buffer_for_many),
		T(test_closed_by_us),
		T(test_closed_by_the_peer),
		T(test_cut),
		T(test_too_large_and_binary),
		T(test_slow_consumer),
		T(test_pings),
		T(test_drain),
		T(test_freed_in_a_callback),
		T(test_too_many),
		T(test_address_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
