#include "io/httpc.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "io/inner.h"
#include "io/transfer.h"

#define HEADS_MAX (64 * 1024)
#define BUFFER_SIZE (256 * 1024L)

struct httpc {
	struct transfer t;
	struct curl_slist *fields;
	char *sent_body;
	struct strbuf heads; /* of the last answer head, lines with CRLF */
	bool headed;         /* the empty line behind it has come */
	struct strbuf body;
	uint64_t max_answer;
	bool too_large;
	httpc_data_fn *on_data;
	bool paused;
	struct loop_call *resume;
	httpc_fn *fn;
	void *ctx;
};

static size_t on_head(char *at, size_t one, size_t len, void *ctx);
static size_t on_body(char *at, size_t one, size_t len, void *ctx);
static void on_resume(void *ctx);
static void on_done(struct transfer *t);

static void
add_fields(struct httpc *c, const struct httpc_field *f)
{
	bool typed = false;
	char *line;

	for (; f != NULL && f->name != NULL; f++) {
		typed = typed || strcasecmp(f->name, "Content-Type") == 0;
		/* "Name;" is how libcurl sends an empty value. */
		line = *f->value != '\0'
			   ? mem_printf("%s: %s", f->name, f->value)
			   : mem_printf("%s;", f->name);
		c->fields = curl_slist_append(c->fields, line);
		mem_free(line);
	}
	/* What libcurl would add by itself. */
	c->fields = curl_slist_append(c->fields, "Expect:");
	if (!typed)
		c->fields = curl_slist_append(c->fields, "Content-Type:");
	curl_easy_setopt(c->t.easy, CURLOPT_HTTPHEADER, c->fields);
}

