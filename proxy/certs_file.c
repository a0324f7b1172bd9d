#include "proxy/certs_file.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define STAPLE_MAX 65536

static int on_password(char *buf, int size, int writing, void *ctx);
static int on_staple(SSL *ssl, void *arg);

int
certs_file_fault(struct err *e, const char *path, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;

	if (why == NULL)
		why = errno != 0 ? strerror(errno) : "not in it";
	err_set(e, ERR_INVALID, "%s: %s (%s)", path, what, why);
	ERR_clear_error();
	return -1;
}

/* "x.pem" to "x.key"; what has no ending gets one. */
static char *
beside(const char *path, const char *ending)
{
	const char *dot = strrchr(path, '.');
	size_t n = dot != NULL && strchr(dot, '/') == NULL
		       ? (size_t)(dot - path)
		       : strlen(path);

	return mem_printf("%.*s.%s", (int)n, path, ending);
}

/* A key that others may read is a secret no more. */
static int
check_mode(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return certs_file_fault(e, path, "cannot be read");
	if ((st.st_mode & 07) != 0)
		return err_set(e, ERR_INVALID,
			       "%s: holds a key and may be read by everybody; "
			       "its mode should be 0600",
			       path);
	return 0;
}

static bool
has_key(const char *path)
{
	FILE *from = fopen(path, "re");
	EVP_PKEY *key = NULL;

	if (from != NULL) {
		key = PEM_read_PrivateKey(from, NULL, NULL, (void *)"");
		fclose(from);
	}
	ERR_clear_error();
	EVP_PKEY_free(key);
	return key != NULL;
}

char *
certs_file_key(const char *path, struct err *e)
{
	char *file = has_key(path) ? mem_strdup(path) : beside(path, "key");
	int rc = 0;

	if (access(file, R_OK) != 0)
		rc = err_set(e, ERR_INVALID,
			     "%s: no private key in it, and %s: %s", path, file,
			     strerror(errno));
	else if (check_mode(file, e) != 0)
		rc = -1;
	if (rc == 0)
		return file;
	mem_free(file);
	return NULL;
}

void
certs_file_clear(void)
{
	ERR_clear_error();
	errno = 0;
}

static int
load_key(struct certs_file *f, struct err *e)
{
	char *path = certs_file_key(f->path, e);
	int rc = 0;

	if (path == NULL)
		return -1;
	if (SSL_CTX_use_PrivateKey_file(f->ctx, path, SSL_FILETYPE_PEM) != 1)
		rc = certs_file_fault(e, path,
				      "no private key of this certificate");
	mem_free(path);
	return rc;
}

static bool
is_answer(const struct certs_file *f)
{
	const unsigned char *at = f->staple;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)f->staple_len);
	bool good = r != NULL &&
		    OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL;

	OCSP_RESPONSE_free(r);
	return good;
}

static int
load_staple(struct certs_file *f, struct err *e)
{
	char *path = beside(f->path, "ocsp");
	FILE *from = fopen(path, "re");
	int rc = 0;

	if (from != NULL) {
		f->staple = mem_alloc(STAPLE_MAX);
		f->staple_len = fread(f->staple, 1, STAPLE_MAX, from);
		fclose(from);
		errno = 0;
		SSL_CTX_set_tlsext_status_cb(f->ctx, on_staple);
		SSL_CTX_set_tlsext_status_arg(f->ctx, f);
		if (!is_answer(f))
			rc = certs_file_fault(e, path,
					      "no good OCSP answer in DER");
	}
	mem_free(path);
	return rc;
}

static void
read_end(struct certs_file *f)
{
	const X509 *x = SSL_CTX_get0_certificate(f->ctx);
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
		f->end_s = timegm(&tm);
}

static int
load(struct certs_file *f, struct err *e)
{
	certs_file_clear();
	if (SSL_CTX_use_certificate_chain_file(f->ctx, f->path) != 1)
		return certs_file_fault(e, f->path, "no certificate");
	if (load_key(f, e) != 0 || load_staple(f, e) != 0)
		return -1;
	read_end(f);
	return 0;
}

struct certs_file *
certs_file_new(const char *path, struct err *e)
{
	struct certs_file *f = mem_new(struct certs_file);

	f->path = mem_strdup(path);
	f->ctx = SSL_CTX_new(TLS_server_method());
	assert(f->ctx != NULL);
	SSL_CTX_set_default_passwd_cb(f->ctx, on_password);
	if (load(f, e) != 0)
		certs_file_free(&f);
	return f;
}

void
certs_file_free(struct certs_file **fp)
{
	struct certs_file *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	SSL_CTX_free(f->ctx);
	mem_free(f->staple);
	mem_free(f->path);
	mem_free(f);
}

/* A daemon asks nobody: a key with a password is a fault. */
static int
on_password(char *buf, int size, int writing, void *ctx)
{
	return 0;
}

static int
on_staple(SSL *ssl, void *arg)
{
	const struct certs_file *f = arg;
	unsigned char *copy;

	copy = OPENSSL_memdup(f->staple, f->staple_len);
	if (copy == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)f->staple_len);
	return SSL_TLSEXT_ERR_OK;
}
