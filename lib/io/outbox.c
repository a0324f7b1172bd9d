#include "io/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/httpc.h"
#include "io/outbox_inner.h"
#include "io/smtpc.h"
#include "io/timer.h"

#define MODULE "outbox"
#define TRY_MS 10000
#define EXPIRY_MS 60000
#define RECEIVERS_MAX 4 /* that are sent to at once */

/* Somebody that messages wait for: one of them is on its way, or its time. */
struct receiver {
	struct outbox *box;
	char *to;
	struct outbox_item *item; /* on its way */
	struct httpc *web;
	struct smtpc *mail;
	unsigned failures;
	struct timer *again;
	bool wanted; /* something waits for it */
	UT_hash_handle hh;
};

struct outbox {
	char *dir;
	char *smtp_url, *smtp_user, *smtp_password, *smtp_ca, *mail_from,
	    *web_ca;
	struct strbuf web_key;
	struct outbox_conf conf; /* its numbers; texts are those above */
	struct outbox_items items;
	struct receiver *receivers;
	struct outbox_counts counts;
	struct timer *expiry;
	uint64_t serial;
	bool going, more; /* go_on */
	char last_error[384];
};

static void go_on(struct outbox *o);
static void on_again(void *ctx);
static void on_expiry(void *ctx);
static void on_posted(void *ctx, const struct httpc_answer *answer,
		      const struct err *err);
static void on_mailed(void *ctx, const struct err *err);

static void
set_text(char **field, const char *text)
{
	mem_free(*field);
	*field = mem_strdup(text != NULL ? text : "");
}

void
outbox_set(struct outbox *o, const struct outbox_conf *conf)
{
	o->conf = *conf;
	set_text(&o->smtp_url, conf->smtp_url);
	set_text(&o->smtp_user, conf->smtp_user);
	set_text(&o->smtp_password, conf->smtp_password);
	set_text(&o->smtp_ca, conf->smtp_ca);
	set_text(&o->mail_from, conf->mail_from);
	set_text(&o->web_ca, conf->web_ca);
	strbuf_reset(&o->web_key);
	strbuf_add_span(&o->web_key, conf->web_key);
	go_on(o);
}

struct outbox *
outbox_open(const struct outbox_conf *conf, struct err *e)
{
	struct outbox *o = mem_new(struct outbox);
	struct outbox_item *i;

	TAILQ_INIT(&o->items);
	o->dir = mem_strdup(conf->dir);
	if (mkdir(conf->dir, 0700) < 0 && errno != EEXIST) {
		err_set(e, ERR_IO, "%s: %s", conf->dir, strerror(errno));
		outbox_close(&o);
		return NULL;
	}
	if (outbox_file_list(conf->dir, &o->items, e) < 0) {
		outbox_close(&o);
		return NULL;
	}
	for (i = TAILQ_FIRST(&o->items); i != NULL; i = TAILQ_NEXT(i, entry))
		o->counts.waiting++;
	outbox_set(o, conf);
	return o;
}

static void
receiver_free(struct receiver *r)
{
	HASH_DEL(r->box->receivers, r);
	httpc_cancel(&r->web);
	smtpc_cancel(&r->mail);
	timer_cancel(&r->again);
	mem_free(r->to);
	mem_free(r);
}

void
outbox_close(struct outbox **op)
{
	struct outbox *o = *op;
	struct outbox_item *i;

	*op = NULL;
	if (o == NULL)
		return;
	timer_cancel(&o->expiry);
	while (o->receivers != NULL)
		receiver_free(o->receivers);
	while ((i = TAILQ_FIRST(&o->items)) != NULL) {
		TAILQ_REMOVE(&o->items, i, entry);
		outbox_item_free(i);
	}
	mem_free(o->dir);
	mem_free(o->smtp_url);
	mem_free(o->smtp_user);
	mem_free(o->smtp_password);
	mem_free(o->smtp_ca);
	mem_free(o->mail_from);
	mem_free(o->web_ca);
	strbuf_fini(&o->web_key);
	mem_free(o);
}

