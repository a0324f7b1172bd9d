#include "proxy/certs.h"

#include <assert.h>
#include <dirent.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "proxy/certs_file.h"
#include "proxy/tickets.h"

/* A name that a certificate is for; "*.example.com" as it stands there. */
struct name {
	UT_hash_handle hh;
	SSL_CTX *ctx; /* of the set's list */
	char text[];
};

struct certs {
	atomic_uint holders;
	struct certs_file **files;
	size_t nfiles;
	struct name *names;
};

static int on_name(SSL *ssl, int *alert, void *ctx);
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *ctx);

static int
set_clients(SSL_CTX *ctx, const struct certs_conf *conf, struct err *e)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];
	int mode = SSL_VERIFY_PEER;
	char text[4200];

	snprintf(text, sizeof(text), "%d %s", (int)conf->clients,
		 conf->client_ca != NULL ? conf->client_ca : "");
	crypto_sha256(span_of(text), digest);
	/* A ticket from before another rule opens nothing. */
	SSL_CTX_set_session_id_context(ctx, digest, 32);
	if (conf->clients == CERTS_CLIENTS_OFF)
		return 0;
	if (SSL_CTX_load_verify_file(ctx, conf->client_ca) != 1)
		return certs_file_fault(e, conf->client_ca,
					"no certificates of authorities");
	SSL_CTX_set_client_CA_list(ctx,
				   SSL_load_client_CA_file(conf->client_ca));
	if (conf->clients == CERTS_CLIENTS_REQUIRE)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

/* As ALPN lists them. */
static const struct protocols {
	unsigned char list[13];
	unsigned len;
} both = { "\x02h2\x08http/1.1", 12 }, http1 = { "\x08http/1.1", 9 };

static void
set_rules(SSL_CTX *ctx, const struct certs_conf *conf)
{
	int ok = SSL_CTX_set_min_proto_version(ctx, conf->minimum);

	ok &= SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
	ok &= SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:"
					    "TLS_AES_256_GCM_SHA384:"
					    "TLS_CHACHA20_POLY1305_SHA256");
	ok &= SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384");
	assert(ok == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION |
				     SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_PRIORITIZE_CHACHA);
	/* The chain is what the file says; an idle connection is small. */
	SSL_CTX_set_mode(ctx,
			 SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_num_tickets(ctx, 1);
	if (conf->tickets != NULL)
		tickets_serve(conf->tickets, ctx);
}

static int
set_context(struct certs *c, SSL_CTX *ctx, const struct certs_conf *conf,
	    struct err *e)
{
	set_rules(ctx, conf);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, c);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn,
				   (void *)(conf->no_h2 ? &http1 : &both));
	return set_clients(ctx, conf, e);
}

static void
add_name(struct certs *c, SSL_CTX *ctx, struct span text)
{
	struct name *n = mem_alloc(sizeof(*n) + text.len + 1), *same;

	for (size_t i = 0; i < text.len; i++)
		n->text[i] = (char)(text.at[i] >= 'A' && text.at[i] <= 'Z'
					? text.at[i] + ('a' - 'A')
					: text.at[i]);
	n->ctx = ctx;
	HASH_FIND_STR(c->names, n->text, same);
	if (same == NULL) /* the first file that has it */
		HASH_ADD_KEYPTR(hh, c->names, n->text, strlen(n->text), n);
	else
		mem_free(n);
}

static struct span
text_of(const ASN1_STRING *s)
{
	return span_make((const char *)ASN1_STRING_get0_data(s),
			 (size_t)ASN1_STRING_length(s));
}

/* RFC 6125: the alternative names, the common one only without any. */
static void
add_names(struct certs *c, SSL_CTX *ctx)
{
	X509 *x = SSL_CTX_get0_certificate(ctx);
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
					      NULL);
	X509_NAME *subject = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

		if (one->type == GEN_DNS)
			add_name(c, ctx, text_of(one->d.dNSName));
	}
	if (all == NULL && at >= 0)
		add_name(c, ctx,
			 text_of(X509_NAME_ENTRY_get_data(
			     X509_NAME_get_entry(subject, at))));
	GENERAL_NAMES_free(all);
}

static int
load_one(struct certs *c, const char *path, const struct certs_conf *conf,
	 struct err *e)
{
	struct certs_file *f = certs_file_new(path, e);

	if (f == NULL)
		return -1;
	c->files = mem_resize(c->files, c->nfiles * sizeof(*c->files),
			      (c->nfiles + 1) * sizeof(*c->files));
	c->files[c->nfiles++] = f;
	if (set_context(c, f->ctx, conf, e) != 0)
		return -1;
	add_names(c, f->ctx);
	return 0;
}

