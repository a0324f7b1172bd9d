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

static void
test_requests_allocate_nothing(void **state)
{
	static const char get[] = "GET /acme/x?a=b HTTP/1.1\r\nHost: x\r\n"
				  "Accept: */*\r\nCookie: a=b\r\n\r\n";
	static const char post[] = "POST /v1/x HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 4\r\n\r\nbody";
	struct route_address *to;
	char text[64];
	struct err e;
	int fd;

	is_mine = true;
	rig_start(NULL);
	quiet.fd = site_listen(0, &quiet.port);
	uv_thread_create(&quiet.thread, run_quiet, NULL);
	to = &rig.next.upstream[ROUTE_PRIMARY][ROUTE_WEB].address;
	snprintf(text, sizeof(text), "127.0.0.1:%u", quiet.port);
	unit_works(route_address_parse(text, to, &e), &e);
	rig_publish();
	fd = client_open();
	for (int i = 0; i < 50; i++) { /* what is made once is there then */
		exchange(fd, get, sizeof(get) - 1);
		exchange(fd, post, sizeof(post) - 1);
	}
	allocations = 0;
	counting = true;
	for (int i = 0; i < 1000; i++) {
		exchange(fd, get, sizeof(get) - 1);
		exchange(fd, post, sizeof(post) - 1);
	}
	counting = false;
	assert_int_equal(allocations, 0);
	counting = true; /* and the counter counts */
	close(fd);
	fd = client_open();
	exchange(fd, get, sizeof(get) - 1);
	counting = false;
	assert_int_not_equal(allocations, 0);
	close(fd);
	rig_stop();
	uv_thread_join(&quiet.thread);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_allocate_nothing),
	};

	watch();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
