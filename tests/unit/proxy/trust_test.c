/* Which certificates make a site of who shows them. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/unit.h"
#include "proxy/trust.h"

static char dir[] = "/tmp/trust-XXXXXX";

struct party {
	X509 *cert;
	EVP_PKEY *key;
};
static struct party ca, site, stranger, proxy;

static void
extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* by NULL: signed by itself, as an authority. */
static struct party
make(const char *name, const char *names, const struct party *by)
{
	struct party p = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
	X509_NAME *subject = X509_get_subject_name(p.cert);
	static long serial;

	if (by == NULL)
		by = &p;
	X509_set_version(p.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), 86400);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(p.cert, X509_get_subject_name(by->cert));
	X509_set_pubkey(p.cert, p.key);
	if (names != NULL)
		extend(p.cert, NID_subject_alt_name, names);
	else
		extend(p.cert, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(p.cert, by->key, EVP_sha256()) > 0);
	return p;
}

static const char *
path_of(const char *name)
{
	static char path[2][64];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void
save(const char *name, const struct party *p, bool with_key)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	PEM_write_X509(f, p->cert);
	if (with_key)
		PEM_write_PrivateKey(f, p->key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(path_of(name), 0600);
}

static int
set_up(void **state)
{
	assert_non_null(mkdtemp(dir));
	ca = make("ca", NULL, NULL);
	site = make("site", "DNS:site.test,IP:127.0.0.1", &ca);
	stranger = make("other", NULL, NULL);
	proxy = make("proxy", "DNS:proxy.test", &ca);
	save("ca.pem", &ca, false);
	save("stranger.pem", &stranger, false);
	save("proxy.pem", &proxy, true);
	return 0;
}

static int
tear_down(void **state)
{
	struct party *all[] = { &ca, &site, &stranger, &proxy };
	static const char *const files[] = { "ca.pem", "stranger.pem",
					     "proxy.pem" };

	for (size_t i = 0; i < UNIT_COUNT(all); i++) {
		X509_free(all[i]->cert);
		EVP_PKEY_free(all[i]->key);
	}
	for (size_t i = 0; i < UNIT_COUNT(files); i++)
		unlink(path_of(files[i]));
	return rmdir(dir);
}

static SSL *
serve(bool asks)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl;

	SSL_CTX_use_certificate(ctx, site.cert);
	SSL_CTX_use_PrivateKey(ctx, site.key);
	if (asks) {
		SSL_CTX_load_verify_file(ctx, path_of("ca.pem"));
		SSL_CTX_set_verify(
		    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		    NULL);
	}
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_accept_state(ssl);
	return ssl;
}

/* Both sides agree; asked: the name that the site was asked for. */
static bool
agree(const struct trust_conf *conf, const char *host, bool asks,
      char asked[64])
{
	SSL *client, *server = serve(asks);
	struct err e = { 0 };
	struct trust *t = trust_load(conf, &e);
	const char *name;
	BIO *a, *b;
	int done = 0;

	if (t == NULL)
		fail_msg("%s", err_text(&e));
	client = trust_session(t, host);
	trust_drop(&t); /* the session goes on */
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	for (int i = 0; i < 10 && done < 2; i++)
		done = (SSL_do_handshake(client) == 1) +
		       (SSL_do_handshake(server) == 1);
	name = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
	snprintf(asked, 64, "%s", name != NULL ? name : "");
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	return done == 2;
}

static void
test_names(void **state)
{
	struct trust_conf conf = { .ca_file = mem_strdup(path_of("ca.pem")) };
	char asked[64];

	assert_true(agree(&conf, "site.test", false, asked));
	assert_string_equal(asked, "site.test");
	assert_false(agree(&conf, "other.test", false, asked));
	assert_true(agree(&conf, "127.0.0.1", false, asked));
	assert_string_equal(asked, ""); /* RFC 6066 3: no addresses */
	assert_false(agree(&conf, "127.0.0.2", false, asked));
	mem_free((char *)conf.ca_file);
}

static void
test_authorities(void **state)
{
	struct trust_conf conf = { .ca_file = mem_strdup(
				       path_of("stranger.pem")) };
	char asked[64];

	assert_false(agree(&conf, "site.test", false, asked));
	mem_free((char *)conf.ca_file);
	conf.ca_file = ""; /* the system's do not know it either */
	assert_false(agree(&conf, "site.test", false, asked));
}

/* Reading them costs up to a second, at each reload: only who needs it. */
static void
test_system_authorities_are_read_when_used(void **state)
{
	struct trust_conf conf = { .unused = true };
	char asked[64];

	setenv("SSL_CERT_FILE", path_of("ca.pem"), 1);
	assert_false(agree(&conf, "site.test", false, asked));
	conf.unused = false;
	assert_true(agree(&conf, "site.test", false, asked));
	unsetenv("SSL_CERT_FILE");
}

static void
test_own_certificate(void **state)
{
	struct trust_conf conf = { .ca_file = mem_strdup(path_of("ca.pem")) };
	char asked[64];

	assert_false(agree(&conf, "site.test", true, asked));
	conf.certificate = mem_strdup(path_of("proxy.pem"));
	assert_true(agree(&conf, "site.test", true, asked));
	mem_free((char *)conf.ca_file);
	mem_free((char *)conf.certificate);
}

static void
test_bad_files(void **state)
{
	struct trust_conf conf = { .ca_file = "/nowhere/ca.pem" };
	struct err e = { 0 };

	assert_null(trust_load(&conf, &e));
	assert_non_null(strstr(err_text(&e), "/nowhere/ca.pem"));
	conf.ca_file = NULL;
	conf.certificate = path_of("ca.pem"); /* without a key */
	err_clear(&e);
	assert_null(trust_load(&conf, &e));
	assert_non_null(strstr(err_text(&e), "no private key"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_system_authorities_are_read_when_used),
		cmocka_unit_test(test_own_certificate),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
