#include "site/mailtext.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mime.h"
#include "site/calendar.h"
#include "site/record.h"
#include "site/recurrence.h"
#include "site/timezone.h"

/* No base64 has it, so no part does. */
#define BOUNDARY "=_gsb_part_="

static void read_meeting(const json_t *doc, struct strbuf *rule,
			 struct meeting *out);
static void write_header(const struct mailtext *t, const char *of,
			 struct strbuf *out);
static void write_part(struct span text, struct strbuf *out);
static void write_account(const struct mailtext *t, struct strbuf *out);
static void write_plain(const struct mailtext *t, const struct meeting *m,
			struct strbuf *out);
static void write_calendar(const struct mailtext *t, const struct meeting *m,
			   struct strbuf *out);

static const struct {
	const char *subject, *opening;
} words[] = {
	[MAILTEXT_INVITED] = { "Invitation", "invites you to a meeting." },
	[MAILTEXT_CHANGED] = { "Updated", "has changed a meeting." },
	[MAILTEXT_CANCELLED] = { "Cancelled", "has cancelled a meeting, or "
					      "your invitation to it." },
	[MAILTEXT_REMINDER] = { "Reminder",
				"reminds you of a meeting that begins soon." },
	[MAILTEXT_ACCOUNT] = { "Your account has changed", NULL },
};

void
mailtext_write(const struct mailtext *t, struct strbuf *out)
{
	STRBUF_AUTO rule = { 0 };
	STRBUF_AUTO plain = { 0 };
	STRBUF_AUTO calendar = { 0 };
	struct meeting m = { 0 };

	if (t->kind == MAILTEXT_ACCOUNT) {
		write_header(t, t->company, out);
		write_account(t, &plain);
		write_part(strbuf_span(&plain), out);
		return;
	}
	read_meeting(t->about, &rule, &m);
	write_header(t, m.confname, out);
	write_plain(t, &m, &plain);
	if (t->kind == MAILTEXT_REMINDER) {
		write_part(strbuf_span(&plain), out);
		return;
	}
	write_calendar(t, &m, &calendar);
	strbuf_addf(out,
		    "Content-Type: multipart/alternative; boundary=\"%s\"\r\n"
		    "\r\n--%s\r\n",
		    BOUNDARY, BOUNDARY);
	write_part(strbuf_span(&plain), out);
	strbuf_addf(out,
		    "--%s\r\nContent-Type: text/calendar; charset=utf-8; "
		    "method=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		    BOUNDARY,
		    t->kind == MAILTEXT_CANCELLED ? "CANCEL" : "REQUEST");
	mime_base64(strbuf_span(&calendar), out);
	strbuf_addf(out, "--%s--\r\n", BOUNDARY);
}

/* Texts are the document's. */
static void
read_meeting(const json_t *doc, struct strbuf *rule, struct meeting *out)
{
	const struct {
		const char *name, **to;
	} texts[] = {
		{ "id", &out->id },
		{ "name", &out->confname },
		{ "agenda", &out->agenda },
		{ "password", &out->password },
		{ "timezone", &out->timezone },
		{ "access_code", &out->access_code },
		{ "host", &out->host_display_name },
		{ "host_email", &out->host_email },
	};
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {
		{ "number", &out->number },
		{ "starts_us", &out->starts_us },
		{ "timezone_id", &out->timezone_id },
		{ "duration", &out->duration },
		{ "created_us", &out->created_us },
	};
	json_t *repeat = json_object_get(doc, "recurrence");

	out->timezone_id = -1;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		(void)json_get_str(doc, texts[i].name, texts[i].to, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)json_get_int(doc, numbers[i].name, numbers[i].to, NULL);
	if (repeat == NULL)
		return;
	json_write(repeat, JSON_AS_MADE, rule);
	out->recurrence = strbuf_text(rule);
}