static int
is_pem(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && d->d_name[0] != '.' &&
	       strcmp(d->d_name + n - 4, ".pem") == 0;
}

static int
load_folder(struct certs *c, const char *path, const struct certs_conf *conf,
	    struct err *e)
{
	struct dirent **found;
	int n = scandir(path, &found, is_pem, alphasort), rc = 0;

	if (n < 0)
		return certs_file_fault(e, path, "cannot be read");
	if (n == 0)
		rc = err_set(e, ERR_INVALID, "%s: has no *.pem files", path);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, found[i]->d_name);
		if (rc == 0)
			rc = load_one(c, file, conf, e);
		free(found[i]);
	}
	free(found);
	return rc;
}

static int
load_all(struct certs *c, const struct certs_conf *conf, struct err *e)
{
	struct span rest = span_of(conf->files), one;
	char path[2048];
	struct stat st;
	int rc;

	while (span_cut(&rest, ',', &one)) {
		if (!span_copy(span_trim(one), path, sizeof(path)))
			return err_set(e, ERR_INVALID, "a path is too long");
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			rc = load_folder(c, path, conf, e);
		else
			rc = load_one(c, path, conf, e);
		if (rc != 0)
			return -1;
	}
	if (c->nfiles == 0)
		return err_set(e, ERR_INVALID, "names no certificate");
	return 0;
}

struct certs *
certs_load(const struct certs_conf *conf, struct err *e)
{
	struct certs *c = mem_new(struct certs);

	atomic_init(&c->holders, 1);
	if (load_all(c, conf, e) != 0)
		certs_drop(&c);
	return c;
}

struct certs *
certs_hold(struct certs *c)
{
	if (c != NULL)
		atomic_fetch_add(&c->holders, 1);
	return c;
}

void
certs_drop(struct certs **cp)
{
	struct certs *c = *cp;
	struct name *n, *next;

	*cp = NULL;
	if (c == NULL || atomic_fetch_sub(&c->holders, 1) != 1)
		return;
	HASH_ITER(hh, c->names, n, next)
	{
		HASH_DEL(c->names, n);
		mem_free(n);
	}
	for (size_t i = 0; i < c->nfiles; i++)
		certs_file_free(&c->files[i]);
	mem_free(c->files);
	mem_free(c);
}

SSL *
certs_session(const struct certs *c)
{
	SSL *ssl = SSL_new(c->files[0]->ctx);

	assert(ssl != NULL);
	SSL_set_accept_state(ssl);
	return ssl;
}

int64_t
certs_end_s(const struct certs *c)
{
	int64_t end_s = INT64_MAX;

	for (size_t i = 0; i < c->nfiles; i++)
		if (c->files[i]->end_s < end_s)
			end_s = c->files[i]->end_s;
	return end_s;
}

void
certs_metrics(const struct certs *c, struct strbuf *out)
{
	static const char name[] = "gsb_proxy_certificate_end_seconds";

	strbuf_addf(out,
		    "# HELP %s When the certificate expires, UNIX time.\n"
		    "# TYPE %s gauge\n",
		    name, name);
	for (size_t i = 0; i < c->nfiles; i++)
		strbuf_addf(out, "%s{file=\"%s\"} %lld\n", name,
			    c->files[i]->path, (long long)c->files[i]->end_s);
}

/* The name itself, else with its first label as *. */
static SSL_CTX *
find(const struct certs *c, const char *asked)
{
	char text[256] = "*";
	const char *dot;
	struct name *n;
	size_t len = strlen(asked);

	if (len + 2 > sizeof(text))
		return NULL;
	for (size_t i = 0; i <= len; i++)
		text[i + 1] = (char)(asked[i] >= 'A' && asked[i] <= 'Z'
					 ? asked[i] + ('a' - 'A')
					 : asked[i]);
	HASH_FIND_STR(c->names, text + 1, n);
	dot = strchr(text + 1, '.');
	if (n == NULL && dot != NULL) {
		memmove(text + 1, dot, strlen(dot) + 1);
		HASH_FIND_STR(c->names, text, n);
	}
	return n != NULL ? n->ctx : NULL;
}

static int
on_name(SSL *ssl, int *alert, void *arg)
{
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx = asked != NULL ? find(arg, asked) : NULL;

	if (ctx == NULL)
		return SSL_TLSEXT_ERR_NOACK; /* the first one does */
	if (ctx != SSL_get_SSL_CTX(ssl))
		SSL_set_SSL_CTX(ssl, ctx);
	return SSL_TLSEXT_ERR_OK;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *ctx)
{
	const struct protocols *ours = ctx;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_len, ours->list, ours->len, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2 */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}
