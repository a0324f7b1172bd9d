/*
 * libcurl's SMTP waits inside of its calls: for the answer to the end of a
 * message, and to its goodbye. So each message has a thread for as long as it
 * takes:
 *
 *   smtpc_start --> in_thread --post--> on_posted --> fn
 *
 * A link is a libcurl handle with its one connection. It goes from one
 * message to the next, and waits in between for those of the same loop.
 */
#include "io/smtpc.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/inner.h"
#include "io/transfer.h"

#define TIMEOUT_MS 30000
#define LINKS_MAX 8 /* that wait */
#define IDLE_S 60L  /* older connections are not used again */

struct link {
	TAILQ_ENTRY(link) entry;
	CURL *easy;
	pthread_mutex_t lock;
	int fd; /* of its connection, -1: none; under the lock */
};

struct smtpc_links {
	TAILQ_HEAD(, link) idle;
	unsigned n;
};

struct smtpc {
	struct loop *loop;
	struct link *link;
	pthread_mutex_t lock;
	bool owned; /* under the lock; false: who ends last frees it */
	struct curl_slist *to;
	char *data;
	size_t len, sent;
	unsigned answers; /* on this connection */
	CURLcode result;
	long status;
	char words[CURL_ERROR_SIZE];
	smtpc_fn *fn;
	void *ctx;
};

static void *in_thread(void *arg);
static size_t on_wanted(char *out, size_t one, size_t size, void *ctx);
static size_t on_said(char *line, size_t one, size_t size, void *ctx);
static int on_progress(void *ctx, curl_off_t all, curl_off_t now,
		       curl_off_t all_up, curl_off_t now_up);
static void on_posted(void *ctx);

/* --- links -------------------------------------------------------------- */

static int
on_opened(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	struct link *l = ctx;

	pthread_mutex_lock(&l->lock);
	l->fd = fd;
	pthread_mutex_unlock(&l->lock);
	return CURL_SOCKOPT_OK;
}

static int
on_closing(void *ctx, curl_socket_t fd)
{
	struct link *l = ctx;

	pthread_mutex_lock(&l->lock);
	if (l->fd == fd)
		l->fd = -1;
	pthread_mutex_unlock(&l->lock);
	return close(fd);
}

/* Whoever waits for an answer there, or would, has none to wait for. */
static void
link_cut(struct link *l)
{
	pthread_mutex_lock(&l->lock);
	if (l->fd >= 0)
		shutdown(l->fd, SHUT_RDWR);
	pthread_mutex_unlock(&l->lock);
}

static void
link_free(struct link *l)
{
	link_cut(l);
	curl_easy_cleanup(l->easy);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

static void
links_free(struct smtpc_links **lp)
{
	struct smtpc_links *links = *lp;
	struct link *l;

	*lp = NULL;
	if (links == NULL)
		return;
	while ((l = TAILQ_FIRST(&links->idle)) != NULL) {
		TAILQ_REMOVE(&links->idle, l, entry);
		link_free(l);
	}
	mem_free(links);
}

static struct smtpc_links *
links_get(void)
{
	struct loop_hooks *hooks = loop_hooks();

	if (hooks->links == NULL) {
		hooks->links = mem_new(struct smtpc_links);
		TAILQ_INIT(&hooks->links->idle);
		hooks->free_links = links_free;
	}
	return hooks->links;
}

/* libcurl itself sees whether its connection is to that server and user. */
static struct link *
link_take(void)
{
	struct smtpc_links *links = links_get();
	struct link *l = TAILQ_FIRST(&links->idle);

	if (l != NULL) {
		TAILQ_REMOVE(&links->idle, l, entry);
		links->n--;
		curl_easy_reset(l->easy);
		return l;
	}
	transfer_library();
	l = mem_new(struct link);
	l->easy = curl_easy_init();
	assert(l->easy != NULL);
	l->fd = -1;
	io_must(pthread_mutex_init(&l->lock, NULL));
	return l;
}

/* The last one that was used is the first one: others grow old. */
static void
link_give_back(struct link *l)
{
	struct smtpc_links *links = links_get();

	if (links->n == LINKS_MAX) {
		link_free(l);
		return;
	}
	TAILQ_INSERT_HEAD(&links->idle, l, entry);
	links->n++;
}

/* --- a message ----------------------------------------------------------- */

static void
set_server(CURL *easy, const struct smtpc_message *m)
{
	curl_easy_setopt(easy, CURLOPT_URL, m->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S);
	curl_easy_setopt(
	    easy, CURLOPT_TIMEOUT_MS,
	    (long)(m->timeout_ms > 0 ? m->timeout_ms : TIMEOUT_MS));
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

static void
set_callbacks(struct smtpc *c)
{
	CURL *easy = c->link->easy;

	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->words);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_wanted);
	curl_easy_setopt(easy, CURLOPT_READDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_said);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, c->link);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_closing);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c->link);
}

