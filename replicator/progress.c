#include "replicator/progress.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct progress {
	int fd;
	char *path;
	struct progress_record record;
	bool complained;
};

/* One line of fixed length, so that a write replaces the one before whole. */
#define LINE                                                                 \
	"gsb2 %016" PRIX64 " %08" PRIX32 " %016" PRIX64 " %016" PRIX64 " %0" \
	"8" PRIX32 " %016" PRIX64
#define LINE_SCAN                                                  \
	"gsb2 %16" SCNx64 " %8" SCNx32 " %16" SCNx64 " %16" SCNx64 \
	" %8" SCNx32 " %16" SCNx64 " %8" SCNx32
#define LINE_SIZE 100

static uint32_t
checksum(const char *text)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static void
format(const struct progress_record *r, char out[LINE_SIZE + 1])
{
	int n = snprintf(out, LINE_SIZE + 1, LINE, r->system_id, r->timeline,
			 r->applied, r->acked, r->last.xid,
			 (uint64_t)r->last.time_us);

	n += snprintf(out + n, (size_t)(LINE_SIZE + 1 - n), " %08" PRIX32 "\n",
		      checksum(out));
	assert(n <= LINE_SIZE);
}

static void
load(struct progress *p)
{
	char text[LINE_SIZE + 1] = { 0 }, again[LINE_SIZE + 1] = { 0 };
	struct progress_record r;
	uint64_t time_us;
	uint32_t sum;

	if (pread(p->fd, text, LINE_SIZE, 0) <= 0)
		return;
	/* NOLINTNEXTLINE: every field has its width */
	if (sscanf(text, LINE_SCAN, &r.system_id, &r.timeline, &r.applied,
		   &r.acked, &r.last.xid, &time_us, &sum) != 7)
		return;
	r.last.time_us = (int64_t)time_us;
	format(&r, again);
	if (strcmp(text, again) == 0)
		p->record = r;
}

struct progress *
progress_open(const char *dir, const char *slot, struct err *e)
{
	char *path = mem_printf("%s/progress-%s", dir, slot);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct progress *p;

	if (fd < 0) {
		err_set(e, ERR_IO,
			"%s: %s; replicator.state_dir must be a directory "
			"that can be written",
			path, strerror(errno));
		mem_free(path);
		return NULL;
	}
	p = mem_new(struct progress);
	p->fd = fd;
	p->path = path;
	load(p);
	return p;
}

void
progress_close(struct progress **pp)
{
	struct progress *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	close(p->fd);
	mem_free(p->path);
	mem_free(p);
}

const struct progress_record *
progress_record(const struct progress *p)
{
	return &p->record;
}

static bool
is_same(const struct progress_record *a, const struct progress_record *b)
{
	return a->system_id == b->system_id && a->timeline == b->timeline &&
	       a->applied == b->applied && a->acked == b->acked &&
	       a->last.xid == b->last.xid;
}

void
progress_save(struct progress *p, const struct progress_record *to)
{
	char text[LINE_SIZE + 1];

	if (is_same(&p->record, to))
		return;
	p->record = *to;
	format(to, text);
	if (pwrite(p->fd, text, strlen(text), 0) == (ssize_t)strlen(text)) {
		p->complained = false;
		return;
	}
	if (!p->complained)
		log_error("progress", "path=%s why=\"%s\"", p->path,
			  strerror(errno));
	p->complained = true;
}

static const char *const names[] = { "fresh",   "continue", "redelivery",
				     "gap",     "behind",   "other",
				     "no-slot", "lost-slot" };
static_assert(sizeof(names) / sizeof(names[0]) == PROGRESS_LOST_SLOT + 1,
	      "one name for each verdict");

const char *
progress_name(enum progress_verdict v)
{
	return names[v];
}

const char *
progress_alarm(enum progress_verdict v)
{
	switch (v) {
	case PROGRESS_FRESH:
	case PROGRESS_CONTINUE:
	case PROGRESS_REDELIVERY:
		return NULL;
	case PROGRESS_GAP:
		return "this database is older than what the peer has let go: "
		       "changes are missing here";
	case PROGRESS_BEHIND:
		return "the peer's log does not hold what was applied here: "
		       "it was restored from a copy";
	case PROGRESS_OTHER:
		return "the peer is another cluster or was promoted";
	case PROGRESS_NO_SLOT:
		return "the peer has no slot for this site";
	case PROGRESS_LOST_SLOT:
		return "the peer has removed log that was not read";
	}
	return NULL;
}

enum progress_verdict
progress_judge(const struct stream_peer *peer, uint64_t applied,
	       uint64_t spooled, const struct progress_record *known,
	       uint64_t *start)
{
	uint64_t safe = spooled;

	*start = 0;
	if (!peer->slot_found)
		return PROGRESS_NO_SLOT;
	if (peer->slot_lost)
		return PROGRESS_LOST_SLOT;
	if (known->system_id != 0 && known->system_id != peer->system_id)
		return PROGRESS_OTHER;
	if (spooled > peer->current_lsn || peer->other_history)
		return PROGRESS_BEHIND;
	if (known->timeline != 0 && known->timeline != peer->timeline) {
		*start = applied;
		return PROGRESS_OTHER;
	}
	*start = spooled;
	/* an older database knows nothing of what was acknowledged later */
	if (known->applied <= spooled && known->acked > safe)
		safe = known->acked;
	if (peer->confirmed_lsn > safe && (spooled != 0 || known->acked != 0))
		return PROGRESS_GAP;
	if (spooled == 0)
		return PROGRESS_FRESH;
	return peer->confirmed_lsn < spooled ? PROGRESS_REDELIVERY
					     : PROGRESS_CONTINUE;
}
