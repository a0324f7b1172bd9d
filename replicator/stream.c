/*
 *  WAITING --timer--> CONNECTING --> ASKING --> STARTING --> RUNNING
 *     ^                          two questions                  |
 *     '----------------- fail(): any error, any stage ----------'
 *
 * `deadline` runs from CONNECTING to RUNNING, `beat` while RUNNING: at each
 * beat a status goes out, and silence over several beats is a dead peer.
 */
#include "replicator/stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/strbuf.h"
#include "io/timer.h"
#include "replicator/copydata.h"
#include "replicator/decoder.h"
#include "replicator/receiver.h"

#define CONNECT_MS 10000
#define BEAT_MS 3000
#define SILENT_BEATS 5
/* many small messages that lie ready cost the peer and us less than as many
 * wake-ups, so reading rests while the owner has enough to do */
#define REST_MS 2
/* how long nobody has to know that something is merged */
#define LATE_MS 20
/* whoever still holds our slot after so many attempts is ended */
#define BUSY_ATTEMPTS 8
#define RETRY ((struct retry_conf){ 50, 2000 })

struct stream {
	struct stream_conf conf;
	enum stream_state state;
	struct timer *retry;    /* in WAITING */
	struct timer *deadline; /* from CONNECTING to RUNNING */
	struct timer *beat;     /* in RUNNING */
	struct timer *rest;     /* nothing is read until then */
	struct timer *late;     /* a status is due then */
	struct receiver *receiver;
	bool asked_slot; /* in ASKING: the second question runs */
	struct stream_peer peer;
	struct stream_begin begin;
	uint64_t acked, applied; /* what the status says */
	uint64_t statuses;       /* that were sent */
	bool hold, resting;
	unsigned silent_beats;
	struct stream_stats stats;
	int64_t sent_us;
};

static const char *const state_names[] = { "waiting", "connecting", "asking",
					   "starting", "streaming" };
static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
		  STREAM_RUNNING + 1,
	      "one name for each state");

static void on_retry(void *ctx);
static void on_deadline(void *ctx);
static void on_up(void *ctx, int server_version);
static void on_answer(void *ctx, const struct receiver_row *row);
static void on_copy(void *ctx);
static bool on_data(void *ctx, struct span bytes);
static void on_pause(void *ctx);
static void on_rested(void *ctx);
static void on_beat(void *ctx);
static void on_down(void *ctx, const struct err *why);

struct stream *
stream_new(const struct stream_conf *conf)
{
	struct stream *s = mem_new(struct stream);

	s->conf = *conf;
	s->conf.conninfo = mem_strdup(conf->conninfo);
	s->conf.application = mem_strdup(conf->application);
	s->conf.slot = mem_strdup(conf->slot);
	s->conf.publication = mem_strdup(conf->publication);
	s->retry = timer_start(0, on_retry, s);
	return s;
}

/* Everything that belongs to one attempt or connection. */
static void
disconnect(struct stream *s)
{
	timer_cancel(&s->retry);
	timer_cancel(&s->deadline);
	timer_cancel(&s->beat);
	timer_cancel(&s->rest);
	timer_cancel(&s->late);
	receiver_free(&s->receiver);
	s->asked_slot = false;
	s->acked = s->applied = 0;
	s->silent_beats = 0;
}

void
stream_free(struct stream **sp)
{
	struct stream *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	disconnect(s);
	mem_free((void *)s->conf.conninfo);
	mem_free((void *)s->conf.application);
	mem_free((void *)s->conf.slot);
	mem_free((void *)s->conf.publication);
	mem_free(s);
}

static void
set_state(struct stream *s, enum stream_state to, const struct err *why)
{
	char quoted[512];

	if (s->state != to)
		log_state("stream", "slot=%s from=%s to=%s why=%s",
			  s->conf.slot, state_names[s->state], state_names[to],
			  log_quote(quoted, sizeof(quoted),
				    why != NULL ? err_text(why) : "progress"));
	s->state = to;
	s->conf.on_state(s->conf.ctx, to, why); /* last */
}

static void
fail(struct stream *s, const struct err *why)
{
	struct err copy = *why; /* it may stand in what is freed */
	uint32_t wait;

	disconnect(s);
	s->stats.attempts++;
	wait = retry_wait_ms(&RETRY, s->stats.attempts, crypto_random_u32());
	if (!s->resting)
		s->retry = timer_start(wait, on_retry, s);
	set_state(s, STREAM_WAITING, &copy);
}

static void
on_retry(void *ctx)
{
	struct stream *s = ctx;

	s->retry = NULL;
	s->peer = (struct stream_peer){ 0 };
	s->deadline = timer_start(CONNECT_MS, on_deadline, s);
	s->receiver = receiver_new(&(struct receiver_conf){
	    .conninfo = s->conf.conninfo,
	    .application = s->conf.application,
	    .work_bytes = s->conf.stream_above,
	    .on_up = on_up,
	    .on_answer = on_answer,
	    .on_copy = on_copy,
	    .on_data = on_data,
	    .on_pause = on_pause,
	    .on_down = on_down,
	    .ctx = s,
	});
	receiver_hold(s->receiver, s->hold);
	set_state(s, STREAM_CONNECTING, NULL);
}