static json_t *
document(struct outbox *o, const struct outbox_message *m)
{
	json_t *doc = json_object();
	int64_t now = clock_wall_us();
	char id[64];

	snprintf(id, sizeof(id), "%016lld-%08x-%06llu", (long long)now,
		 crypto_random_u32(), (unsigned long long)o->serial++);
	json_put_str(doc, "id", id);
	json_put_int(doc, "made_us", now);
	json_put_str(doc, "to", m->to);
	json_put_str(doc, "from", m->from != NULL ? m->from : o->mail_from);
	json_put_str(doc, "subject", m->subject);
	json_put_str(doc, "type", m->type);
	json_put_span(doc, "body", m->body);
	return doc;
}

int
outbox_add(struct outbox *o, const struct outbox_message *m, struct err *e)
{
	struct outbox_item *i;
	JSON_AUTO doc = NULL;

	if (!outbox_is_receiver(m->to, e))
		return -1;
	if (o->counts.waiting >= o->conf.max_waiting)
		return err_set(e, ERR_LIMIT, "%s: %u messages wait already",
			       o->dir, o->counts.waiting);
	doc = document(o, m);
	if (outbox_file_write(o->dir, doc, e) < 0)
		return -1;
	i = outbox_item_new(doc);
	assert(i != NULL);
	TAILQ_INSERT_TAIL(&o->items, i, entry);
	o->counts.waiting++;
	go_on(o);
	return 0;
}

struct outbox_counts
outbox_counts(const struct outbox *o)
{
	struct outbox_counts counts = o->counts;
	const struct outbox_item *first = TAILQ_FIRST(&o->items);

	counts.oldest_us = first != NULL ? first->made_us : 0;
	counts.last_error = o->last_error;
	return counts;
}

static void
drop(struct outbox *o, struct outbox_item *i)
{
	TAILQ_REMOVE(&o->items, i, entry);
	o->counts.waiting--;
	outbox_file_remove(o->dir, i->name);
	outbox_item_free(i);
}

static void
give_up(struct outbox *o, struct outbox_item *i, const char *why)
{
	char quoted[512], name[128];

	log_error(MODULE, "given_up=%s to=%s why=%s", i->name,
		  outbox_receiver_name(i->to, name, sizeof(name)),
		  log_quote(quoted, sizeof(quoted), why));
	o->counts.given_up++;
	drop(o, i);
}

static struct receiver *
receiver_of(struct outbox *o, const char *to)
{
	struct receiver *r;

	HASH_FIND_STR(o->receivers, to, r);
	if (r != NULL || HASH_COUNT(o->receivers) >= 1024)
		return r;
	r = mem_new(struct receiver);
	r->box = o;
	r->to = mem_strdup(to);
	HASH_ADD_KEYPTR(hh, o->receivers, r->to, strlen(r->to), r);
	return r;
}

static void
post(struct receiver *r, const json_t *doc)
{
	struct outbox *o = r->box;
	const char *body = json_string_value(json_object_get(doc, "body"));
	STRBUF_AUTO mac = { 0 };
	uint8_t sum[CRYPTO_SHA256_SIZE];
	struct httpc_field fields[] = {
		{ "Content-Type",
		  json_string_value(json_object_get(doc, "type")) },
		{ "X-GSB-Message",
		  json_string_value(json_object_get(doc, "id")) },
		{ "X-GSB-Signature", NULL },
		{ NULL, NULL }
	};
	struct httpc_request request = { .method = "POST",
					 .url = r->to,
					 .fields = fields,
					 .body = span_of(body),
					 .timeout_ms = TRY_MS };

	crypto_hmac_sha256(strbuf_span(&o->web_key), span_of(body), sum);
	strbuf_adds(&mac, "sha256=");
	crypto_hex(span_make((const char *)sum, sizeof(sum)), &mac);
	fields[2].value = strbuf_text(&mac);
	if (o->web_key.len == 0)
		fields[2].name = NULL;
	if (o->web_ca[0] != '\0')
		request.ca_file = o->web_ca;
	r->web = httpc_start(&request, on_posted, r);
}

static void
mail(struct receiver *r, const json_t *doc)
{
	struct outbox *o = r->box;
	STRBUF_AUTO data = { 0 };
	struct smtpc_message message = {
		.url = o->smtp_url,
		.starttls = o->conf.starttls,
		.user = o->smtp_user,
		.password = o->smtp_password,
		.ca_file = o->smtp_ca,
		.from = json_string_value(json_object_get(doc, "from")),
		.to = r->to + strlen(OUTBOX_MAILTO),
	};

	outbox_mail_write(doc, &data);
	message.data = strbuf_span(&data);
	r->mail = smtpc_start(&message, on_mailed, r);
}