struct smtpc *
smtpc_start(const struct smtpc_message *m, smtpc_fn *fn, void *ctx)
{
	struct smtpc *c = mem_new(struct smtpc);
	pthread_attr_t attr;
	pthread_t thread;

	c->loop = loop_current();
	c->fn = fn;
	c->ctx = ctx;
	c->owned = true;
	io_must(pthread_mutex_init(&c->lock, NULL));
	c->len = m->data.len;
	c->data = mem_dup(m->data.at, m->data.len);
	c->to = curl_slist_append(NULL, m->to);
	assert(c->to != NULL);
	c->link = link_take();
	set_server(c->link->easy, m);
	set_callbacks(c);
	curl_easy_setopt(c->link->easy, CURLOPT_MAIL_FROM, m->from);
	curl_easy_setopt(c->link->easy, CURLOPT_MAIL_RCPT, c->to);
	curl_easy_setopt(c->link->easy, CURLOPT_UPLOAD, 1L);
	io_must(pthread_attr_init(&attr));
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	io_must(pthread_create(&thread, &attr, in_thread, c));
	pthread_attr_destroy(&attr);
	return c;
}

static void
smtpc_free(struct smtpc *c)
{
	curl_slist_free_all(c->to);
	pthread_mutex_destroy(&c->lock);
	mem_free(c->data);
	mem_free(c);
}

void
smtpc_cancel(struct smtpc **cp)
{
	struct smtpc *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->owned = false; /* the thread, or on_posted if posted, frees it */
	link_cut(c->link);
	pthread_mutex_unlock(&c->lock);
}

/* --- in the thread -------------------------------------------------------- */

static bool
is_owned(struct smtpc *c)
{
	bool owned;

	pthread_mutex_lock(&c->lock);
	owned = c->owned;
	pthread_mutex_unlock(&c->lock);
	return owned;
}

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

static bool
is_reused(const struct smtpc *c)
{
	long connects = 1;

	curl_easy_getinfo(c->link->easy, CURLINFO_NUM_CONNECTS, &connects);
	return connects == 0;
}

/* After an answer that refuses libcurl closes the connection, and would wait
 * for an answer to that; but to EHLO, the second one of a new connection:
 * then it asks by HELO. */
static size_t
on_said(char *line, size_t one, size_t size, void *ctx)
{
	struct smtpc *c = ctx;
	size_t len = one * size;

	if (len < 4 || line[3] == '-')
		return len; /* there is more of it */
	c->answers++;
	if ((line[0] == '4' || line[0] == '5') &&
	    (is_reused(c) || c->answers != 2))
		link_cut(c->link);
	return len;
}

/* Also called, once a second, while libcurl waits. */
static int
on_progress(void *ctx, curl_off_t all, curl_off_t now, curl_off_t all_up,
	    curl_off_t now_up)
{
	return !is_owned(ctx);
}

static void
perform(struct smtpc *c)
{
	c->words[0] = '\0';
	c->answers = 0;
	c->status = 0;
	c->result = curl_easy_perform(c->link->easy);
	curl_easy_getinfo(c->link->easy, CURLINFO_RESPONSE_CODE, &c->status);
}

/*
 * Some servers take so many messages on one connection, or close it when it
 * was idle for long; of this message they have seen nothing then.
 */
static bool
is_worn_out(const struct smtpc *c)
{
	return is_reused(c) && c->sent == 0 && c->status < 500 &&
	       c->result != CURLE_OK && c->result != CURLE_OPERATION_TIMEDOUT;
}

static void *
in_thread(void *arg)
{
	struct smtpc *c = arg;
	bool owned;

	perform(c);
	if (is_worn_out(c) && is_owned(c)) {
		curl_easy_setopt(c->link->easy, CURLOPT_FRESH_CONNECT, 1L);
		perform(c);
	}
	pthread_mutex_lock(&c->lock);
	owned = c->owned;
	if (owned)
		loop_post(c->loop, on_posted, c);
	pthread_mutex_unlock(&c->lock);
	if (!owned) {
		link_free(c->link);
		smtpc_free(c);
	}
	return NULL;
}

/* --- on the loop ---------------------------------------------------------- */

static enum err_code
code_of(const struct smtpc *c)
{
	switch (c->result) {
	case CURLE_COULDNT_CONNECT:
		return ERR_REFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return ERR_NOT_FOUND;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_SEND_ERROR:         /* MAIL or RCPT was not taken */
	case CURLE_WEIRD_SERVER_REPLY: /* DATA */
		return c->status >= 500 ? ERR_INVALID : ERR_IO;
	default:
		return ERR_IO;
	}
}

static void
tell(const struct smtpc *c, struct err *e)
{
	const char *words = c->words[0] != '\0' ? c->words
						: curl_easy_strerror(c->result);

	if (c->status >= 400)
		err_set(e, code_of(c), "mail: the server answered %ld: %s",
			c->status, words);
	else
		err_set(e, code_of(c), "mail: %s%s", words,
			c->result == CURLE_LOGIN_DENIED ? " (user or password)"
							: "");
}

static void
on_posted(void *ctx)
{
	struct smtpc *c = ctx;
	bool owned = is_owned(c), good = c->result == CURLE_OK;
	smtpc_fn *fn = c->fn;
	void *fn_ctx = c->ctx;
	struct err e = { 0 };

	if (!good)
		tell(c, &e);
	if (owned)
		link_give_back(c->link);
	else
		link_free(c->link);
	smtpc_free(c);
	if (owned)
		fn(fn_ctx, good ? NULL : &e);
}
