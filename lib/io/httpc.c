/*
 * libcurl's multi interface: it says which sockets and which timer it wants,
 * we watch them and call it. One multi handle (and so one store of idle
 * connections) for each loop.
 */
#include "io/httpc.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "io/fdwatch.h"
#include "io/inner.h"

#define HEADS_MAX (64 * 1024)
#define BUFFER_SIZE (256 * 1024L)

struct httpc_multi {
	CURLM *curl;
	struct timer *timer;
};

struct httpc {
	CURL *easy;
	CURLM *multi; /* NULL: taken out */
	struct curl_slist *fields;
	char *sent_body;
	struct strbuf heads; /* of the last answer head, lines with CRLF */
	struct strbuf body;
	uint64_t max_answer;
	bool too_large;
	httpc_data_fn *on_data;
	bool paused;
	struct loop_call *resume;
	CURLcode result;
	struct loop_call *end;
	char words[CURL_ERROR_SIZE];
	httpc_fn *fn;
	void *ctx;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int on_timer_wanted(CURLM *curl, long ms, void *ctx);
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx,
			    void *watch);
static void on_time(void *ctx);
static void on_ready(void *ctx, unsigned events);
static size_t on_head(char *at, size_t one, size_t len, void *ctx);
static size_t on_body(char *at, size_t one, size_t len, void *ctx);
static void on_resume(void *ctx);
static void on_done(void *ctx);

/* A socket that libcurl asked to watch. */
struct watched {
	struct fdwatch *watch;
	curl_socket_t fd;
	struct httpc_multi *multi;
};

static void
init_once(void)
{
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		assert(!"libcurl cannot start");
}

static void
multi_free(struct httpc_multi **mp)
{
	struct httpc_multi *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	curl_multi_cleanup(m->curl);
	timer_cancel(&m->timer);
	mem_free(m);
}

static struct httpc_multi *
multi_get(void)
{
	struct loop_hooks *hooks = loop_hooks();
	struct httpc_multi *m = hooks->multi;

	if (m != NULL)
		return m;
	pthread_once(&once, init_once);
	m = mem_new(struct httpc_multi);
	m->curl = curl_multi_init();
	assert(m->curl != NULL);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	hooks->multi = m;
	hooks->free_multi = multi_free;
	return m;
}

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
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->fields);
}

static void
set_message(struct httpc *c, const struct httpc_request *r)
{
	const char *method = r->method != NULL ? r->method : "GET";

	curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);
	add_fields(c, r->fields);
	if (r->body.at != NULL) {
		c->sent_body = mem_dup(r->body.at, r->body.len);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)r->body.len);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->sent_body);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void
set_pace(struct httpc *c, const struct httpc_request *r)
{
	if (r->on_data != NULL)
		curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	if (r->stall_ms > 0) {
		curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, 0L);
		curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME,
				 (long)(r->stall_ms + 999) / 1000);
	}
	if (r->max_rate > 0)
		curl_easy_setopt(c->easy, CURLOPT_MAX_RECV_SPEED_LARGE,
				 (curl_off_t)r->max_rate);
}

static void
set_transport(struct httpc *c, const struct httpc_request *r)
{
	long ms = r->timeout_ms > 0 ? r->timeout_ms : 10000;

	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, ms);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 r->connect_timeout_ms > 0 ? (long)r->connect_timeout_ms
						   : ms);
	if (r->unix_path != NULL)
		curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH,
				 r->unix_path);
	if (r->ca_file != NULL) {
		curl_easy_setopt(c->easy, CURLOPT_CAINFO, r->ca_file);
		curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	}
	if (r->fresh) {
		curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

struct httpc *
httpc_start(const struct httpc_request *r, httpc_fn *fn, void *ctx)
{
	struct httpc_multi *m = multi_get();
	struct httpc *c = mem_new(struct httpc);

	c->fn = fn;
	c->ctx = ctx;
	c->max_answer = r->max_answer > 0 ? r->max_answer : 1024 * 1024;
	c->on_data = r->on_data;
	c->easy = curl_easy_init();
	assert(c->easy != NULL);
	set_message(c, r);
	set_transport(c, r);
	set_pace(c, r);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->words);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	c->multi = m->curl;
	if (curl_multi_add_handle(m->curl, c->easy) != CURLM_OK)
		assert(!"libcurl refuses a request");
	return c;
}

static void
take_out(struct httpc *c)
{
	if (c->multi != NULL)
		curl_multi_remove_handle(c->multi, c->easy);
	c->multi = NULL;
}

static void
httpc_free(struct httpc *c)
{
	take_out(c);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->fields);
	loop_defer_cancel(&c->end);
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

static int
on_timer_wanted(CURLM *curl, long ms, void *ctx)
{
	struct httpc_multi *m = ctx;

	timer_cancel(&m->timer);
	if (ms >= 0)
		m->timer = timer_start((uint64_t)ms, on_time, m);
	return 0;
}

static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
	struct httpc_multi *m = ctx;
	struct watched *w = watch;
	unsigned events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			fdwatch_cancel(&w->watch);
		mem_free(w);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= FDWATCH_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= FDWATCH_WRITE;
	if (w == NULL) {
		w = mem_new(struct watched);
		w->fd = fd;
		w->multi = m;
		w->watch = fdwatch_start(fd, events, on_ready, w);
		curl_multi_assign(m->curl, fd, w);
	} else {
		fdwatch_set(w->watch, events);
	}
	return 0;
}

/* Ended ones are told in deferred calls: their owners may start others. */
static void
collect(struct httpc_multi *m)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left)) != NULL) {
		struct httpc *c = NULL;
		CURLcode result = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &c);
		c->result = result;
		take_out(c);
		c->end = loop_defer(on_done, c);
	}
}

static void
on_time(void *ctx)
{
	struct httpc_multi *m = ctx;
	int running;

	m->timer = NULL;
	curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(m);
}

static void
on_ready(void *ctx, unsigned events)
{
	struct watched *w = ctx;
	struct httpc_multi *m = w->multi;
	int flags = 0, running;

	if (events & FDWATCH_READ)
		flags |= CURL_CSELECT_IN;
	if (events & FDWATCH_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(m->curl, w->fd, flags, &running);
	collect(m);
}

static size_t
on_head(char *at, size_t one, size_t len, void *ctx)
{
	struct httpc *c = ctx;

	/* A 100 before it is not the answer. */
	if (span_starts(span_make(at, len), "HTTP/"))
		strbuf_reset(&c->heads);
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
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
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
	if (c->multi != NULL)
		curl_easy_pause(c->easy, CURLPAUSE_CONT);
	collect(loop_hooks()->multi);
}

static enum err_code
code_of(const struct httpc *c)
{
	long os_errno = 0;

	if (c->too_large)
		return ERR_LIMIT;
	switch (c->result) {
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
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

static void
on_done(void *ctx)
{
	struct httpc *c = ctx;
	struct httpc_answer answer = { .body = strbuf_span(&c->body),
				       .heads = c };
	struct err e = { 0 };
	long status = 0;

	c->end = NULL;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	answer.status = (int)status;
	if (c->result != CURLE_OK)
		err_set(&e, code_of(c), "%s",
			c->too_large          ? "the answer is too large"
			: c->words[0] != '\0' ? c->words
					      : curl_easy_strerror(c->result));
	c->fn(c->ctx, c->result == CURLE_OK ? &answer : NULL,
	      c->result == CURLE_OK ? NULL : &e);
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
