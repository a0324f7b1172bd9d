/*
 *   timer --> look --> on_looked --> next --> smtp --> on_sent --> mark
 *     ^                               ^ |                            |
 *     +-------- nothing is left ------|-+          on_marked --------+
 *                                     +----------------+
 */
#include "site/mail.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/secret.h"
#include "io/outbox.h"
#include "io/smtpc.h"
#include "io/timer.h"
#include "site/api.h"
#include "site/mail_sql.h"
#include "site/mailtext.h"
#include "site/recurrence.h"
#include "site/site.h"

#define MODULE "mail"
#define LOOK_MS 1000
#define GUARD_MS 250 /* how soon a lost lease ends a try */
#define QUERY_MS 10000

static const struct retry_conf again = { 5000, 15 * 60 * 1000 };

/* Who is to be told, and of what. */
struct letter {
	const char *id, *to, *company;
	int64_t sequence, told, tries, remind_us;
	bool cancelled;
	const char *content;
};

struct mail {
	struct site *site;
	struct timer *timer; /* to the next look; while one is sent: guard */
	struct pgreq *query; /* a look or a mark */
	struct smtpc *smtp;
	struct arena *arena; /* of the letters */
	struct letter *letters;
	size_t n, next;
};

static void on_time(void *ctx);
static void look(struct mail *m);
static void on_looked(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void go_on(struct mail *m);
static void send(struct mail *m, const struct letter *l);
static void on_guard(void *ctx);
static void on_sent(void *ctx, const struct err *err);
static void mark(struct mail *m, const struct letter *l,
		 const struct err *failed);
static void on_marked(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);

int
mail_check(const struct site_conf *conf, struct err *e)
{
	struct span url = span_of(conf->mail_smtp);
	char *from = mem_printf("mailto:%s", conf->mail_from);
	bool good = outbox_is_receiver(from, NULL);
	STRBUF_AUTO password = { 0 };

	mem_free(from);
	if (url.len == 0)
		return 0;
	if (!span_starts(url, "smtp://") && !span_starts(url, "smtps://"))
		return err_set(e, ERR_INVALID,
			       "[mail] smtp: \"%s\" must be smtp://HOST:PORT "
			       "or smtps://HOST:PORT",
			       conf->mail_smtp);
	if (!good)
		return err_set(e, ERR_INVALID,
			       "[mail] from: \"%s\" must be NAME@HOST",
			       conf->mail_from);
	if (secret_read(conf->mail_password_file, &password, e) < 0)
		return err_prefix(e, "[mail] password_file");
	return 0;
}

struct mail *
mail_open(struct site *s)
{
	struct mail *m = mem_new(struct mail);

	m->site = s;
	m->arena = arena_new();
	m->timer = timer_start(LOOK_MS, on_time, m);
	return m;
}

void
mail_close(struct mail **mp)
{
	struct mail *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	timer_cancel(&m->timer);
	pgpool_cancel(&m->query);
	smtpc_cancel(&m->smtp);
	arena_free(&m->arena);
	mem_free(m);
}

void
mail_add_touch(const struct api *a, struct pgbatch *b)
{
	if (a->meetings != NULL && a->site->conf->mail_smtp[0] != '\0')
		mail_sql_add_touch(a->meetings, b);
}

static void
on_time(void *ctx)
{
	struct mail *m = ctx;

	m->timer = NULL;
	if (m->site->conf->mail_smtp[0] != '\0' &&
	    gate_serving(m->site->web_gate))
		look(m);
	else
		m->timer = timer_start(LOOK_MS, on_time, m);
}

static void
look(struct mail *m)
{
	struct pgbatch *b = pgbatch_new();

	mail_sql_add_look(m->site->conf->mail_remind_ms / 1000, b);
	m->query = pgpool_run(m->site->pool, &b, clock_mono_ms() + QUERY_MS,
			      on_looked, m);
}

static void
read_letter(struct mail *m, const struct pgresult *r, int row,
	    struct letter *out)
{
	struct arena *a = m->arena;

	out->id = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_ID));
	out->to = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_EMAIL));
	out->company = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_COMPANY));
	out->sequence = pgresult_int(r, row, MAIL_SQL_SEQUENCE);
	out->told = pgresult_int(r, row, MAIL_SQL_TOLD);
	out->cancelled = pgresult_bool(r, row, MAIL_SQL_CANCELLED);
	out->tries = pgresult_int(r, row, MAIL_SQL_TRIES);
	out->remind_us = pgresult_int(r, row, MAIL_SQL_REMIND_US);
	out->content = arena_span(a, pgresult_bytes(r, row, MAIL_SQL_CONTENT));
}

static void
on_looked(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct mail *m = ctx;

	m->query = NULL;
	m->n = m->next = 0;
	if (err == NULL) {
		arena_reset(m->arena);
		m->n = (size_t)pgresult_rows(&r[0]);
		m->letters = arena_array(m->arena, struct letter, m->n + 1);
	}
	for (size_t i = 0; i < m->n; i++)
		read_letter(m, &r[0], (int)i, &m->letters[i]);
	go_on(m);
}

