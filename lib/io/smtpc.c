#include "io/smtpc.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "io/inner.h"
#include "io/transfer.h"

#define TIMEOUT_MS 30000L

struct smtpc {
	struct transfer t;
	struct curl_slist *to;
	char *data;
	size_t len, sent;
	smtpc_fn *fn;
	void *ctx;
};

static size_t
on_wanted(char *out, size_t one, size_t size, void *ctx)
{
	struct smtpc *c = ctx;
	size_t n = c->len - c->sent;

	if (n > one * size)
		n = one * size;
	memcpy(out, c->data + c->sent, n);
	c->sent += n;
	return n;
}

static void
smtpc_free(struct smtpc *c)
{
	transfer_fini(&c->t);
	curl_slist_free_all(c->to);
	mem_free(c->data);
	mem_free(c);
}

void
smtpc_cancel(struct smtpc **cp)
{
	struct smtpc *c = *cp;

	*cp = NULL;
	if (c != NULL)
		smtpc_free(c);
}

static enum err_code
code_of(const struct smtpc *c, long status)
{
	switch (c->t.result) {
	case CURLE_COULDNT_CONNECT:
		return ERR_REFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return ERR_NOT_FOUND;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_SEND_ERROR:         /* MAIL or RCPT was not taken */
	case CURLE_WEIRD_SERVER_REPLY: /* DATA */
		return status >= 500 ? ERR_INVALID : ERR_IO;
	default:
		return ERR_IO;
	}
}

static void
on_done(struct transfer *t)
{
	struct smtpc *c = (struct smtpc *)((char *)t -
					   offsetof(struct smtpc, t));
	struct err e = { 0 };
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->result != CURLE_OK && status >= 400)
		err_set(&e, code_of(c, status),
			"mail: the server answered %ld: %s", status,
			transfer_words(t));
	else if (t->result != CURLE_OK)
		err_set(&e, code_of(c, status), "mail: %s%s", transfer_words(t),
			t->result == CURLE_LOGIN_DENIED ? " (user or password)"
							: "");
	c->fn(c->ctx, t->result == CURLE_OK ? NULL : &e);
	smtpc_free(c);
}

static void
set_server(struct smtpc *c, const struct smtpc_message *m)
{
	CURL *easy = c->t.easy;

	curl_easy_setopt(easy, CURLOPT_URL, m->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	if (m->starttls)
		curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	if (m->ca_file != NULL && m->ca_file[0] != '\0') {
		curl_easy_setopt(easy, CURLOPT_CAINFO, m->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (m->user != NULL && m->user[0] != '\0') {
		curl_easy_setopt(easy, CURLOPT_USERNAME, m->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, m->password);
	}
}

struct smtpc *
smtpc_start(const struct smtpc_message *m, smtpc_fn *fn, void *ctx)
{
	struct smtpc *c = mem_new(struct smtpc);

	c->fn = fn;
	c->ctx = ctx;
	c->len = m->data.len;
	c->data = mem_dup(m->data.at, m->data.len);
	c->to = curl_slist_append(NULL, m->to);
	assert(c->to != NULL);
	transfer_init(&c->t, on_done);
	set_server(c, m);
	curl_easy_setopt(c->t.easy, CURLOPT_MAIL_FROM, m->from);
	curl_easy_setopt(c->t.easy, CURLOPT_MAIL_RCPT, c->to);
	curl_easy_setopt(c->t.easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c->t.easy, CURLOPT_READFUNCTION, on_wanted);
	curl_easy_setopt(c->t.easy, CURLOPT_READDATA, c);
	transfer_start(&c->t, m->timeout_ms > 0 ? m->timeout_ms : TIMEOUT_MS);
	return c;
}
