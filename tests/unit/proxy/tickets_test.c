/*
 * Tickets over hours: the clock is the test's. What is asked is which of a
 * client's sessions a server with the same keys goes on with.
 */
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/unit.h"

/* The module itself, by another clock. */
#define clock_mono_ms fake_mono_ms
#include "proxy/tickets.c"

#define HOUR_MS INT64_C(3600000)

static int64_t now_ms = HOUR_MS;

int64_t
fake_mono_ms(void)
{
	return now_ms;
}

static EVP_PKEY *pkey;
static X509 *cert;

static int
set_up(void **state)
{
	pkey = EVP_EC_gen("P-256");
	cert = X509_new();
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, pkey);
	return X509_sign(cert, pkey, EVP_sha256()) > 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	X509_free(cert);
	EVP_PKEY_free(pkey);
	return 0;
}

static SSL_CTX *
server_new(struct tickets *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pkey), 1);
	/* One ticket is told within the handshake itself. */
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"x", 1);
	tickets_serve(t, ctx);
	return ctx;
}

/* With that session or a new one; gives what comes of it. */
static SSL_SESSION *
connect_with(SSL_CTX *server_ctx, SSL_SESSION *session, bool *resumed)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(ctx), *server = SSL_new(server_ctx);
	BIO *a, *b;
	int done = 0;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (session != NULL)
		SSL_set_session(client, session);
	for (int i = 0; i < 10 && done < 2; i++)
		done = (SSL_do_handshake(client) == 1) +
		       (SSL_do_handshake(server) == 1);
	assert_int_equal(done, 2);
	*resumed = SSL_session_reused(client) == 1;
	session = SSL_get1_session(client);
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	return session;
}

static bool
goes_on(SSL_CTX *server, SSL_SESSION *session)
{
	SSL_SESSION *next;
	bool resumed;

	next = connect_with(server, session, &resumed);
	SSL_SESSION_free(next);
	return resumed;
}

static void
test_keys_rotate(void **state)
{
	struct tickets *t = tickets_new();
	SSL_CTX *one = server_new(t), *two = server_new(t);
	SSL_SESSION *old, *young;
	bool resumed;

	old = connect_with(one, NULL, &resumed);
	assert_false(resumed);
	assert_true(goes_on(two, old)); /* the keys are everybody's */
	now_ms += HOUR_MS + 1;          /* another key makes tickets now */
	young = connect_with(one, NULL, &resumed);
	assert_true(goes_on(two, old));
	now_ms += HOUR_MS;
	assert_true(goes_on(two, old));
	now_ms += HOUR_MS; /* three hours after its key was made: no more */
	assert_false(goes_on(two, old));
	assert_true(goes_on(two, young));
	now_ms += HOUR_MS;
	assert_false(goes_on(one, young));
	SSL_SESSION_free(old);
	SSL_SESSION_free(young);
	SSL_CTX_free(one);
	SSL_CTX_free(two);
	tickets_free(&t);
}

/* A ticket of an older key is taken, and another is given for it. */
static void
test_a_client_that_comes_often_stays(void **state)
{
	struct tickets *t = tickets_new();
	SSL_CTX *server = server_new(t);
	SSL_SESSION *session, *next;
	bool resumed;

	session = connect_with(server, NULL, &resumed);
	for (int i = 0; i < 12; i++) {
		now_ms += HOUR_MS / 2;
		next = connect_with(server, session, &resumed);
		assert_true(resumed);
		SSL_SESSION_free(session);
		session = next;
	}
	SSL_SESSION_free(session);
	SSL_CTX_free(server);
	tickets_free(&t);
}

static void
test_another_pair_of_keys_opens_nothing(void **state)
{
	struct tickets *t = tickets_new(), *other = tickets_new();
	SSL_CTX *one = server_new(t), *two = server_new(other);
	SSL_SESSION *session;
	bool resumed;

	session = connect_with(one, NULL, &resumed);
	assert_false(goes_on(two, session));
	assert_true(goes_on(one, session));
	SSL_SESSION_free(session);
	SSL_CTX_free(one);
	SSL_CTX_free(two);
	tickets_free(&t);
	tickets_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_rotate),
		cmocka_unit_test(test_a_client_that_comes_often_stays),
		cmocka_unit_test(test_another_pair_of_keys_opens_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
