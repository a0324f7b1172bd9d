#include "proxy/trust.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "proxy/certs_file.h"

struct trust {
	atomic_uint holders;
	SSL_CTX *ctx;
	char *ca_file, *certificate, *key;
};

static bool
is_given(const char *path)
{
	return path != NULL && path[0] != '\0';
}

static int
load_authorities(struct trust *t, const struct trust_conf *conf, struct err *e)
{
	const char *path = conf->ca_file;

	if (!is_given(path)) {
		if (!conf->unused)
			SSL_CTX_set_default_verify_paths(t->ctx);
		return 0;
	}
	if (SSL_CTX_load_verify_file(t->ctx, path) != 1)
		return certs_file_fault(e, path,
					"no certificates of authorities");
	t->ca_file = mem_strdup(path);
	return 0;
}

static int
load_own(struct trust *t, const char *path, struct err *e)
{
	if (!is_given(path))
		return 0;
	if (SSL_CTX_use_certificate_chain_file(t->ctx, path) != 1)
		return certs_file_fault(e, path, "no certificate");
	t->key = certs_file_key(path, e);
	if (t->key == NULL)
		return -1;
	if (SSL_CTX_use_PrivateKey_file(t->ctx, t->key, SSL_FILETYPE_PEM) != 1)
		return certs_file_fault(e, t->key,
					"no private key of this certificate");
	t->certificate = mem_strdup(path);
	return 0;
}

struct trust *
trust_load(const struct trust_conf *conf, struct err *e)
{
	static const unsigned char spoken[] = "\x08http/1.1";
	struct trust *t = mem_new(struct trust);

	atomic_init(&t->holders, 1);
	t->ctx = SSL_CTX_new(TLS_client_method());
	assert(t->ctx != NULL);
	certs_file_clear();
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_protos(t->ctx, spoken, sizeof(spoken) - 1);
	if (load_authorities(t, conf, e) != 0 ||
	    load_own(t, conf->certificate, e) != 0)
		trust_drop(&t);
	return t;
}

struct trust *
trust_hold(struct trust *t)
{
	if (t != NULL)
		atomic_fetch_add(&t->holders, 1);
	return t;
}

void
trust_drop(struct trust **tp)
{
	struct trust *t = *tp;

	*tp = NULL;
	if (t == NULL || atomic_fetch_sub(&t->holders, 1) != 1)
		return;
	SSL_CTX_free(t->ctx);
	mem_free(t->ca_file);
	mem_free(t->certificate);
	mem_free(t->key);
	mem_free(t);
}

static bool
is_address(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET, host, &a) == 1 ||
	       inet_pton(AF_INET6, host, &a) == 1;
}

SSL *
trust_session(const struct trust *t, const char *host)
{
	SSL *ssl = SSL_new(t->ctx);
	int ok;

	assert(ssl != NULL);
	SSL_set_connect_state(ssl);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else
		ok = SSL_set1_host(ssl, host) &&
		     SSL_set_tlsext_host_name(ssl, host);
	assert(ok == 1);
	return ssl;
}

const char *
trust_ca_file(const struct trust *t)
{
	return t->ca_file;
}

const char *
trust_certificate(const struct trust *t)
{
	return t->certificate;
}

const char *
trust_key(const struct trust *t)
{
	return t->key;
}
