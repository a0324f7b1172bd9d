#include "replicator/meeting.h"

#include "base/log.h"
#include "base/mem.h"
#include "replicator/decoder.h"
#include "replicator/rejoin.h"

/* The last transaction of a group. */
struct merged {
	uint64_t end_lsn;
	struct stream_last last;
};

struct meeting {
	struct meeting_conf conf;
	struct progress *progress;
	struct progress_record known; /* newer than what progress has kept */
	struct merged next, newest;   /* known when durable; end_lsn 0: none */
	struct meeting_facts facts;
	struct rejoin *rejoin;
	struct stream_peer peer; /* is being rejoined, */
	uint64_t applied;        /* with this */
};

static void on_rejoined(void *ctx, uint64_t from, const struct err *err);

struct meeting *
meeting_new(const struct meeting_conf *conf, struct err *e)
{
	struct meeting *m = mem_new(struct meeting);

	m->conf = *conf;
	m->facts.safe_bytes = -1;
	m->progress = progress_open(conf->state_dir, conf->slot, e);
	if (m->progress == NULL) {
		mem_free(m);
		return NULL;
	}
	m->known = *progress_record(m->progress);
	return m;
}

void
meeting_free(struct meeting **mp)
{
	struct meeting *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	meeting_cut(m);
	progress_close(&m->progress);
	mem_free(m);
}

void
meeting_cut(struct meeting *m)
{
	if (m == NULL)
		return;
	rejoin_cancel(&m->rejoin);
	m->next.end_lsn = m->newest.end_lsn = 0;
}

const struct progress_record *
meeting_known(const struct meeting *m)
{
	return &m->known;
}

struct stream_last
meeting_last(const struct meeting *m)
{
	return m->known.last;
}

static void
log_verdict(const struct meeting *m, const struct stream_peer *peer,
	    uint64_t applied)
{
	char mine[DECODER_LSN_SIZE], theirs[DECODER_LSN_SIZE];
	const char *alarm = progress_alarm(m->facts.verdict);

	decoder_lsn(applied, mine);
	decoder_lsn(peer->confirmed_lsn, theirs);
	if (alarm != NULL)
		log_error("meeting",
			  "alarm=%s system=%llu timeline=%u applied=%s "
			  "confirmed=%s why=\"%s\" effect=\"all rows are "
			  "compared and healed\"",
			  progress_name(m->facts.verdict),
			  (unsigned long long)peer->system_id, peer->timeline,
			  mine, theirs, alarm);
	else
		log_info("meeting",
			 "verdict=%s system=%llu timeline=%u applied=%s "
			 "confirmed=%s",
			 progress_name(m->facts.verdict),
			 (unsigned long long)peer->system_id, peer->timeline,
			 mine, theirs);
}

bool
meeting_judge(struct meeting *m, const struct stream_peer *peer,
	      const struct meeting_stand *stand, uint64_t *start,
	      bool *is_other)
{
	uint64_t applied = stand->applied;

	if (m->rejoin != NULL)
		return false;
	m->facts.verdict = progress_judge(peer, applied, stand->spooled,
					  progress_record(m->progress), start);
	m->facts.confirmed = peer->confirmed_lsn;
	m->facts.safe_bytes = peer->safe_bytes;
	log_verdict(m, peer, applied);
	if (progress_alarm(m->facts.verdict) == NULL) {
		*is_other = m->known.system_id != peer->system_id ||
			    m->known.timeline != peer->timeline;
		m->known.system_id = peer->system_id;
		m->known.timeline = peer->timeline;
		return true;
	}
	if (!stand->may_rejoin) {
		log_info("meeting", "rejoin=later why=\"what was acknowledged "
				    "is merged first\"");
		return false;
	}
	m->peer = *peer;
	m->applied = applied;
	m->rejoin = rejoin_start(
	    &(struct rejoin_conf){
		.local = m->conf.local,
		.peer = m->conf.peer,
		.slot = m->conf.slot,
		.why = progress_alarm(m->facts.verdict),
	    },
	    on_rejoined, m);
	return false;
}

static void
on_rejoined(void *ctx, uint64_t from, const struct err *err)
{
	struct meeting *m = ctx;
	char quoted[512], lsn[DECODER_LSN_SIZE];

	m->rejoin = NULL;
	if (err != NULL) {
		log_warn("meeting", "rejoin=failed why=%s",
			 log_quote(quoted, sizeof(quoted), err_text(err)));
		return;
	}
	log_state("meeting", "rejoin=done from=%s", decoder_lsn(from, lsn));
	/* nothing of another history is known of this one */
	m->known = (struct progress_record){
		.system_id = m->peer.system_id,
		.timeline = m->peer.timeline,
	};
	meeting_save(m, m->applied < from ? m->applied : from, from);
	m->conf.on_rejoined(m->conf.ctx, &m->peer, from,
			    progress_alarm(m->facts.verdict));
}

void
meeting_applied(struct meeting *m, const struct batch *b)
{
	int64_t before = m->newest.end_lsn != 0 ? m->newest.last.time_us
						: m->known.last.time_us;

	/* large ones come late */
	if (b->xid == 0 || b->time_us < before)
		return;
	m->newest = (struct merged){ b->end_lsn, { b->xid, b->time_us } };
	if (m->next.end_lsn == 0)
		m->next = m->newest;
}

void
meeting_durable(struct meeting *m, uint64_t lsn)
{
	if (m->next.end_lsn == 0 || m->next.end_lsn > lsn)
		return;
	if (m->newest.end_lsn <= lsn)
		m->next = m->newest;
	m->known.last = m->next.last;
	m->next = m->newest;
	if (m->newest.end_lsn <= lsn)
		m->next.end_lsn = m->newest.end_lsn = 0;
}

void
meeting_save(struct meeting *m, uint64_t applied, uint64_t acked)
{
	m->known.applied = applied;
	m->known.acked = acked;
	progress_save(m->progress, &m->known);
}

void
meeting_facts(const struct meeting *m, struct meeting_facts *out)
{
	*out = m->facts;
}
