/* Who gets which connection of a pool. */
#include "io/pgslot.h"

/* Busy writers give their connections back sooner, in normal times. */
#define STUCK_MS 100

unsigned
pgslot_count(const struct pgpool *p, enum slot_state state)
{
	const struct slot *s;
	unsigned n = 0;

	for (s = TAILQ_FIRST(&p->slots); s != NULL; s = TAILQ_NEXT(s, entry))
		n += s->state == state;
	return n;
}

void
pgreq_leave_queue(struct pgreq *r)
{
	TAILQ_REMOVE(&r->pool->waiters, r, entry);
	TAILQ_INSERT_TAIL(&r->pool->others, r, entry);
	r->pool->nwaiters--;
	timer_cancel(&r->patience);
}

static void
assign(struct slot *s, struct pgreq *r)
{
	pgreq_leave_queue(r);
	if (s->state == SLOT_BUSY) {
		s->next = r;
	} else {
		s->state = SLOT_BUSY;
		s->req = r;
	}
	r->slot = s;
	r->call = pgconn_run(s->conn, &r->batch, r->deadline_ms, pgreq_called,
			     r);
}

bool
pgslot_all_write(const struct pgpool *p)
{
	const struct slot *s;
	unsigned n = 0;

	for (s = TAILQ_FIRST(&p->slots); s != NULL; s = TAILQ_NEXT(s, entry))
		n += s->state == SLOT_BUSY && s->req->writes;
	return n >= p->conf.size;
}

/* The first come, or the first that writes nothing. */
static struct pgreq *
next_waiter(const struct pgpool *p)
{
	bool reads_only = pgslot_all_write(p);
	struct pgreq *r = TAILQ_FIRST(&p->waiters);

	while (r != NULL && reads_only && r->writes)
		r = TAILQ_NEXT(r, entry);
	return r;
}

static void
on_stuck(void *ctx)
{
	struct pgpool *p = ctx;

	p->stuck_timer = NULL;
	p->stuck = true;
	pgslot_serve(p);
	p->stuck = false;
}

/* How many connections there may be, for one who waits to read. */
static unsigned
most_slots(struct pgpool *p)
{
	if (!pgslot_all_write(p))
		return p->conf.size;
	if (p->stuck)
		return p->conf.size + p->conf.spare;
	if (p->stuck_timer == NULL)
		p->stuck_timer = timer_start(STUCK_MS, on_stuck, p);
	return p->conf.size;
}

/* One quick request and nothing else, not even an abandoned one. */
static bool
has_place_behind(const struct slot *s)
{
	return s->state == SLOT_BUSY && s->req->quick && s->next == NULL &&
	       pgconn_in_flight(s->conn) == 1;
}

/*
 * Quick ones go behind quick ones, one behind each: the server goes from one
 * to the other by itself, without waiting until the answer has been read.
 */
static void
share(struct pgpool *p)
{
	struct pgreq *r = next_waiter(p);
	struct slot *s;

	for (s = TAILQ_FIRST(&p->slots); s != NULL && r != NULL && r->quick;
	     s = TAILQ_NEXT(s, entry)) {
		if (!has_place_behind(s))
			continue;
		assign(s, r);
		r = next_waiter(p);
	}
}

void
pgslot_serve(struct pgpool *p)
{
	unsigned opening = pgslot_count(p, SLOT_OPENING), most;
	struct pgreq *r = next_waiter(p);
	struct slot *s;

	for (s = TAILQ_FIRST(&p->slots); s != NULL && r != NULL;
	     s = TAILQ_NEXT(s, entry)) {
		if (s->state != SLOT_IDLE)
			continue;
		assign(s, r);
		r = next_waiter(p);
	}
	most = r != NULL ? most_slots(p) : 0;
	for (; p->retry == NULL && opening < p->nwaiters && p->nslots < most;
	     opening++)
		pgslot_open(p);
	if (r != NULL)
		share(p);
}
