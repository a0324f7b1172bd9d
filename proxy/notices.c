#include "proxy/notices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "io/outbox.h"

#define MODULE "notices"
#define KEEP_MS INT64_C(604800000) /* a week */
#define WAITING_MAX 10000
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 300000
#define EVENTS_AT_ONCE 64

struct notices {
	struct events *events;
	struct outbox *outbox;
	char *receivers; /* by commas, as the outbox wants them */
	char *url;       /* what users know */
	uint64_t told;   /* the newest event that was looked at */
};

struct secrets {
	struct strbuf smtp, hook;
};

static void on_event(void *ctx);

static void
secrets_fini(struct secrets *s)
{
	strbuf_fini(&s->smtp);
	strbuf_fini(&s->hook);
}

static int
secrets_read(const struct conf *conf, struct secrets *s, struct err *e)
{
	if (secret_read(conf->smtp_password_file, &s->smtp, e) < 0)
		return err_prefix(e, "notices.smtp_password_file");
	if (secret_read(conf->webhook_key_file, &s->hook, e) < 0)
		return err_prefix(e, "notices.webhook_key_file");
	return 0;
}

/* Both lists as one of receivers. */
static int
add_receivers(const char *list, const char *prefix, struct strbuf *out,
	      struct err *e)
{
	struct span rest = span_of(list), one;

	while (list[0] != '\0' && span_cut(&rest, ',', &one)) {
		char *to = mem_printf("%s%.*s", prefix,
				      SPAN_ARG(span_trim(one)));
		bool good = outbox_is_receiver(to, e);

		if (out->len > 0)
			strbuf_addc(out, ',');
		strbuf_adds(out, to);
		mem_free(to);
		if (!good)
			return -1;
	}
	return 0;
}

static int
check_mail(const struct conf *conf, struct err *e)
{
	struct span url = span_of(conf->smtp);
	char *from = mem_printf("mailto:%s", conf->mail_from);
	int rc = 0;

	if (!span_starts(url, "smtp://") && !span_starts(url, "smtps://"))
		rc = err_set(e, ERR_INVALID,
			     "notices.smtp must be smtp://HOST:PORT or "
			     "smtps://HOST:PORT, not \"%s\"",
			     conf->smtp);
	else if (!outbox_is_receiver(from, NULL))
		rc = err_set(e, ERR_INVALID,
			     "notices.mail_from must be NAME@HOST, not \"%s\"",
			     conf->mail_from);
	mem_free(from);
	return rc;
}

static int
receivers_of(const struct conf *conf, struct strbuf *out, struct err *e)
{
	if (add_receivers(conf->webhooks, "", out, e) < 0)
		return err_prefix(e, "notices.webhooks");
	if (add_receivers(conf->mail_to, "mailto:", out, e) < 0)
		return err_prefix(e, "notices.mail_to");
	return conf->mail_to[0] == '\0' ? 0 : check_mail(conf, e);
}

int
notices_check(const struct conf *conf, struct err *e)
{
	struct secrets s = { 0 };
	STRBUF_AUTO receivers = { 0 };
	int rc = receivers_of(conf, &receivers, e);

	if (rc == 0)
		rc = secrets_read(conf, &s, e);
	secrets_fini(&s);
	return rc;
}

static void
fill(const struct conf *conf, const char *dir, const struct secrets *s,
     struct outbox_conf *out)
{
	memset(out, 0, sizeof(*out));
	out->dir = dir;
	out->smtp_url = conf->smtp;
	out->smtp_user = conf->smtp_user;
	out->smtp_password = strbuf_text(&s->smtp);
	out->smtp_ca = conf->notices_ca;
	out->web_ca = conf->notices_ca;
	out->starttls = conf->smtp_starttls;
	out->mail_from = conf->mail_from;
	out->web_key = strbuf_span(&s->hook);
	out->retry = (struct retry_conf){ RETRY_FIRST_MS, RETRY_MAX_MS };
	out->keep_ms = KEEP_MS;
	out->max_waiting = WAITING_MAX;
}

