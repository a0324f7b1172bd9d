/*
 * A request on a kept connection allocates nothing: counted by the
 * sanitizer's hooks, or the allocator's own names, in the plane's threads.
 * (The access log's buffers change hands by the 64 KiB, not by the request.)
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "proxy/rig/rig.c"

/* The test's own threads say so; what is left is the plane. */
static __thread bool is_mine;
static atomic_ulong allocations;
static atomic_bool counting;

static void
count_one(void)
{
	if (counting && !is_mine)
		atomic_fetch_add(&allocations, 1);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
/* Of sanitizer/allocator_interface.h, which gcc does not come with. */
int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *at, size_t size),
    void (*on_free)(const volatile void *at));

static void
on_malloc(const volatile void *at, size_t size)
{
	count_one();
}

static void
on_free(const volatile void *at)
{
}

static void
watch(void)
{
	assert_true(
	    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t size);

void *
malloc(size_t size)
{
	count_one();
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	count_one();
	return __libc_calloc(n, size);
}

void *
realloc(void *at, size_t size)
{
	count_one();
	return __libc_realloc(at, size);
}

static void
watch(void)
{
}
#endif

/* A site that answers each read, from static memory. */
static struct {
	int fd;
	unsigned port;
	uv_thread_t thread;
} quiet;

static void
run_quiet(void *arg)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
				     "Content-Length: 5\r\n\r\nhello";
	char in[4096];
	int fd;

	is_mine = true;
	fd = accept(quiet.fd, NULL, NULL);
	while (recv(fd, in, sizeof(in), 0) > 0)
		if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
			break;
	close(fd);
	close(quiet.fd);
}

static void
exchange(int fd, const char *request, size_t len)
{
	char in[4096];
	size_t n = 0;

	client_send_bytes(fd, request, len);
	while (n < 5 || memcmp(in + n - 5, "hello", 5) != 0) {
		ssize_t got = client_receive(fd, in + n, sizeof(in) - n, 0);

		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_memory_equal(in, "HTTP/1.1 200", 12);
}

typedef void turn_fn(int fd, uint32_t i);

static void
ask_h1(int fd, uint32_t i)
{
	static const char get[] = "GET /acme/x?a=b HTTP/1.1\r\nHost: x\r\n"
				  "Accept: */*\r\nCookie: a=b\r\n\r\n";
	static const char post[] = "POST /v1/x HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 4\r\n\r\nbody";

	exchange(fd, get, sizeof(get) - 1);
	exchange(fd, post, sizeof(post) - 1);
}

/* Type, flags and stream of a frame whose payload has that length. */
static void
frame(char out[9], size_t len, int type, int flags, uint32_t id)
{
	out[0] = 0;
	out[1] = (char)(len >> 8);
	out[2] = (char)len;
	out[3] = (char)type;
	out[4] = (char)flags;
	for (int i = 0; i < 4; i++)
		out[5 + i] = (char)(id >> (24 - 8 * i));
}

/* Until the stream has ended: END_STREAM of its HEADERS or DATA. */
static void
await_stream(int fd, uint32_t id)
{
	unsigned char head[9];
	char payload[4096];
	uint32_t of = 0, len;

	do {
		assert_int_equal(client_read_bytes(fd, (char *)head, 9), 9);
		len = (uint32_t)head[1] << 8 | head[2];
		of = (uint32_t)head[7] << 8 | head[8];
		assert_true(len <= sizeof(payload));
		assert_int_equal(client_read_bytes(fd, payload, len), len);
	} while (of != id || head[3] > 1 || (head[4] & 1) == 0);
	assert_int_equal(head[3], 0);
	assert_memory_equal(payload, "hello", 5);
}

/* RFC 7541: methods and schemes of the static table, literals behind. */
static void
ask_h2(int fd, uint32_t i)
{
	static const char get[] = "\x82\x86\x04\x07/acme/x\x01\x01x";
	static const char post[] = "\x83\x86\x04\x05/v1/x\x01\x01x"
				   "\x0f\x0d\x01"
				   "4";
	char out[200];
	uint32_t id = 4 * i + 1;

	frame(out, sizeof(get) - 1, 1, 5, id);
	memcpy(out + 9, get, sizeof(get) - 1);
	client_send_bytes(fd, out, 9 + sizeof(get) - 1);
	await_stream(fd, id);
	frame(out, sizeof(post) - 1, 1, 4, id + 2);
	memcpy(out + 9, post, sizeof(post) - 1);
	frame(out + 8 + sizeof(post), 4, 0, 1, id + 2);
	memcpy(out + 17 + sizeof(post), "body", 4);
	client_send_bytes(fd, out, 21 + sizeof(post));
	await_stream(fd, id + 2);
}

static int
open_h2(void)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				      "\0\0\0\4\0\0\0\0\0";
	int fd = client_open();

	client_send_bytes(fd, preface, sizeof(preface) - 1);
	return fd;
}

static void
start(const char *access_log)
{
	struct rig_conf conf = { .access_log = access_log };
	struct route_address *to;
	char text[64];
	struct err e;

	is_mine = true;
	rig_start(&conf);
	quiet.fd = site_listen(0, &quiet.port);
	uv_thread_create(&quiet.thread, run_quiet, NULL);
	to = &rig.next.upstream[ROUTE_PRIMARY][ROUTE_WEB].address;
	snprintf(text, sizeof(text), "127.0.0.1:%u", quiet.port);
	unit_works(route_address_parse(text, to, &e), &e);
	rig_publish();
}

/* How much 2,000 requests allocate. */
static unsigned long
measure(turn_fn *turn, int (*open)(void), const char *access_log)
{
	unsigned long n;
	int fd;

	start(access_log);
	fd = open();
	for (uint32_t i = 0; i < 500; i++) /* what is made once is there then */
		turn(fd, i);
	allocations = 0;
	counting = true;
	for (uint32_t i = 500; i < 1500; i++)
		turn(fd, i);
	counting = false;
	n = allocations;
	counting = true; /* and the counter counts */
	close(fd);
	fd = open();
	turn(fd, 0);
	counting = false;
	assert_int_not_equal(allocations, n);
	close(fd);
	rig_stop();
	uv_thread_join(&quiet.thread);
	return n;
}

static void
test_requests_allocate_nothing(void **state)
{
	assert_int_equal(measure(ask_h1, client_open, NULL), 0);
}

static void
test_nor_by_http2(void **state)
{
	assert_int_equal(measure(ask_h2, open_h2, NULL), 0);
}

/* A sheet of the log, perhaps, while its writer is behind. */
static void
test_nor_with_a_log(void **state)
{
	assert_in_range(measure(ask_h1, client_open, "/dev/null"), 0, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_allocate_nothing),
		cmocka_unit_test(test_nor_with_a_log),
		cmocka_unit_test(test_nor_by_http2),
	};

	watch();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
