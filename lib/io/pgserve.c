/* Who gets which connection of a pool. */
#include "io/pgslot.h"

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
	s->state = SLOT_BUSY;
	s->req = r;
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

void
pgslot_serve(struct pgpool *p)
{
	unsigned opening = pgslot_count(p, SLOT_OPENING), most = p->conf.size;
	struct pgreq *r = next_waiter(p);
	struct slot *s;

	for (s = TAILQ_FIRST(&p->slots); s != NULL && r != NULL;
	     s = TAILQ_NEXT(s, entry)) {
		if (s->state != SLOT_IDLE)
			continue;
		assign(s, r);
		r = next_waiter(p);
	}
	if (r != NULL && pgslot_all_write(p))
		most += p->conf.spare;
	for (; p->retry == NULL && r != NULL && opening < p->nwaiters &&
	       p->nslots < most;
	     opening++)
		pgslot_open(p);
}