/* Makes the outbox, or gives the one that is there its new ways. */
static int
set_up(struct notices *n, const struct conf *conf, struct err *e)
{
	STRBUF_AUTO receivers = { 0 };
	char *dir = mem_printf("%s/notices", conf->state_dir);
	struct secrets s = { 0 };
	struct outbox_conf ways;
	int rc = receivers_of(conf, &receivers, e);

	if (rc == 0)
		rc = secrets_read(conf, &s, e);
	if (rc == 0) {
		fill(conf, dir, &s, &ways);
		if (n->outbox != NULL)
			outbox_set(n->outbox, &ways);
		else
			n->outbox = outbox_open(&ways, e);
		rc = n->outbox != NULL ? 0 : -1;
	}
	if (rc == 0) {
		mem_free(n->receivers);
		n->receivers = strbuf_take(&receivers);
		mem_free(n->url);
		n->url = mem_strdup(conf->public_url);
	}
	secrets_fini(&s);
	mem_free(dir);
	return rc;
}

struct notices *
notices_open(const struct conf *conf, struct events *ev, struct err *e)
{
	struct notices *n = mem_new(struct notices);

	n->events = ev;
	n->told = events_last(ev);
	if (set_up(n, conf, e) < 0) {
		notices_close(&n);
		return NULL;
	}
	events_observe(ev, on_event, n);
	return n;
}

void
notices_close(struct notices **np)
{
	struct notices *n = *np;

	*np = NULL;
	if (n == NULL)
		return;
	events_ignore(n->events, n);
	outbox_close(&n->outbox);
	mem_free(n->receivers);
	mem_free(n->url);
	mem_free(n);
}

int
notices_reload(struct notices *n, const struct conf *conf, struct err *e)
{
	return set_up(n, conf, e);
}

static const char *
text_of(const json_t *event, const char *key)
{
	const char *text = NULL;

	(void)json_get_str(event, key, &text, NULL);
	return text != NULL ? text : "";
}

static void
hook_body(const struct notices *n, const json_t *event, struct strbuf *out)
{
	JSON_AUTO doc = json_object();

	json_put_int(doc, "v", 1);
	json_put_str(doc, "url", n->url);
	json_object_set(doc, "event", (json_t *)(uintptr_t)event);
	json_write(doc, JSON_AS_MADE, out);
}

static void
mail_body(const struct notices *n, const json_t *event, struct strbuf *out)
{
	int64_t id = 0, epoch = 0;

	(void)json_get_int(event, "id", &id, NULL);
	(void)json_get_int(event, "epoch", &epoch, NULL);
	strbuf_addf(out, "%s\n\n", text_of(event, "text"));
	strbuf_addf(out, "when    %s\n", text_of(event, "at"));
	if (n->url[0] != '\0')
		strbuf_addf(out, "pair    %s\n", n->url);
	strbuf_addf(out, "kind    %s, event %" PRId64 ", epoch %" PRId64 "\n",
		    text_of(event, "kind"), id, epoch);
	if (text_of(event, "active")[0] != '\0')
		strbuf_addf(out, "active  %s\n", text_of(event, "active"));
	strbuf_addf(out,
		    "\ngsbctl explain %" PRId64 "   what it was based on\n"
		    "gsbctl status        how the pair is now\n",
		    id);
}

/* The number of those that it could be kept for. */
static int
tell(struct notices *n, const json_t *event, struct err *e)
{
	STRBUF_AUTO hook = { 0 };
	STRBUF_AUTO mail = { 0 };
	struct span rest = span_of(n->receivers), one;
	char *subject = mem_printf("[GSB] %s: %s", text_of(event, "kind"),
				   text_of(event, "text"));
	int kept = 0;

	hook_body(n, event, &hook);
	mail_body(n, event, &mail);
	while (n->receivers[0] != '\0' && span_cut(&rest, ',', &one)) {
		bool by_mail = span_starts(one, "mailto:");
		char *to = span_dup(one);
		struct outbox_message m = {
			.to = to,
			.subject = subject,
			.type = by_mail ? "text/plain; charset=utf-8"
					: "application/json",
			.body = strbuf_span(by_mail ? &mail : &hook),
		};

		kept += outbox_add(n->outbox, &m, e) == 0;
		mem_free(to);
	}
	mem_free(subject);
	return kept;
}

