/*
 * An answer's head goes to nghttp2 bare and is filled in when its frame comes
 * out. nghttp2 that lets none out, as after its last word, must not be able to
 * send the bare one later: here it does so when it is told to.
 */
#include <dlfcn.h>
#include <nghttp2/nghttp2.h>
#include <stdatomic.h>

#include "proxy/rig/rig.c"

static atomic_bool keeps_back;

/* In the library's stead, for the plane. */
int
nghttp2_session_want_write(nghttp2_session *session)
{
	int (*real)(nghttp2_session * s);

	*(void **)&real = dlsym(RTLD_NEXT, __func__);
	assert(real != NULL);
	return keeps_back ? 0 : real(session);
}

/* All that it says at first: settings, that it has ours, a window. */
static void
read_first(int fd)
{
	bool acknowledged = false, opened = false;
	char head[9], payload[256];
	size_t len;

	while (!acknowledged || !opened) {
		assert_int_equal(client_read_bytes(fd, head, 9), 9);
		len = (unsigned char)head[2];
		assert_int_equal(client_read_bytes(fd, payload, len), len);
		acknowledged |= head[3] == NGHTTP2_SETTINGS &&
				head[4] == NGHTTP2_FLAG_ACK;
		opened |= head[3] == NGHTTP2_WINDOW_UPDATE;
	}
}

static int
open_h2(void)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				      "\0\0\0\4\0\0\0\0\0";
	int fd = client_open();

	client_send_bytes(fd, preface, sizeof(preface) - 1);
	read_first(fd);
	return fd;
}

/* GET /c/ok by http, authority "x"; the first stream, and its end. */
static void
request(int fd)
{
	static const char get[] = "\0\0\x0c\1\5\0\0\0\1"
				  "\x82\x86\x04\x05/c/ok\x41\x01x";

	client_send_bytes(fd, get, sizeof(get) - 1);
}

static void
test_a_head_comes_out(void **state)
{
	char head[9];
	int fd;

	rig_start(NULL);
	fd = open_h2();
	request(fd);
	assert_int_equal(client_read_bytes(fd, head, 9), 9);
	assert_int_equal(head[3], NGHTTP2_HEADERS);
	assert_int_equal(head[8], 1);
	close(fd);
	rig_stop();
}

static void
test_one_kept_back_ends_the_connection(void **state)
{
	char byte;
	int fd;

	rig_start(NULL);
	fd = open_h2();
	keeps_back = true;
	request(fd);
	assert_int_equal(client_receive(fd, &byte, 1, 0), 0);
	assert_int_equal(site_count(rig.site[0], "/c/ok"), 1);
	keeps_back = false;
	close(fd);
	rig_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_head_comes_out),
		cmocka_unit_test(test_one_kept_back_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