static void
try_again_later(struct receiver *r, const char *why)
{
	struct outbox *o = r->box;
	char name[128];
	uint32_t ms;

	r->item = NULL;
	r->failures++;
	o->counts.failed_tries++;
	snprintf(o->last_error, sizeof(o->last_error), "%s: %s",
		 outbox_receiver_name(r->to, name, sizeof(name)), why);
	ms = retry_wait_ms(&o->conf.retry, r->failures, crypto_random_u32());
	log_warn(MODULE, "to=%s try=%u again_ms=%u why=\"%s\"", name,
		 r->failures, ms, why);
	r->again = timer_start(ms, on_again, r);
	go_on(o);
}

static void
send_item(struct receiver *r, struct outbox_item *i)
{
	struct outbox *o = r->box;
	struct err e = { 0 };
	JSON_AUTO doc = outbox_file_read(o->dir, i->name, &e);

	if (doc == NULL) {
		give_up(o, i, err_text(&e));
		return;
	}
	r->item = i;
	if (!outbox_is_mail(r->to))
		post(r, doc);
	else if (o->smtp_url[0] != '\0')
		mail(r, doc);
	else
		try_again_later(r, "no mail server is configured");
}

static unsigned
count_busy(const struct outbox *o)
{
	unsigned n = 0;

	for (const struct receiver *r = o->receivers; r != NULL; r = r->hh.next)
		n += r->item != NULL;
	return n;
}

/* The oldest of each receiver that is neither busy nor waits. */
static void
look_through(struct outbox *o)
{
	int64_t oldest = clock_wall_us() - o->conf.keep_ms * 1000;
	struct outbox_item *i, *next;

	for (i = TAILQ_FIRST(&o->items); i != NULL; i = next) {
		struct receiver *r = receiver_of(o, i->to);

		next = TAILQ_NEXT(i, entry);
		if (r == NULL)
			continue;
		r->wanted = true;
		if (r->item != NULL)
			continue;
		if (i->made_us < oldest)
			give_up(o, i, "it is too old");
		else if (r->again == NULL && count_busy(o) < RECEIVERS_MAX)
			send_item(r, i);
	}
}

static void
forget_unwanted(struct outbox *o)
{
	struct receiver *r, *next;

	for (r = o->receivers; r != NULL; r = next) {
		next = r->hh.next;
		if (!r->wanted)
			receiver_free(r);
		else
			r->wanted = false;
	}
}

/* What it does may ask for it again: then once more, not within itself. */
static void
go_on(struct outbox *o)
{
	o->more = true;
	if (o->going)
		return;
	o->going = true;
	while (o->more) {
		o->more = false;
		look_through(o);
		forget_unwanted(o);
	}
	o->going = false;
	if (o->expiry == NULL && !TAILQ_EMPTY(&o->items))
		o->expiry = timer_start(EXPIRY_MS, on_expiry, o);
}

static void
on_again(void *ctx)
{
	struct receiver *r = ctx;

	r->again = NULL;
	go_on(r->box);
}

static void
on_expiry(void *ctx)
{
	struct outbox *o = ctx;

	o->expiry = NULL;
	go_on(o);
}

static void
delivered(struct receiver *r)
{
	struct outbox *o = r->box;

	o->counts.delivered++;
	o->last_error[0] = '\0';
	drop(o, r->item);
	receiver_free(r);
	go_on(o);
}

static void
on_posted(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct receiver *r = ctx;
	char why[64];

	r->web = NULL;
	if (err != NULL) {
		try_again_later(r, err_text(err));
	} else if (answer->status / 100 != 2) {
		snprintf(why, sizeof(why), "it answered %d", answer->status);
		try_again_later(r, why);
	} else {
		delivered(r);
	}
}

static void
on_mailed(void *ctx, const struct err *err)
{
	struct receiver *r = ctx;
	struct outbox *o = r->box;

	r->mail = NULL;
	if (err == NULL) {
		delivered(r);
	} else if (err->code == ERR_INVALID) {
		give_up(o, r->item, err_text(err));
		receiver_free(r);
		go_on(o);
	} else {
		try_again_later(r, err_text(err));
	}
}