static void
write_header(const struct mailtext *t, const char *of, struct strbuf *out)
{
	struct span host = span_of(t->from);
	STRBUF_AUTO subject = { 0 };

	host = span_skip(host, (size_t)(span_find(host, '@') + 1));
	strbuf_addf(out, "From: <%s>\r\nTo: <%s>\r\n", t->from, t->to);
	strbuf_addf(&subject, "%s: %s", words[t->kind].subject, of);
	mime_subject(strbuf_span(&subject), out);
	mime_date(t->now_us, out);
	strbuf_addf(out, "Message-ID: <%s.%lld.%d.%lld@%.*s>\r\n", t->id,
		    (long long)t->sequence, t->kind == MAILTEXT_REMINDER,
		    (long long)t->starts_us, SPAN_ARG(host));
	strbuf_adds(out, "Auto-Submitted: auto-generated\r\n"
			 "MIME-Version: 1.0\r\n");
}

static void
write_part(struct span text, struct strbuf *out)
{
	strbuf_adds(out, "Content-Type: text/plain; charset=utf-8\r\n"
			 "Content-Transfer-Encoding: base64\r\n\r\n");
	mime_base64(text, out);
}

/* Nothing in it lets anybody do anything. */
static void
write_account(const struct mailtext *t, struct strbuf *out)
{
	const char *user = NULL, *moved = NULL;
	bool password = false;

	(void)json_get_str(t->about, "account", &user, NULL);
	(void)json_get_str(t->about, "moved_to", &moved, NULL);
	(void)json_get_bool(t->about, "password", &password, NULL);
	strbuf_addf(out, "Your account %s at %s, %s/%s/, has changed:\r\n\r\n",
		    user, t->company, t->public_url, t->company);
	if (password)
		strbuf_adds(out, "It has a new password.\r\n");
	if (moved != NULL)
		strbuf_addf(out, "Its e-mail address is %s now.\r\n", moved);
	strbuf_adds(out, "\r\nIf neither you nor your administrator did that, "
			 "tell your administrator.\r\n");
}

static void
write_when(const struct mailtext *t, const struct meeting *m,
	   struct strbuf *out)
{
	struct timezone_info tz = timezone_of(m->timezone_id, m->timezone);
	int64_t at = t->starts_us > 0 ? t->starts_us : m->starts_us;
	struct arena *arena = arena_new();
	struct clock_civil c;

	timezone_local(&tz, at, &c);
	strbuf_addf(out, "When: %04lld-%02u-%02u %02u:%02u, %s\r\n",
		    (long long)c.year, c.month, c.day, c.hour, c.minute,
		    tz.id < 0 ? tz.iana : timezone_with_dst(&tz, at, arena));
	arena_free(&arena);
	strbuf_addf(out, "Duration: %lld minutes\r\n", (long long)m->duration);
}

static void
write_plain(const struct mailtext *t, const struct meeting *m,
	    struct strbuf *out)
{
	strbuf_addf(out, "%s %s\r\n\r\n%s\r\n",
		    m->host_display_name != NULL ? m->host_display_name
						 : "Your host",
		    words[t->kind].opening, m->confname);
	write_when(t, m, out);
	if (m->recurrence != NULL && t->kind != MAILTEXT_REMINDER)
		strbuf_adds(out, "It repeats.\r\n");
	if (t->kind == MAILTEXT_CANCELLED)
		return;
	strbuf_addf(out, "\r\nJoin: %s/%s/m.php?AT=JM&MK=%lld\r\n",
		    t->public_url, t->company, (long long)m->number);
	strbuf_addf(out, "Meeting number: %lld\r\n", (long long)m->number);
	if (m->password != NULL && m->password[0] != '\0')
		strbuf_addf(out, "Password: %s\r\n", m->password);
	if (m->access_code != NULL)
		strbuf_addf(out, "By telephone: access code %s\r\n",
			    m->access_code);
	if (m->agenda != NULL && m->agenda[0] != '\0')
		strbuf_addf(out, "\r\n%s\r\n", m->agenda);
}

static void
write_calendar(const struct mailtext *t, const struct meeting *m,
	       struct strbuf *out)
{
	struct meeting now = *m;
	struct calendar_of of = {
		.meeting = &now,
		.company = t->company,
		.public_url = t->public_url,
		.method = t->kind == MAILTEXT_CANCELLED ? CALENDAR_CANCEL
							: CALENDAR_REQUEST,
		.sequence = t->sequence,
		.attendee = t->to,
	};

	now.modified_us = t->now_us;
	calendar_write(&of, out);
}