static bool
is_news(const json_t *event)
{
	const char *kind = text_of(event, "kind");

	return strcmp(kind, "transition") == 0 || strcmp(kind, "alarm") == 0;
}

static void
on_event(void *ctx)
{
	struct notices *n = ctx;
	JSON_AUTO list = events_since(n->events, n->told, EVENTS_AT_ONCE);
	struct err e = { 0 };

	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_news(json_array_get(list, i)))
			(void)tell(n, json_array_get(list, i), &e);
	n->told = events_last(n->events);
	if (e.code != ERR_NONE)
		log_error(MODULE, "not_kept=\"%s\"", err_text(&e));
}

int
notices_try(struct notices *n, struct err *e)
{
	JSON_AUTO event = json_object();
	char iso[CLOCK_ISO_SIZE];
	int kept;

	if (n->receivers[0] == '\0')
		return err_set(e, ERR_REFUSED,
			       "nobody is told: notices.webhooks and "
			       "notices.mail_to are empty");
	json_put_str(event, "at", clock_iso(clock_wall_us(), iso));
	json_put_str(event, "kind", "test");
	json_put_str(event, "text",
		     "this is a trial of the notices, all is as it was");
	kept = tell(n, event, e);
	return e->code == ERR_NONE ? kept : -1;
}

json_t *
notices_json(const struct notices *n)
{
	struct outbox_counts counts = outbox_counts(n->outbox);
	struct span rest = span_of(n->receivers), one;
	json_t *doc = json_object();
	json_t *list = json_array();
	char iso[CLOCK_ISO_SIZE];

	while (n->receivers[0] != '\0' && span_cut(&rest, ',', &one)) {
		char *to = span_dup(one);
		char name[256];

		outbox_receiver_name(to, name, sizeof(name));
		json_array_append_new(list, json_string(name));
		mem_free(to);
	}
	json_put(doc, "receivers", list);
	json_put_int(doc, "waiting", counts.waiting);
	if (counts.oldest_us > 0)
		json_put_str(doc, "oldest", clock_iso(counts.oldest_us, iso));
	json_put_int(doc, "delivered", (int64_t)counts.delivered);
	json_put_int(doc, "failed_tries", (int64_t)counts.failed_tries);
	json_put_int(doc, "given_up", (int64_t)counts.given_up);
	json_put_str(doc, "last_error", counts.last_error);
	return doc;
}

void
notices_metrics(const struct notices *n, struct strbuf *out)
{
	struct outbox_counts counts = outbox_counts(n->outbox);
	int64_t age = counts.oldest_us > 0
			  ? (clock_wall_us() - counts.oldest_us) / 1000000
			  : 0;

	strbuf_addf(out,
		    "# TYPE gsb_notices_waiting gauge\n"
		    "gsb_notices_waiting %u\n"
		    "# TYPE gsb_notices_oldest_seconds gauge\n"
		    "gsb_notices_oldest_seconds %" PRId64 "\n"
		    "# TYPE gsb_notices_delivered_total counter\n"
		    "gsb_notices_delivered_total %" PRIu64 "\n"
		    "# TYPE gsb_notices_failed_tries_total counter\n"
		    "gsb_notices_failed_tries_total %" PRIu64 "\n"
		    "# TYPE gsb_notices_given_up_total counter\n"
		    "gsb_notices_given_up_total %" PRIu64 "\n",
		    counts.waiting, age, counts.delivered, counts.failed_tries,
		    counts.given_up);
}
