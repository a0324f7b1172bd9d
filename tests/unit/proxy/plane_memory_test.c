/*
 * A request on a kept connection allocates nothing: counted by the
 * sanitizer's hooks, or the allocator's own names, in the plane's threads.
 * (The access log's buffers change hands by the 64 KiB, not by the request.)
 */
#include <openssl/pem.h>
#include <openssl/ssl.h>
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

/* What a client offers by TLS. */
static const char *alpn = "";
/* The client's side of the one connection; NULL: it is plain. */
static SSL *secure;

static void
say(int fd, const char *at, size_t len)
{
	if (secure == NULL)
		client_send_bytes(fd, at, len);
	else
		assert_int_equal(SSL_write(secure, at, (int)len), (int)len);
}

/* Some of what comes. */
static size_t
hear(int fd, char *in, size_t room)
{
	ssize_t got = secure != NULL ? SSL_read(secure, in, (int)room)
				     : client_receive(fd, in, room, 0);

	assert_true(got > 0);
	return (size_t)got;
}

static void
hear_all(int fd, char *in, size_t len)
{
	for (size_t n = 0; n < len;)
		n += hear(fd, in + n, len - n);
}

static void
exchange(int fd, const char *request, size_t len)
{
	char in[4096];
	size_t n = 0;

	say(fd, request, len);
	while (n < 5 || memcmp(in + n - 5, "hello", 5) != 0)
		n += hear(fd, in + n, sizeof(in) - n);
	assert_memory_equal(in, "HTTP/1.1 200", 12);
}

typedef void turn_fn(int fd, uint32_t i);

static void
ask_h1(int fd, uint32_t i)
{
	static const char ask[] = "GET /acme/x?a=b HTTP/1.1\r\nHost: x\r\n"
				  "Accept: */*\r\nCookie: a=b\r\n\r\n";
	static const char post[] = "POST /v1/x HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 4\r\n\r\nbody";

	exchange(fd, ask, sizeof(ask) - 1);
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
		hear_all(fd, (char *)head, 9);
		len = (uint32_t)head[1] << 8 | head[2];
		of = (uint32_t)head[7] << 8 | head[8];
		assert_true(len <= sizeof(payload));
		hear_all(fd, payload, len);
	} while (of != id || head[3] > 1 || (head[4] & 1) == 0);
	assert_int_equal(head[3], 0);
	assert_memory_equal(payload, "hello", 5);
}

/* RFC 7541: methods and schemes of the static table, literals behind. */
static void
ask_h2(int fd, uint32_t i)
{
	static const char ask[] = "\x82\x86\x04\x07/acme/x\x01\x01x";
	static const char post[] = "\x83\x86\x04\x05/v1/x\x01\x01x"
				   "\x0f\x0d\x01"
				   "4";
	char out[200];
	uint32_t id = 4 * i + 1;

	frame(out, sizeof(ask) - 1, 1, 5, id);
	memcpy(out + 9, ask, sizeof(ask) - 1);
	say(fd, out, 9 + sizeof(ask) - 1);
	await_stream(fd, id);
	frame(out, sizeof(post) - 1, 1, 4, id + 2);
	memcpy(out + 9, post, sizeof(post) - 1);
	frame(out + 8 + sizeof(post), 4, 0, 1, id + 2);
	memcpy(out + 17 + sizeof(post), "body", 4);
	say(fd, out, 21 + sizeof(post));
	await_stream(fd, id + 2);
}

static int
open_h2(void)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				      "\0\0\0\4\0\0\0\0\0";
	int fd = secure != NULL ? SSL_get_fd(secure) : client_open();

	say(fd, preface, sizeof(preface) - 1);
	return fd;
}

static void
secure_end(void)
{
	SSL_free(secure);
	secure = NULL;
}

static int
open_tls(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	secure_end();
	secure = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(secure, client_open_at(rig.tls_port));
	SSL_set_alpn_protos(secure, (const unsigned char *)alpn,
			    (unsigned)strlen(alpn));
	assert_int_equal(SSL_connect(secure), 1);
	return SSL_get_fd(secure);
}

static int
open_tls_h2(void)
{
	open_tls();
	return open_h2();
}

static char certificate[] = "/tmp/plane-memory-XXXXXX";

static int
set_up(void **state)
{
	FILE *f = fdopen(mkstemp(certificate), "w");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	is_mine = true;
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	PEM_write_X509(f, x);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	X509_free(x);
	EVP_PKEY_free(key);
	return fclose(f);
}

static int
tear_down(void **state)
{
	return unlink(certificate);
}

static void
start(const char *access_log)
{
	struct rig_conf conf = { .access_log = access_log,
				 .certificate = certificate };
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
	secure_end();
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

/* OpenSSL's own are counted as well. */
static void
test_nor_by_tls(void **state)
{
	alpn = "\x08http/1.1";
	assert_int_equal(measure(ask_h1, open_tls, NULL), 0);
	alpn = "\x02h2";
	assert_int_equal(measure(ask_h2, open_tls_h2, NULL), 0);
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
		cmocka_unit_test(test_nor_by_tls),
	};

	watch();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