static void
on_deadline(void *ctx)
{
	struct stream *s = ctx;
	struct err e;

	s->deadline = NULL;
	err_set(&e, ERR_TIMEOUT, "%s: no answer from the peer in %d s",
		state_names[s->state], CONNECT_MS / 1000);
	fail(s, &e);
}

static void
on_down(void *ctx, const struct err *why)
{
	fail(ctx, why);
}

static void
on_up(void *ctx, int server_version)
{
	struct stream *s = ctx;

	s->peer.version = server_version;
	receiver_ask(s->receiver, "IDENTIFY_SYSTEM");
	set_state(s, STREAM_ASKING, NULL);
}

/*
 * A log that was restored and written anew may hold other transactions where
 * ours stood. A transaction's number and time tell: the number was given to
 * another one, or to none yet.
 */
static void
add_history(struct strbuf *sql, const struct stream_last *last)
{
	if (last->xid == 0) {
		strbuf_adds(sql, "false");
		return;
	}
	strbuf_addf(sql,
		    "CASE WHEN pg_catalog.age('%u'::pg_catalog.xid) <= 0 THEN "
		    "true WHEN pg_catalog.current_setting("
		    "'track_commit_timestamp') = 'on' THEN "
		    "pg_catalog.pg_xact_commit_timestamp("
		    "'%u'::pg_catalog.xid) <> '2000-01-01 00:00:00+00'::"
		    "timestamptz + %" PRId64 " * '1 us'::interval END",
		    last->xid, last->xid, last->time_us);
}

static void
ask_slot(struct stream *s)
{
	struct stream_last last = s->conf.on_ask(s->conf.ctx);
	STRBUF_AUTO history = { 0 };
	STRBUF_AUTO sql = { 0 };

	s->asked_slot = true;
	add_history(&history, &last);
	/* who still holds it after many attempts has lost its client; the
	 * name is made of the site's, it holds no quotes */
	strbuf_addf(&sql,
		    "SELECT confirmed_flush_lsn, wal_status, "
		    "coalesce(safe_wal_size, -1), active_pid, %s%s "
		    "FROM (SELECT) one LEFT JOIN "
		    "pg_catalog.pg_replication_slots "
		    "ON slot_name = '%s'",
		    strbuf_text(&history),
		    s->stats.attempts >= BUSY_ATTEMPTS
			? ", CASE WHEN active_pid IS NOT NULL THEN "
			  "pg_catalog.pg_terminate_backend(active_pid) END"
			: "",
		    s->conf.slot);
	receiver_ask(s->receiver, strbuf_text(&sql));
}

static uint64_t
field_lsn(const struct receiver_row *row, int column)
{
	uint64_t lsn = 0;

	if (decoder_parse_lsn(span_of(receiver_field(row, column)), &lsn) != 0)
		return 0;
	return lsn;
}

static void
start(struct stream *s, const char *busy_pid)
{
	STRBUF_AUTO command = { 0 };
	char lsn[DECODER_LSN_SIZE];
	struct err e;

	if (!s->conf.on_peer(s->conf.ctx, &s->peer, &s->begin)) {
		err_set(&e, ERR_REFUSED, "the slot %s cannot be streamed",
			s->conf.slot);
		fail(s, &e);
		return;
	}
	if (busy_pid[0] != '\0') {
		err_set(&e, ERR_REFUSED, "the slot %s is active for PID %s",
			s->conf.slot, busy_pid);
		fail(s, &e);
		return;
	}
	strbuf_addf(&command,
		    "START_REPLICATION SLOT \"%s\" LOGICAL %s (proto_version "
		    "'3', publication_names '\"%s\"', binary 'true', "
		    "messages 'true', streaming '%s')",
		    s->conf.slot, decoder_lsn(s->begin.start_lsn, lsn),
		    s->conf.publication, s->begin.streaming ? "on" : "off");
	receiver_ask(s->receiver, strbuf_text(&command));
	set_state(s, STREAM_STARTING, NULL);
}

static void
on_answer(void *ctx, const struct receiver_row *row)
{
	struct stream *s = ctx;
	struct err e;

	if (!s->asked_slot && row == NULL) {
		err_set(&e, ERR_INVALID, "IDENTIFY_SYSTEM gave no row");
		fail(s, &e);
		return;
	}
	if (!s->asked_slot) {
		s->peer.system_id = strtoull(receiver_field(row, 0), NULL, 10);
		s->peer.timeline = (uint32_t)strtoul(receiver_field(row, 1),
						     NULL, 10);
		s->peer.current_lsn = field_lsn(row, 2);
		ask_slot(s);
		return;
	}
	if (row == NULL) {
		err_set(&e, ERR_INVALID, "the slots gave no row");
		fail(s, &e);
		return;
	}
	s->peer.slot_found = receiver_field(row, 1)[0] != '\0';
	s->peer.other_history = receiver_field(row, 4)[0] == 't';
	s->peer.confirmed_lsn = field_lsn(row, 0);
	s->peer.slot_lost = span_is(span_of(receiver_field(row, 1)), "lost");
	s->peer.safe_bytes = strtoll(receiver_field(row, 2), NULL, 10);
	start(s, receiver_field(row, 3));
}