static void
set_message(struct httpc *c, const struct httpc_request *r)
{
	const char *method = r->method != NULL ? r->method : "GET";

	curl_easy_setopt(c->t.easy, CURLOPT_URL, r->url);
	curl_easy_setopt(c->t.easy, CURLOPT_PATH_AS_IS, 1L);
	add_fields(c, r->fields);
	if (r->body.at != NULL) {
		c->sent_body = mem_dup(r->body.at, r->body.len);
		curl_easy_setopt(c->t.easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)r->body.len);
		curl_easy_setopt(c->t.easy, CURLOPT_POSTFIELDS, c->sent_body);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(c->t.easy, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(c->t.easy, CURLOPT_CUSTOMREQUEST, method);
}

static void
set_pace(struct httpc *c, const struct httpc_request *r)
{
	if (r->on_data != NULL)
		curl_easy_setopt(c->t.easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	if (r->stall_ms > 0) {
		curl_easy_setopt(c->t.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c->t.easy, CURLOPT_LOW_SPEED_TIME,
				 (long)(r->stall_ms + 999) / 1000);
	}
	if (r->max_rate > 0)
		curl_easy_setopt(c->t.easy, CURLOPT_MAX_RECV_SPEED_LARGE,
				 (curl_off_t)r->max_rate);
}

static void
set_transport(struct httpc *c, const struct httpc_request *r)
{
	curl_easy_setopt(c->t.easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->t.easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->t.easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)r->connect_timeout_ms); /* 0: 300 s */
	if (r->unix_path != NULL)
		curl_easy_setopt(c->t.easy, CURLOPT_UNIX_SOCKET_PATH,
				 r->unix_path);
	if (r->ca_file != NULL) {
		curl_easy_setopt(c->t.easy, CURLOPT_CAINFO, r->ca_file);
		curl_easy_setopt(c->t.easy, CURLOPT_CAPATH, NULL);
	}
	if (r->certificate != NULL) {
		curl_easy_setopt(c->t.easy, CURLOPT_SSLCERT, r->certificate);
		curl_easy_setopt(c->t.easy, CURLOPT_SSLKEY, r->key);
	}
	if (r->fresh) {
		curl_easy_setopt(c->t.easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(c->t.easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

static uint32_t
limit_ms(const struct httpc_request *r)
{
	if (r->stall_ms > 0)
		return 0;
	return r->timeout_ms > 0 ? r->timeout_ms : 10000;
}

struct httpc *
httpc_start(const struct httpc_request *r, httpc_fn *fn, void *ctx)
{
	struct httpc *c = mem_new(struct httpc);

	c->fn = fn;
	c->ctx = ctx;
	c->max_answer = r->max_answer > 0 ? r->max_answer : 1024 * 1024;
	c->on_data = r->on_data;
	transfer_init(&c->t, on_done);
	set_message(c, r);
	set_transport(c, r);
	set_pace(c, r);
	curl_easy_setopt(c->t.easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(c->t.easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->t.easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->t.easy, CURLOPT_WRITEDATA, c);
	transfer_start(&c->t, limit_ms(r));
	return c;
}

static void
httpc_free(struct httpc *c)
{
	transfer_fini(&c->t);
	curl_slist_free_all(c->fields);
	loop_defer_cancel(&c->resume);
	strbuf_fini(&c->heads);
	strbuf_fini(&c->body);
	mem_free(c->sent_body);
	mem_free(c);
}

void
httpc_cancel(struct httpc **cp)
{
	struct httpc *c = *cp;

	*cp = NULL;
	if (c != NULL)
		httpc_free(c);
}

static size_t
on_head(char *at, size_t one, size_t len, void *ctx)
{
	struct httpc *c = ctx;
	struct span line = span_make(at, len);

	/* A 100 before it is not the answer. */
	if (span_starts(line, "HTTP/")) {
		strbuf_reset(&c->heads);
		c->headed = false;
	}
	c->headed |= span_is(line, "\r\n") || span_is(line, "\n");
	c->too_large = c->heads.len + len > HEADS_MAX;
	if (c->too_large)
		return 0;
	strbuf_add(&c->heads, at, len);
	return len;
}

static bool
streams(const struct httpc *c)
{
	long status = 0;

	if (c->on_data == NULL)
		return false;
	curl_easy_getinfo(c->t.easy, CURLINFO_RESPONSE_CODE, &status);
	return status == 200;
}

static size_t
on_body(char *at, size_t one, size_t len, void *ctx)
{
	struct httpc *c = ctx;

	if (streams(c)) {
		if (c->paused)
			return CURL_WRITEFUNC_PAUSE;
		c->on_data(c->ctx, span_make(at, len));
		return len;
	}
	c->too_large = c->body.len + len > c->max_answer;
	if (c->too_large)
		return 0;
	strbuf_add(&c->body, at, len);
	return len;
}

void
httpc_pause(struct httpc *c)
{
	c->paused = true;
	loop_defer_cancel(&c->resume);
}

/* Deferred: libcurl calls on_body from within curl_easy_pause. */
void
httpc_resume(struct httpc *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	if (c->resume == NULL)
		c->resume = loop_defer(on_resume, c);
}

static void
on_resume(void *ctx)
{
	struct httpc *c = ctx;

	c->resume = NULL;
	/* It has ended, or will be told by the multi handle. */
	if (c->t.multi != NULL)
		curl_easy_pause(c->t.easy, CURLPAUSE_CONT);
	transfer_collect();
}

static enum err_code
code_of(const struct httpc *c)
{
	long os_errno = 0;

	switch (c->t.result) {
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(c->t.easy, CURLINFO_OS_ERRNO, &os_errno);
		return os_errno == ECONNREFUSED || os_errno == ENOENT
			   ? ERR_REFUSED
			   : ERR_IO;
	case CURLE_COULDNT_RESOLVE_HOST:
		return ERR_NOT_FOUND;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
		return ERR_CLOSED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return ERR_INVALID;
	default:
		return ERR_IO;
	}
}

/* 0: the answer is whole. To libcurl one that ends within its head is. */
static int
check_end(const struct httpc *c, struct err *e)
{
	if (c->too_large)
		return err_set(e, ERR_LIMIT, "the answer is too large");
	if (c->t.result != CURLE_OK)
		return err_set(e, code_of(c), "%s", transfer_words(&c->t));
	if (!c->headed)
		return err_set(e, ERR_CLOSED,
			       "the connection was cut within the head of "
			       "the answer");
	return 0;
}

static void
on_done(struct transfer *t)
{
	struct httpc *c = (struct httpc *)((char *)t -
					   offsetof(struct httpc, t));
	struct httpc_answer answer = { .body = strbuf_span(&c->body),
				       .heads = c };
	struct err e = { 0 };
	long status = 0;
	bool whole = check_end(c, &e) == 0;

	curl_easy_getinfo(c->t.easy, CURLINFO_RESPONSE_CODE, &status);
	answer.status = (int)status;
	c->fn(c->ctx, whole ? &answer : NULL, whole ? NULL : &e);
	httpc_free(c);
}

struct span
httpc_field(const struct httpc_answer *answer, const char *name)
{
	const struct httpc *c = answer->heads;
	struct span rest = strbuf_span(&c->heads), line, left;

	while (span_cut(&rest, '\n', &line)) {
		left = line;
		if (span_cut(&left, ':', &line) && left.at != NULL &&
		    left.len > 0 && span_iis(line, name))
			return span_trim(left);
	}
	return (struct span){ 0 };
}
