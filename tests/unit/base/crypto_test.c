#include "base/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "base/unit.h"

static void
assert_hex(const uint8_t *bytes, size_t n, const char *hex)
{
	STRBUF_AUTO sb = { 0 };

	crypto_hex(span_make((const char *)bytes, n), &sb);
	assert_string_equal(strbuf_text(&sb), hex);
}

/* FIPS 180-2 and RFC 4231 (case 2) */
static void
test_digests(void **state)
{
	uint8_t out[CRYPTO_SHA256_SIZE];

	crypto_sha256(span_of("abc"), out);
	assert_hex(out, sizeof(out),
		   "ba7816bf8f01cfea414140de5dae2223"
		   "b00361a396177a9cb410ff61f20015ad");
	crypto_sha256(span_of(NULL), out);
	assert_hex(out, 4, "e3b0c442");
	crypto_hmac_sha256(span_of("Jefe"),
			   span_of("what do ya want for nothing?"), out);
	assert_hex(out, sizeof(out),
		   "5bdcc146bf60754e6a042426089575c7"
		   "5a003f089d2739839dec58b964ec3843");
}

/* Keys and texts of every length, beside libcrypto's own. */
static void
test_hmac_of_any_length(void **state)
{
	char text[200];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + 1);
	for (size_t n = 0; n < sizeof(text); n++) {
		uint8_t ours[CRYPTO_SHA256_SIZE];
		uint8_t theirs[CRYPTO_SHA256_SIZE];
		size_t m = sizeof(text) - n;

		crypto_hmac_sha256(span_make(text, n), span_make(text, m),
				   ours);
		assert_non_null(HMAC(EVP_sha256(), text, (int)n,
				     (const unsigned char *)text, m, theirs,
				     NULL));
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static void *
digest_often(void *arg)
{
	uint8_t *differ = arg;
	uint8_t key = differ[0];
	uint8_t first[CRYPTO_SHA256_SIZE], next[CRYPTO_SHA256_SIZE];
	struct span s = span_make((char *)&key, 1);

	crypto_hmac_sha256(s, s, first);
	for (int i = 0; i < 3000; i++) {
		crypto_hmac_sha256(s, s, next);
		differ[1] |= memcmp(first, next, sizeof(next)) != 0;
	}
	return NULL;
}

static void
test_hmac_in_several_threads(void **state)
{
	pthread_t threads[4];
	uint8_t jobs[4][2] = { { 1 }, { 2 }, { 3 }, { 4 } };

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, digest_often, jobs[i]),
		    0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i][1], 0);
	}
}

static void
test_equal(void **state)
{
	assert_true(crypto_equal(span_of("abc"), span_of("abc")));
	assert_false(crypto_equal(span_of("abc"), span_of("abd")));
	assert_false(crypto_equal(span_of("abc"), span_of("ab")));
	assert_true(crypto_equal(span_of(NULL), span_of("")));
}

