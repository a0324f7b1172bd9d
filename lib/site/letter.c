#include "site/letter.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "io/outbox.h"
#include "io/smtpc.h"
#include "io/timer.h"
#include "site/mailtext.h"
#include "site/recurrence.h"
#include "site/site.h"

#define GUARD_MS 250 /* how soon a lost lease ends a try */

struct letter {
	const struct site *site;
	const struct letter_of *of;
	struct smtpc *smtp;
	struct timer *guard;
	letter_fn *fn;
	void *ctx;
};

static void on_guard(void *ctx);
static void on_sent(void *ctx, const struct err *err);
static void end(struct letter *l, const struct err *err);

static bool
is_address(const char *to, struct err *e)
{
	char *url = mem_printf("mailto:%s", to);
	bool good = outbox_is_receiver(url, e);

	mem_free(url);
	return good;
}

static enum mailtext_kind
kind_of(const struct letter_of *of, const json_t *content)
{
	if (json_object_get(content, "account") != NULL)
		return MAILTEXT_ACCOUNT;
	if (of->remind_us > 0)
		return MAILTEXT_REMINDER;
	if (of->cancelled)
		return MAILTEXT_CANCELLED;
	return of->told < 0 ? MAILTEXT_INVITED : MAILTEXT_CHANGED;
}

static void
write_text(const struct site *s, const struct letter_of *of, struct strbuf *out)
{
	JSON_AUTO content = json_read(span_of(of->content), NULL);
	struct mailtext text = {
		.kind = kind_of(of, content),
		.id = of->id,
		.from = s->conf->mail_from,
		.to = of->to,
		.company = of->company,
		.public_url = s->conf->public_url,
		.sequence = of->sequence,
		.starts_us = of->remind_us,
		.now_us = clock_wall_us(),
		.about = content,
	};

	mailtext_write(&text, out);
}

struct letter *
letter_start(const struct site *s, const struct letter_of *of, letter_fn *fn,
	     void *ctx, struct err *e)
{
	const struct site_conf *conf = s->conf;
	struct smtpc_message message = {
		.url = conf->mail_smtp,
		.starttls = conf->mail_starttls,
		.user = conf->mail_user,
		.ca_file = conf->mail_ca_file[0] != '\0' ? conf->mail_ca_file
							 : NULL,
		.from = conf->mail_from,
		.to = of->to,
	};
	STRBUF_AUTO data = { 0 };
	STRBUF_AUTO password = { 0 };
	struct letter *l;

	if (!is_address(of->to, e))
		return NULL;
	if (secret_read(conf->mail_password_file, &password, e) < 0) {
		e->code = ERR_IO; /* the operator's to mend: not for good */
		return NULL;
	}
	write_text(s, of, &data);
	message.password = strbuf_text(&password);
	message.data = strbuf_span(&data);
	l = mem_new(struct letter);
	l->site = s;
	l->of = of;
	l->fn = fn;
	l->ctx = ctx;
	l->guard = timer_start(GUARD_MS, on_guard, l);
	l->smtp = smtpc_start(&message, on_sent, l);
	return l;
}

void
letter_cancel(struct letter **lp)
{
	struct letter *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	timer_cancel(&l->guard);
	smtpc_cancel(&l->smtp);
	mem_free(l);
}

/* Whoever has lost the lease may not go on: the other site sends it. */
static void
on_guard(void *ctx)
{
	struct letter *l = ctx;
	struct err e;

	l->guard = NULL;
	if (gate_is_for(l->site->web_gate, l->of->company)) {
		l->guard = timer_start(GUARD_MS, on_guard, l);
		return;
	}
	err_set(&e, ERR_CANCELLED, "%s is not for this site any more",
		l->of->company);
	end(l, &e);
}

static void
on_sent(void *ctx, const struct err *err)
{
	struct letter *l = ctx;

	l->smtp = NULL;
	end(l, err);
}

static void
end(struct letter *l, const struct err *err)
{
	letter_fn *fn = l->fn;
	void *ctx = l->ctx;

	letter_cancel(&l);
	fn(ctx, err);
}

const char *
letter_late(const struct letter_of *of, int64_t now_us)
{
	JSON_AUTO doc = NULL;
	int64_t ends_us = 0;

	if (of->remind_us > 0)
		return of->remind_us <= now_us ? "it has begun" : NULL;
	if (of->tries == 0)
		return NULL;
	doc = json_read(span_of(of->content), NULL);
	if (json_object_get(doc, "recurrence") == NULL &&
	    json_get_int(doc, "ends_us", &ends_us, NULL) == 1 &&
	    ends_us <= now_us)
		return "the meeting is over";
	return NULL;
}

int64_t
letter_next_reminder(const struct letter_of *of, int64_t now_us)
{
	JSON_AUTO doc = json_read(span_of(of->content), NULL);
	const char *zone = NULL;
	int64_t starts_us = 0, id = -1;
	struct timezone_info tz;

	(void)json_get_int(doc, "starts_us", &starts_us, NULL);
	(void)json_get_int(doc, "timezone_id", &id, NULL);
	(void)json_get_str(doc, "timezone", &zone, NULL);
	tz = timezone_of(id, zone);
	return recurrence_next(json_object_get(doc, "recurrence"), &tz,
			       starts_us,
			       of->remind_us > now_us ? of->remind_us : now_us);
}
