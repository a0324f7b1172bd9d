/*
 * A plane that always serves from one address, for measuring:
 *
 *   driver LISTEN UPSTREAM WORKERS ACCESS_LOG ROOMS_LISTEN ROOMS TLS_LISTEN PEM
 *
 * ROOMS: where WebSockets go. PEM: certificate and key. Ends at SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "io/loop.h"
#include "proxy/plane.h"

static void
on_signal(uv_signal_t *handle, int number)
{
	uv_close((uv_handle_t *)handle, NULL);
	loop_stop();
}

static void
set_address(struct route_upstream *u, const char *text)
{
	struct err e = { 0 };

	u->healthy = u->granted = true;
	if (route_address_parse(text, &u->address, &e) == 0)
		return;
	fprintf(stderr, "%s\n", err_text(&e));
	exit(1);
}

static void
serve(struct plane *plane, const char *upstream, const char *rooms)
{
	struct route_snapshot *s = mem_new(struct route_snapshot);

	s->epoch = 1;
	s->hold_ms = 5000;
	for (int site = 0; site < ROUTE_SITES; site++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			set_address(&s->upstream[site][k],
				    k == ROUTE_COLLAB ? rooms : upstream);
	plane_publish(plane, &s);
}

int
main(int argc, char **argv)
{
	struct plane_conf conf = { 0 };
	struct err e = { 0 };
	struct plane *plane;
	uv_signal_t term;
	char listen[256];

	if (argc != 9) {
		fprintf(stderr, "driver LISTEN UPSTREAM WORKERS ACCESS_LOG "
				"ROOMS_LISTEN ROOMS TLS_LISTEN PEM\n");
		return 1;
	}
	snprintf(listen, sizeof(listen), "%s,%s", argv[1], argv[5]);
	conf.listen = listen;
	conf.workers = (unsigned)strtoul(argv[3], NULL, 10);
	conf.access_log = argv[4];
	conf.tls_listen = argv[7];
	conf.tls.files = argv[8];
	conf.tls.minimum = TLS1_2_VERSION;
	/* all of the load comes from one address */
	conf.limits.connections_per_address = 20000;
	signal(SIGPIPE, SIG_IGN);
	loop_open();
	plane = plane_open(&conf, &e);
	if (plane == NULL) {
		fprintf(stderr, "%s\n", err_text(&e));
		return 1;
	}
	serve(plane, argv[2], argv[6]);
	uv_signal_init(loop_uv(), &term);
	uv_signal_start(&term, on_signal, SIGTERM);
	loop_run();
	plane_close(&plane);
	loop_close();
	return 0;
}
