#include "base/keyring.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unit.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY_B "11112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct keyring *
ring(const char *text)
{
	struct err e = { 0 };
	struct keyring *kr = keyring_parse("keys", span_of(text), &e);

	if (kr == NULL)
		fail_msg("%s", err_text(&e));
	return kr;
}

static void
test_sign_and_verify(void **state)
{
	struct keyring *kr = ring("# pair\n\nk1 " KEY_A "\r\nk2\t" KEY_B "\n");
	STRBUF_AUTO sig = { 0 };
	struct err e = { 0 };

	keyring_sign(kr, span_of("hello"), &sig);
	assert_true(span_starts(strbuf_span(&sig), "k1."));
	assert_string_equal(keyring_id(kr), "k1");
	assert_int_equal(sig.len, 3 + 43);
	unit_works(keyring_verify(kr, span_of("hello"), strbuf_span(&sig), &e),
		   &e);
	unit_fails(keyring_verify(kr, span_of("hallo"), strbuf_span(&sig), &e),
		   &e, "the signature is wrong");
	assert_int_equal(e.code, ERR_REFUSED);
	keyring_free(&kr);
	assert_null(kr);
	keyring_free(&kr);
}

static void
test_rotation(void **state)
{
	struct keyring *old = ring("k1 " KEY_A "\n");
	struct keyring *new = ring("k2 " KEY_B "\nk1 " KEY_A "\n");
	STRBUF_AUTO a = { 0 };
	STRBUF_AUTO b = { 0 };
	struct err e = { 0 };

	keyring_sign(old, span_of("x"), &a);
	keyring_sign(new, span_of("x"), &b);
	unit_works(keyring_verify(new, span_of("x"), strbuf_span(&a), &e), &e);
	unit_fails(keyring_verify(old, span_of("x"), strbuf_span(&b), &e), &e,
		   "key that is not in the ring");
	keyring_free(&old);
	keyring_free(&new);
}

static void
test_forgeries(void **state)
{
	struct keyring *kr = ring("k1 " KEY_A "\nk2 " KEY_B "\n");
	STRBUF_AUTO sig = { 0 };
	struct err e = { 0 };

	keyring_sign(kr, span_of("x"), &sig);
	for (size_t i = 0; i < sig.len; i++) {
		char was = sig.at[i];

		sig.at[i] ^= 1;
		assert_int_equal(
		    keyring_verify(kr, span_of("x"), strbuf_span(&sig), &e),
		    -1);
		sig.at[i] = was;
	}
	for (size_t n = 0; n < sig.len; n++)
		assert_int_equal(
		    keyring_verify(kr, span_of("x"), span_make(sig.at, n), &e),
		    -1);
	sig.at[1] = '2';
	unit_fails(keyring_verify(kr, span_of("x"), strbuf_span(&sig), &e), &e,
		   "wrong");
	unit_fails(keyring_verify(kr, span_of("x"), span_of(""), &e), &e,
		   "not a signature");
	keyring_free(&kr);
}

static void
refuses(const char *text, const char *part)
{
	struct err e = { 0 };

	unit_fails(keyring_parse("keys", span_of(text), &e) ? 0 : -1, &e, part);
	assert_null(strstr(err_text(&e), "00112233"));
}

static void
test_bad_files(void **state)
{
	refuses("", "keys: holds no key");
	refuses("# only words\n", "keys: holds no key");
	refuses("\nk1 0011\n", "keys:2: the key has 2 bytes; it must have 32");
	refuses("k1 " KEY_A KEY_A KEY_A "\n", "keys:1: the key has 96 bytes");
	refuses("k1 " KEY_A "x\n", "not pairs of hex");
	refuses("k1 " KEY_A " " KEY_B "\n", "not pairs of hex");
	refuses("k.1 " KEY_A "\n", "KEYID is 1 to 32");
	refuses(KEY_A "\n", "KEYID is 1 to 32");
	refuses("k1 " KEY_A "\nk1 " KEY_B "\n", "keys:2: key k1 occurs twice");
	refuses("k1\n", "keys:1: the key has 0 bytes");
}

static void
test_load(void **state)
{
	char path[] = "/tmp/keyring-test-XXXXXX";
	int fd = mkstemp(path);
	struct err e = { 0 };
	struct keyring *kr;

	assert_true(fd >= 0);
	assert_true(write(fd, "k1 " KEY_A "\n", 68) == 68);
	close(fd);
	kr = keyring_load(path, &e);
	assert_non_null(kr);
	keyring_free(&kr);
	chmod(path, 0640);
	unit_fails(keyring_load(path, &e) ? 0 : -1, &e, "mode is 0640");
	assert_non_null(strstr(err_text(&e), path));
	unlink(path);
	unit_fails(keyring_load(path, &e) ? 0 : -1, &e, "No such file");
	assert_int_equal(e.code, ERR_NOT_FOUND);
	unit_fails(keyring_load("/tmp", &e) ? 0 : -1, &e, "regular file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_and_verify),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_forgeries),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
