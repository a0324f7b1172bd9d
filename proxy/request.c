#include "proxy/request.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/front.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * Unique over workers and restarts by a random prefix, and in a worker by a
 * counter, all of whose digits but the last stay for 64 requests. It is no
 * secret: the pair's key makes secrets of it.
 */
static void
make_id(struct request *r)
{
	struct worker *w = r->worker;
	uint64_t n = w->id_next++;
	size_t i = REQUEST_ID_SIZE - 1;

	w->id[i] = digits[n & 63];
	if ((n & 63) == 0)
		for (n >>= 6; i-- > WORKER_ID_PREFIX; n >>= 6)
			w->id[i] = digits[n & 63];
	memcpy(r->id, w->id, sizeof(r->id));
}

struct request *
request_new(struct worker *w, struct front *f)
{
	struct request *r = w->free_requests;

	if (r != NULL) {
		w->free_requests = r->next;
		memset(r, 0, offsetof(struct request, company_text));
	} else {
		r = mem_new(struct request);
	}
	r->worker = w;
	r->front = f;
	f->request = r;
	f->sent = 0;
	r->begun_us = worker_now_us();
	r->stamp_us = r->begun_us + w->wall_offset_us;
	make_id(r);
	return r;
}

void
request_count(struct request *r)
{
	struct metrics *m = &r->worker->metrics;

	assert(!r->counted);
	r->counted = true;
	queue_enter(&r->worker->queues[r->site][r->service]);
	metrics_add(&m->in_flight[r->site], 1);
	if (http_method_safe(r->method))
		return;
	r->counted_write = true;
	metrics_add(&m->may_write[r->site], 1);
	metrics_add(&m->writes[r->site], 1);
}

void
request_uncount_write(struct request *r)
{
	if (r->counted_write)
		metrics_sub(&r->worker->metrics.may_write[r->site], 1);
	r->counted_write = false;
}

void
request_uncount(struct request *r)
{
	request_uncount_write(r);
	if (!r->counted)
		return;
	r->counted = false;
	metrics_sub(&r->worker->metrics.in_flight[r->site], 1);
	queue_leave(&r->worker->queues[r->site][r->service]);
}

char
request_where(const struct request *r)
{
	switch (r->stage) {
	case REQUEST_READS:
		return 'R';
	case REQUEST_HELD:
		return 'H';
	case REQUEST_QUEUES:
		return 'Q';
	case REQUEST_CONNECTS:
		return 'C';
	case REQUEST_WAITS:
		return 'W';
	case REQUEST_ANSWERS:
		return 'D';
	case REQUEST_TUNNELS:
		break;
	}
	return 'T';
}

static char
letter_of_way(const struct request *r)
{
	if (r->attempts > 1)
		return r->held_once ? 'b' : 'r';
	return r->held_once ? 'h' : '-';
}

static void
count_end(struct request *r, int64_t total_us, bool answered_by_site)
{
	struct metrics *m = &r->worker->metrics;
	unsigned source = answered_by_site ? r->site : METRICS_OWN;
	unsigned class = r->status > 0 ? (unsigned)r->status / 100 : 0;

	metrics_add(&m->answers[source][class], 1);
	if (r->tunnel == NULL)
		metrics_observe(&m->total[source], total_us);
	if (answered_by_site)
		metrics_observe(&m->first_byte[r->site],
				r->answered_us - r->sent_us);
	metrics_add(&m->bytes_in, r->bytes_in);
	metrics_add(&m->bytes_out, r->front->sent);
	if (r->held_once)
		metrics_observe(&m->hold, r->held_us);
}

static void
log_end(struct request *r, int64_t total_us, const char end[static 5])
{
	bool placed = r->attempts > 0;
	struct accesslog_entry e = {
		.wall_us = r->stamp_us + CLOCK_PG_EPOCH_US,
		.client = r->front->address,
		.id = span_make(r->id, REQUEST_ID_SIZE),
		.method = span_make(r->head->at, r->method_len),
		.target = span_make(r->head->at + r->method_len + 1,
				    r->target_len),
		.protocol = r->front->protocol,
		.status = r->status,
		.bytes_in = r->bytes_in,
		.bytes_out = r->front->sent,
		.site = placed ? route_site_name(r->site) : NULL,
		.service = placed ? route_service_name(r->service) : NULL,
		.epoch = r->epoch,
		.attempts = r->attempts,
		.read_us = r->read_us > 0 ? r->read_us - r->begun_us : -1,
		.held_us = r->held_once ? r->held_us : -1,
		.answer_us = r->answered_us > 0 ? r->answered_us - r->sent_us
						: -1,
		.total_us = total_us,
		.end = end,
	};

	accesslog_add(r->worker->log, &e);
}

void
request_end(struct request *r, char who)
{
	struct worker *w = r->worker;
	int64_t total_us = worker_now_us() - r->begun_us;
	char end[5] = { who, who == '-' ? '-' : request_where(r),
			letter_of_way(r), '-', '\0' };

	assert(r->up == NULL && !r->in_hold && r->queue == NULL);
	if (r->attempts > 0)
		end[3] = r->kept_connection ? 'k' : 'n';
	request_uncount(r);
	count_end(r, total_us, r->answered_us > 0);
	if (w->log != NULL)
		log_end(r, total_us, end);
	tunnel_free(&r->tunnel);
	block_put(&w->blocks, &r->head);
	r->front->request = NULL;
	r->next = w->free_requests;
	w->free_requests = r;
}

void
request_fini(struct worker *w)
{
	while (w->free_requests != NULL) {
		struct request *r = w->free_requests;

		w->free_requests = r->next;
		mem_free(r);
	}
}