static void
send_status(struct stream *s, bool ping)
{
	char status[COPYDATA_STATUS_SIZE];

	s->statuses++;
	timer_cancel(&s->late);
	copydata_status(s->acked, s->applied, clock_pg_us(), ping, status);
	receiver_send(s->receiver, span_make(status, sizeof(status)));
}

static void
on_copy(void *ctx)
{
	struct stream *s = ctx;

	timer_cancel(&s->deadline);
	s->stats.attempts = 0;
	s->stats.connects++;
	s->stats.heard_ms = clock_mono_ms();
	s->beat = timer_start(BEAT_MS, on_beat, s);
	/* a standby counts from its first status with a valid position on */
	s->acked = s->begin.durable_lsn != 0 ? s->begin.durable_lsn
					     : s->peer.confirmed_lsn;
	s->applied = s->begin.applied_lsn < s->acked ? s->begin.applied_lsn
						     : s->acked;
	send_status(s, false);
	set_state(s, STREAM_RUNNING, NULL);
}

static bool
on_data(void *ctx, struct span bytes)
{
	struct stream *s = ctx;
	struct copydata d;
	uint64_t statuses;
	struct err e;

	s->stats.bytes += bytes.len;
	s->silent_beats = 0;
	if (copydata_read(bytes, &d, &e) != 0) {
		log_error("stream", "why=\"%s\"", err_text(&e));
		return false;
	}
	s->sent_us = d.sent_us;
	if (d.end_lsn > s->stats.end_lsn)
		s->stats.end_lsn = d.end_lsn;
	if (d.kind == COPYDATA_CHANGE)
		return s->conf.on_message(s->conf.ctx, d.body);
	statuses = s->statuses;
	s->conf.on_keepalive(s->conf.ctx, d.end_lsn);
	/* what asks for none is answered by the next position: a status
	 * without news would only have the peer wake up and ask again */
	if (s->statuses == statuses && d.reply_wanted)
		send_status(s, false);
	return true;
}

static void
on_pause(void *ctx)
{
	struct stream *s = ctx;

	s->stats.heard_ms = clock_mono_ms();
	if (!s->conf.on_pause(s->conf.ctx) || s->hold || s->rest != NULL)
		return;
	s->rest = timer_start(REST_MS, on_rested, s);
	receiver_hold(s->receiver, true);
}

static void
on_rested(void *ctx)
{
	struct stream *s = ctx;

	s->rest = NULL;
	receiver_hold(s->receiver, s->hold);
}

static void
on_beat(void *ctx)
{
	struct stream *s = ctx;
	struct err e;

	s->beat = timer_start(BEAT_MS, on_beat, s);
	/* while it is not read it cannot be heard */
	if (!s->hold && ++s->silent_beats > SILENT_BEATS) {
		err_set(&e, ERR_TIMEOUT, "the peer is silent for %d s",
			SILENT_BEATS * BEAT_MS / 1000);
		fail(s, &e);
		return;
	}
	send_status(s, s->silent_beats > 1);
}

static void
on_late(void *ctx)
{
	struct stream *s = ctx;

	s->late = NULL;
	send_status(s, false);
}

void
stream_ack(struct stream *s, uint64_t durable, uint64_t applied, bool at_once)
{
	bool more = durable > s->acked || (at_once && applied > s->applied);

	if (s->state != STREAM_RUNNING)
		return;
	if (applied > s->applied && !more && s->late == NULL)
		s->late = timer_start(LATE_MS, on_late, s);
	if (durable > s->acked)
		s->acked = durable;
	if (applied > s->applied)
		s->applied = applied;
	if (more)
		send_status(s, false);
}

void
stream_rest(struct stream *s, bool rest)
{
	s->resting = rest;
	if (rest || s->state != STREAM_WAITING)
		return;
	s->stats.attempts = 0;
	timer_cancel(&s->retry);
	s->retry = timer_start(0, on_retry, s);
}

void
stream_hold(struct stream *s, bool hold)
{
	if (s->hold == hold)
		return;
	s->hold = hold;
	s->silent_beats = 0;
	if (s->receiver != NULL)
		receiver_hold(s->receiver, hold);
}

enum stream_state
stream_state(const struct stream *s)
{
	return s->state;
}

const char *
stream_state_name(enum stream_state state)
{
	return state_names[state];
}

int64_t
stream_sent_us(const struct stream *s)
{
	return s->sent_us;
}

void
stream_stats(const struct stream *s, struct stream_stats *out)
{
	*out = s->stats;
}