/* The next one that is ours to send; none: later. */
static void
go_on(struct mail *m)
{
	int64_t now_us = clock_wall_us();

	while (m->next < m->n) {
		const struct letter *l = &m->letters[m->next++];

		if (!gate_is_for(m->site->web_gate, l->company))
			continue;
		if (l->remind_us == 0 || l->remind_us > now_us)
			send(m, l);
		else
			mark(m, l, NULL); /* too late to remind */
		return;
	}
	m->timer = timer_start(LOOK_MS, on_time, m);
}

static enum mailtext_kind
kind_of(const struct letter *l)
{
	if (l->remind_us > 0)
		return MAILTEXT_REMINDER;
	if (l->cancelled)
		return MAILTEXT_CANCELLED;
	return l->told < 0 ? MAILTEXT_INVITED : MAILTEXT_CHANGED;
}

static void
send(struct mail *m, const struct letter *l)
{
	const struct site_conf *conf = m->site->conf;
	JSON_AUTO content = json_read(span_of(l->content), NULL);
	struct mailtext text = {
		.kind = kind_of(l),
		.id = l->id,
		.from = conf->mail_from,
		.to = l->to,
		.company = l->company,
		.public_url = conf->public_url,
		.sequence = l->sequence,
		.starts_us = l->remind_us,
		.now_us = clock_wall_us(),
		.meeting = content,
	};
	struct smtpc_message message = {
		.url = conf->mail_smtp,
		.starttls = conf->mail_starttls,
		.user = conf->mail_user,
		.ca_file = conf->mail_ca_file[0] != '\0' ? conf->mail_ca_file
							 : NULL,
		.from = conf->mail_from,
		.to = l->to,
	};
	STRBUF_AUTO data = { 0 };
	STRBUF_AUTO password = { 0 };
	struct err e = { 0 };

	if (!outbox_is_receiver(arena_printf(m->arena, "mailto:%s", l->to),
				&e) ||
	    secret_read(conf->mail_password_file, &password, &e) < 0) {
		mark(m, l, &e);
		return;
	}
	mailtext_write(&text, &data);
	message.password = strbuf_text(&password);
	message.data = strbuf_span(&data);
	m->timer = timer_start(GUARD_MS, on_guard, m);
	m->smtp = smtpc_start(&message, on_sent, m);
}

/* Whoever has lost the lease may not go on: the other site sends it. */
static void
on_guard(void *ctx)
{
	struct mail *m = ctx;
	const struct letter *l = &m->letters[m->next - 1];

	m->timer = timer_start(GUARD_MS, on_guard, m);
	if (gate_is_for(m->site->web_gate, l->company))
		return;
	timer_cancel(&m->timer);
	smtpc_cancel(&m->smtp);
	m->n = 0;
	go_on(m);
}

static void
on_sent(void *ctx, const struct err *err)
{
	struct mail *m = ctx;
	const struct letter *l = &m->letters[m->next - 1];

	m->smtp = NULL;
	timer_cancel(&m->timer);
	if (err != NULL)
		log_warn(MODULE, "invitation=%s try=%lld why=\"%s\"%s", l->id,
			 (long long)l->tries + 1, err_text(err),
			 err->code == ERR_INVALID ? " given_up=yes" : "");
	mark(m, l, err);
}

static int64_t
next_reminder(const struct letter *l)
{
	JSON_AUTO doc = json_read(span_of(l->content), NULL);
	const char *zone = NULL;
	int64_t starts_us = 0, id = -1;
	struct timezone_info tz;

	(void)json_get_int(doc, "starts_us", &starts_us, NULL);
	(void)json_get_int(doc, "timezone_id", &id, NULL);
	(void)json_get_str(doc, "timezone", &zone, NULL);
	tz = timezone_of(id, zone);
	return recurrence_next(
	    json_object_get(doc, "recurrence"), &tz, starts_us,
	    l->remind_us > clock_wall_us() ? l->remind_us : clock_wall_us());
}

/* failed: of this try; what the server refuses for good is not tried again,
 * and a reminder has one try. */
static void
mark(struct mail *m, const struct letter *l, const struct err *failed)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, "BEGIN");
	if (gate_peer_dead(m->site->web_gate))
		pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
	if (l->remind_us > 0)
		mail_sql_add_reminded(l->id, next_reminder(l), b);
	else if (failed == NULL || failed->code == ERR_INVALID)
		mail_sql_add_told(l->id, l->sequence, b);
	else
		mail_sql_add_again(l->id,
				   retry_wait_ms(&again,
						 (unsigned)l->tries % 100 + 1,
						 crypto_random_u32()),
				   b);
	pgbatch_commit(b);
	m->query = pgpool_run(m->site->pool, &b, clock_mono_ms() + QUERY_MS,
			      on_marked, m);
}

/* Not marked, it would go again: at most one, for there is no database. */
static void
on_marked(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct mail *m = ctx;

	m->query = NULL;
	if (err != NULL) {
		log_warn(MODULE, "marked=no why=\"%s\"", err_text(err));
		m->n = 0;
	}
	go_on(m);
}
