#include "proxy/rig/rig.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "port.h"
#include "proxy/rig/client.c"
#include "proxy/rig/site.c"

struct rig rig;

static struct {
	uv_thread_t thread;
	const struct rig_conf *conf;
	uv_sem_t ready;
} control;

/* A call on control's loop; the caller waits for its end. */
struct call {
	void (*fn)(void *arg);
	void *arg;
	uv_sem_t done;
};

static void
on_call(void *ctx)
{
	struct call *c = ctx;

	c->fn(c->arg);
	uv_sem_post(&c->done);
}

static void
call(void (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };

	uv_sem_init(&c.done, 0);
	loop_post(rig.loop, on_call, &c);
	uv_sem_wait(&c.done);
	uv_sem_destroy(&c.done);
}

static void
on_signal(void *ctx, const struct plane_event *e)
{
	rig.signals[e->site][e->kind] += e->n;
}

static void
on_settled(void *ctx)
{
	rig.settled++;
}

static void
run_control(void *arg)
{
	const struct rig_conf *from = control.conf;
	struct plane_conf conf = { .workers = from->workers,
				   .limits = from->limits,
				   .access_log = from->access_log,
				   .tls.files = from->certificate,
				   .tls.minimum = TLS1_2_VERSION,
				   .on_signal = on_signal,
				   .on_settled = on_settled };
	struct err e = { 0 };
	char listen[64], tls_listen[64];

	loop_open();
	rig.loop = loop_current();
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", rig.port);
	conf.listen = listen;
	snprintf(tls_listen, sizeof(tls_listen), "127.0.0.1:%u", rig.tls_port);
	conf.tls_listen = from->certificate != NULL ? tls_listen : NULL;
	rig.plane = plane_open(&conf, &e);
	if (rig.plane == NULL)
		fprintf(stderr, "plane_open: %s\n", err_text(&e));
	assert(rig.plane != NULL);
	uv_sem_post(&control.ready);
	loop_run();
	plane_close(&rig.plane);
	loop_close();
}

static void
set_address(struct route_upstream *u, const struct site *s)
{
	char text[64];
	struct err e;

	snprintf(text, sizeof(text), "127.0.0.1:%u", site_port(s));
	assert(route_address_parse(text, &u->address, &e) == 0);
	u->healthy = u->granted = true;
}

void
rig_start(const struct rig_conf *conf)
{
	static const struct rig_conf none;
	static const char *const names[] = { "primary", "backup" };
	struct span acme = span_of("acme");

	memset(&rig, 0, sizeof(rig));
	rig.port = port_hold();
	rig.tls_port = port_hold();
	for (int s = 0; s < ROUTE_SITES; s++) {
		rig.site[s] = site_start(names[s], 0);
		rig.collab[s] = site_start(names[s], 0);
		set_address(&rig.next.upstream[s][ROUTE_WEB], rig.site[s]);
		set_address(&rig.next.upstream[s][ROUTE_COLLAB], rig.collab[s]);
	}
	rig.companies = route_companies_new(&acme, 1);
	rig.next.companies = rig.companies;
	rig.next.epoch = 7;
	rig.next.hold_ms = 5000;
	rig.next.retry_after_s = 3;
	control.conf = conf != NULL ? conf : &none;
	uv_sem_init(&control.ready, 0);
	uv_thread_create(&control.thread, run_control, NULL);
	uv_sem_wait(&control.ready);
	uv_sem_destroy(&control.ready);
	rig_publish();
}

static void
on_stop(void *arg)
{
	loop_stop();
}

void
rig_stop(void)
{
	call(on_stop, NULL);
	uv_thread_join(&control.thread);
	for (int s = 0; s < ROUTE_SITES; s++) {
		site_stop(&rig.site[s]);
		site_stop(&rig.collab[s]);
	}
	route_companies_free(&rig.companies);
}

static void
do_publish(void *arg)
{
	struct route_snapshot *s = route_copy(&rig.next);

	plane_publish(rig.plane, &s);
}

static bool
is_settled(void)
{
	return rig.settled > 0;
}

void
rig_publish(void)
{
	rig.settled = 0;
	call(do_publish, NULL);
	rig_wait(is_settled);
}

void
rig_wait(bool (*fn)(void))
{
	int64_t end = clock_mono_ms() + 10000;

	while (!fn()) {
		if (clock_mono_ms() > end)
			fail_msg("waited in vain");
		usleep(2000);
	}
}

void
rig_wait_signal(enum route_site s, enum plane_signal kind)
{
	int64_t end = clock_mono_ms() + 10000;

	while (rig.signals[s][kind] == 0) {
		if (clock_mono_ms() > end)
			fail_msg("waited in vain for signal %d", (int)kind);
		usleep(2000);
	}
}

static unsigned ports[ROUTE_SITES];

void
rig_site_down(enum route_site s)
{
	ports[s] = site_port(rig.site[s]);
	site_stop(&rig.site[s]);
}

void
rig_site_up(enum route_site s)
{
	rig.site[s] = site_start(s == ROUTE_PRIMARY ? "primary" : "backup",
				 ports[s]);
}

static void
do_counts(void *arg)
{
	plane_counts(rig.plane, arg);
}

void
rig_counts(struct plane_counts *out)
{
	call(do_counts, out);
}

static void
do_metrics(void *arg)
{
	plane_metrics(rig.plane, arg);
}

void
rig_metrics(struct strbuf *out)
{
	call(do_metrics, out);
}

struct close_args {
	enum route_site site;
	int code;
	uint32_t spread_ms;
};

static void
do_close(void *arg)
{
	struct close_args *a = arg;

	plane_close_websockets(rig.plane, a->site, a->code, a->spread_ms);
}

void
rig_close_websockets(enum route_site site, int code, uint32_t spread_ms)
{
	struct close_args a = { site, code, spread_ms };

	call(do_close, &a);
}

static void
on_drained(void *ctx)
{
	rig.drained = true;
}

static void
do_drain(void *arg)
{
	plane_drain(rig.plane, on_drained, NULL);
}

void
rig_drain(void)
{
	call(do_drain, NULL);
}

static void
do_limits(void *arg)
{
	plane_set_limits(rig.plane, arg);
}

void
rig_set_limits(const struct plane_limits *l)
{
	call(do_limits, (void *)l);
}

struct reload_args {
	const char *listen;
	struct err e;
	int rc;
};

static void
do_reload(void *arg)
{
	struct reload_args *a = arg;
	struct plane_conf conf = { .listen = a->listen };

	a->rc = plane_reload(rig.plane, &conf, &a->e);
}

const char *
rig_reload(const char *listen)
{
	static struct reload_args a;

	a = (struct reload_args){ .listen = listen };
	call(do_reload, &a);
	return a.rc == 0 ? "" : err_text(&a.e);
}