/* RFC 9562 A.4 */
static void
test_uuid(void **state)
{
	char a[CRYPTO_UUID_SIZE], b[CRYPTO_UUID_SIZE];
	uint8_t dns[16];
	uint8_t again[16];

	assert_int_equal(
	    crypto_uuid_parse(span_of("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
			      dns),
	    0);
	assert_string_equal(crypto_uuid5(dns, span_of("www.example.com"), a),
			    "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	crypto_uuid4(a);
	crypto_uuid4(b);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_int_equal(crypto_uuid_parse(span_of(a), again), 0);
	assert_int_equal(crypto_uuid_parse(span_of("6ba7b8109dad11d180b400c04"
						   "fd430c8"),
					   again),
			 -1);
	assert_int_equal(
	    crypto_uuid_parse(span_of("6ba7b810-9dad-11d1-80b4-00c04fd430cg"),
			      again),
	    -1);
	assert_int_equal(
	    crypto_uuid_parse(span_of("6ba7b810x9dad-11d1-80b4-00c04fd430c8"),
			      again),
	    -1);
}

/* RFC 4648 10 */
static void
test_base64(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};

	for (size_t i = 0; i < UNIT_COUNT(pairs); i++) {
		STRBUF_AUTO out = { 0 };
		STRBUF_AUTO back = { 0 };

		crypto_base64(span_of(pairs[i][0]), &out);
		assert_string_equal(strbuf_text(&out), pairs[i][1]);
		assert_int_equal(crypto_unbase64(strbuf_span(&out), &back), 0);
		assert_string_equal(strbuf_text(&back), pairs[i][0]);
	}
}

static void
test_base64url(void **state)
{
	STRBUF_AUTO out = { 0 };
	STRBUF_AUTO back = { 0 };
	uint8_t raw[50];

	crypto_base64url(span_of("\xfb\xff\xfe\x01"), &out);
	assert_string_equal(strbuf_text(&out), "-__-AQ");
	for (size_t n = 0; n < sizeof(raw); n++) {
		crypto_random(raw, sizeof(raw));
		strbuf_reset(&out);
		strbuf_reset(&back);
		crypto_base64url(span_make((char *)raw, n), &out);
		assert_int_equal(crypto_unbase64url(strbuf_span(&out), &back),
				 0);
		assert_true(
		    span_eq(strbuf_span(&back), span_make((char *)raw, n)));
	}
}

static void
test_decoders_are_strict(void **state)
{
	static const char *const url[] = {
		"A",    "AB=", "A+",  "A/", "A A",
		"AQ==", "AR",  "AAB", "\n", "AAAAA"
	};
	static const char *const plain[] = {
		"Zg",   "Zg=",      "Zh==", "=",    "====",
		"Z===", "Zg==Zg==", "Zm9=", "Zm-v", "Zm9v\n"
	};
	STRBUF_AUTO out = { 0 };

	strbuf_adds(&out, "kept");
	for (size_t i = 0; i < UNIT_COUNT(url); i++)
		if (crypto_unbase64url(span_of(url[i]), &out) != -1)
			fail_msg("base64url \"%s\" was read", url[i]);
	for (size_t i = 0; i < UNIT_COUNT(plain); i++)
		if (crypto_unbase64(span_of(plain[i]), &out) != -1)
			fail_msg("base64 \"%s\" was read", plain[i]);
	assert_int_equal(crypto_unhex(span_of("0"), &out), -1);
	assert_int_equal(crypto_unhex(span_of("000g"), &out), -1);
	assert_int_equal(crypto_unhex(span_of("0x10"), &out), -1);
	assert_string_equal(strbuf_text(&out), "kept");
	assert_int_equal(crypto_unhex(span_of("4aFf"), &out), 0);
	assert_string_equal(strbuf_text(&out), "keptJ\xff");
}

static void
test_scrypt(void **state)
{
	struct crypto_scrypt cheap = { 16, 8, 1 };
	char a[CRYPTO_SCRYPT_SIZE], b[CRYPTO_SCRYPT_SIZE];
	struct err e = { 0 };

	crypto_scrypt_hash(&cheap, span_of("secret"), a);
	crypto_scrypt_hash(&cheap, span_of("secret"), b);
	assert_string_not_equal(a, b);
	assert_memory_equal(a, "scrypt$16$8$1$", 14);
	assert_int_equal(crypto_scrypt_verify(span_of("secret"), a, &e), 1);
	assert_int_equal(crypto_scrypt_verify(span_of("Secret"), a, &e), 0);
	assert_int_equal(crypto_scrypt_verify(span_of(""), a, &e), 0);
	crypto_scrypt_hash(NULL, span_of(NULL), a);
	assert_memory_equal(a, "scrypt$16384$8$1$", 17);
	assert_int_equal(crypto_scrypt_verify(span_of(""), a, &e), 1);
}

/* RFC 7914 12: scrypt("pleaseletmein", "SodiumChloride", 16384, 8, 1) */
static void
test_scrypt_is_the_standard_one(void **state)
{
	struct err e = { 0 };

	assert_int_equal(
	    crypto_scrypt_verify(span_of("pleaseletmein"),
				 "scrypt$16384$8$1$U29kaXVtQ2hsb3JpZGU$"
				 "cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofI",
				 &e),
	    1);
}

static void
test_scrypt_refuses_other_texts(void **state)
{
	static const char *const bad[] = {
		"",
		"secret",
		"scrypt$",
		"scrypt$16$8$1$c2FsdHNhbHQ",
		"bcrypt$16$8$1$c2FsdHNhbHQ$"
		"cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofI",
		"scrypt$17$8$1$c2FsdHNhbHQ$"
		"cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofI",
		"scrypt$1073741824$8$1$c2FsdHNhbHQ$"
		"cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofI",
		"scrypt$16$8$1$c2FsdHNhbHQ$cCO9yzr9c0hGHAbNgf04",
		"scrypt$16$8$1$c2FsdHNhbHQ$"
		"cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofI$x",
	};
	struct err e = { 0 };

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		unit_fails(crypto_scrypt_verify(span_of("x"), bad[i], &e), &e,
			   "scrypt$N$r$p$salt$hash");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_hmac_of_any_length),
		cmocka_unit_test(test_hmac_in_several_threads),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64url),
		cmocka_unit_test(test_decoders_are_strict),
		cmocka_unit_test(test_scrypt),
		cmocka_unit_test(test_scrypt_is_the_standard_one),
		cmocka_unit_test(test_scrypt_refuses_other_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
